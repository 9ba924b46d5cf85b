//! Throw-away PostgreSQL: one cluster for the whole test process, a database of its own for each test, and nothing left behind.

use std::fs;
use std::net::SocketAddr;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};

/// A database of its own on the cluster that the tests of this process share; dropped, it is gone.
pub struct Postgres {
    name: String,
}

impl Postgres {
    pub fn start() -> Self {
        Self::start_with("")
    }

    /// With more words for `CREATE DATABASE`.
    pub fn start_with(more: &str) -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let name = format!("test{}", NEXT.fetch_add(1, Ordering::Relaxed));
        shared().psql(&format!("CREATE DATABASE {name} {more}")).unwrap();
        Self { name }
    }

    /// Runs a statement about this database, whose name stands for `{}`.
    #[allow(dead_code, reason = "not every test binary has something to say")]
    pub fn psql(&self, sql: &str) -> String {
        shared().psql(&sql.replace("{}", &self.name)).unwrap()
    }

    pub fn url(&self) -> String {
        shared().url(&self.name)
    }

    /// The same by another way there.
    #[allow(dead_code, reason = "the benches go straight")]
    pub fn url_at(&self, addr: SocketAddr) -> String {
        format!("postgres://wamux@{addr}/{}", self.name)
    }

    /// Where its server listens.
    #[allow(dead_code, reason = "the benches go straight")]
    #[allow(clippy::unused_self, reason = "a server's, as its other ways are")]
    pub fn socket(&self) -> PathBuf {
        shared().folder.join(".s.PGSQL.5432")
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        // A server that was killed may not have left yet.
        let _ = shared().psql(&format!("DROP DATABASE {} WITH (FORCE)", self.name));
    }
}

/// Starting a cluster takes seconds, so the first who needs it starts it for all. A static is never dropped: the cluster ends with
/// this process by itself.
fn shared() -> &'static Cluster {
    static SHARED: OnceLock<Cluster> = OnceLock::new();
    SHARED.get_or_init(Cluster::start)
}

/// A PostgreSQL in a temporary folder, on a socket of its own. It ends, and its folder goes, when this value or this process does.
pub struct Cluster {
    folder: PathBuf,
    bin: PathBuf,
    keeper: Option<Child>,
}

/// Runs the server until whoever holds the other end of its input lets go, by a drop or by a death; then cleans up, unless the server
/// is only paused.
const KEEPER: &str = r#"folder=$1; shift
"$@" >"$folder/log" 2>&1 </dev/null & server=$!
cat >/dev/null
kill -QUIT $server; wait $server
[ -e "$folder/paused" ] || rm -rf "$folder""#;

impl Cluster {
    /// Debian's packages put each version in a folder of its own; `make test` installs one.
    pub fn start() -> Self {
        let bin = newest_bin().expect("PostgreSQL is not installed: run `make test`, or apt-get install postgresql");
        let folder = tempfile::Builder::new().prefix("wamux-pg").tempdir().unwrap().keep();
        let mut cluster = Self { folder, bin, keeper: None };
        if cluster.is_root() {
            fs::set_permissions(&cluster.folder, fs::Permissions::from_mode(0o777)).unwrap();
        }
        let init = cluster
            .server_command("initdb")
            .args(["-U", "wamux", "-A", "trust", "-E", "UTF8", "--no-sync", "--locale=C"])
            .output()
            .unwrap();
        assert!(init.status.success(), "initdb: {}", String::from_utf8_lossy(&init.stderr));
        // Everybody is let in, but `guarded` has a password.
        let doors = "local all guarded scram-sha-256\nlocal all all trust\n";
        fs::write(cluster.folder.join("data/pg_hba.conf"), doors).unwrap();
        cluster.resume();
        cluster.psql("CREATE ROLE guarded LOGIN PASSWORD 'open sesame'").unwrap();
        cluster
    }

    /// The URL of one of its databases; `postgres` is always there.
    pub fn url(&self, database: &str) -> String {
        format!("postgres://wamux@{}/{database}", self.folder.to_str().unwrap().replace('/', "%2F"))
    }

    /// Stops the server and keeps its data.
    #[allow(dead_code, reason = "not every test binary takes the database away")]
    pub fn pause(&mut self) {
        fs::write(self.folder.join("paused"), "").unwrap();
        self.end();
    }

    /// Starts the server again where it was paused.
    pub fn resume(&mut self) {
        let _ = fs::remove_file(self.folder.join("paused"));
        let mut server = self.server_command("postgres");
        server.args(["-k", self.folder.to_str().unwrap(), "-c", "listen_addresses=", "-c", "fsync=off"]);
        server.args(["-c", "max_connections=300", "-c", "shared_buffers=32MB"]);
        let mut keeper = Command::new("sh");
        keeper.args(["-c", KEEPER, "keeper", self.folder.to_str().unwrap()]);
        keeper.arg(server.get_program()).args(server.get_args()).current_dir("/");
        // In a group of its own: Ctrl-C is for the tests, whose end the keeper notices.
        keeper.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null()).process_group(0);
        self.keeper = Some(keeper.spawn().unwrap());
        // The server says nothing when it is ready, so it is asked.
        let pause = || Command::new("sleep").arg("0.05").status().unwrap().success();
        let up = (0..400).any(|_| self.psql("SELECT 1").is_ok() || !pause());
        assert!(up, "PostgreSQL did not start: {}", fs::read_to_string(self.folder.join("log")).unwrap_or_default());
    }

    /// Runs a statement as the cluster's owner.
    pub fn psql(&self, sql: &str) -> Result<String, String> {
        let mut psql = Command::new(self.bin.join("psql"));
        psql.args(["-h", self.folder.to_str().unwrap(), "-U", "wamux", "-d", "postgres", "-qAtc", sql]);
        let done = psql.output().unwrap();
        let said = |bytes: &[u8]| String::from_utf8_lossy(bytes).trim().to_owned();
        if done.status.success() { Ok(said(&done.stdout)) } else { Err(said(&done.stderr)) }
    }

    fn end(&mut self) {
        if let Some(mut keeper) = self.keeper.take() {
            drop(keeper.stdin.take());
            let _ = keeper.wait();
        }
    }

    fn is_root(&self) -> bool {
        fs::metadata(&self.folder).unwrap().uid() == 0
    }

    /// One of PostgreSQL's programs on the cluster's data. It refuses to run as root; then the account that Debian's package made
    /// runs it, and it dies with its keeper even when that is killed.
    fn server_command(&self, program: &str) -> Command {
        let program = self.bin.join(program);
        let mut command = if self.is_root() {
            let mut command = Command::new("setpriv");
            command.args(["--reuid", "postgres", "--regid", "postgres", "--clear-groups", "--pdeathsig", "KILL"]);
            command.arg(program);
            command
        } else {
            Command::new(program)
        };
        command.arg("-D").arg(self.folder.join("data")).current_dir("/");
        command
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        self.end();
    }
}

fn newest_bin() -> Option<PathBuf> {
    let mut versions: Vec<_> =
        fs::read_dir("/usr/lib/postgresql").ok()?.flatten().map(|v| v.path().join("bin")).collect();
    versions.retain(|bin: &PathBuf| bin.join("initdb").exists());
    let number = |bin: &Path| bin.parent().and_then(|v| v.file_name()?.to_str()?.parse::<u32>().ok());
    versions.sort_by_key(|bin| number(bin));
    versions.pop()
}
