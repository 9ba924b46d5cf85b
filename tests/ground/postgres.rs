//! A throw-away PostgreSQL: a cluster of its own in a temporary folder, on a socket of its own, gone when it is dropped.

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use tempfile::TempDir;

pub struct Postgres {
    folder: TempDir,
    server: Child,
}

impl Postgres {
    /// Debian's packages put each version in a folder of its own; `make test` installs one.
    pub fn start() -> Self {
        let bin = newest_bin().expect("PostgreSQL is not installed: run `make test`, or apt-get install postgresql");
        let folder = tempfile::tempdir().unwrap();
        let user = server_user(folder.path());
        let data = folder.path().join("data");
        let init = as_user(user.as_deref(), &bin.join("initdb"))
            .args(["-D", data.to_str().unwrap(), "-U", "wamux", "-A", "trust", "-E", "UTF8", "--no-sync", "--locale=C"])
            .output()
            .unwrap();
        assert!(init.status.success(), "initdb: {}", String::from_utf8_lossy(&init.stderr));
        let server = as_user(user.as_deref(), &bin.join("postgres"))
            .args(["-D", data.to_str().unwrap(), "-k", folder.path().to_str().unwrap()])
            .args(["-c", "listen_addresses=", "-c", "fsync=off"])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let postgres = Self { folder, server };
        let psql = |sql: &str| postgres.psql(&bin, sql);
        // The server says nothing when it is ready, so it is asked.
        let up = (0..200).any(|_| psql("SELECT 1") || !Command::new("sleep").arg("0.05").status().unwrap().success());
        assert!(up && psql("CREATE DATABASE test"), "PostgreSQL did not start");
        postgres
    }

    pub fn url(&self) -> String {
        let socket = self.folder.path().to_str().unwrap().replace('/', "%2F");
        format!("postgres://wamux@{socket}/test")
    }

    fn psql(&self, bin: &Path, sql: &str) -> bool {
        let mut psql = Command::new(bin.join("psql"));
        psql.args(["-h", self.folder.path().to_str().unwrap(), "-U", "wamux", "-d", "postgres", "-qc", sql]);
        psql.stdout(Stdio::null()).stderr(Stdio::null()).status().unwrap().success()
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        let _ = self.server.kill();
        let _ = self.server.wait();
    }
}

fn newest_bin() -> Option<PathBuf> {
    let mut versions: Vec<_> =
        fs::read_dir("/usr/lib/postgresql").ok()?.flatten().map(|v| v.path().join("bin")).collect();
    versions.retain(|bin| bin.join("initdb").exists());
    versions.sort_by_key(|bin| bin.parent().and_then(|v| v.file_name()?.to_str()?.parse::<u32>().ok()));
    versions.pop()
}

/// PostgreSQL refuses to run as root; then the account that Debian's package made runs it, and owns the folder.
fn server_user(folder: &Path) -> Option<String> {
    if fs::metadata(folder).unwrap().uid() != 0 {
        return None;
    }
    fs::set_permissions(folder, fs::Permissions::from_mode(0o777)).unwrap();
    Some("postgres".to_owned())
}

fn as_user(user: Option<&str>, program: &Path) -> Command {
    let Some(user) = user else { return Command::new(program) };
    let mut command = Command::new("setpriv");
    // The server must die with the test even when the test is killed.
    command.args(["--reuid", user, "--regid", user, "--clear-groups", "--pdeathsig", "KILL"]).arg(program);
    command.current_dir("/");
    command
}
