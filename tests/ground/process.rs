//! The server as a process of its own, as an operator runs it: what is killed here is really killed.

use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use super::Place;
use super::app::Caller;
use wamux::clock::instant;

pub struct Process {
    child: Child,
    folder: PathBuf,
    database: Option<String>,
    pub base: String,
    /// What it logged until it listened.
    #[allow(dead_code, reason = "the benches need to know nothing of it")]
    pub said: String,
    log: Arc<Mutex<String>>,
}

/// The program under test, with a folder of its own and nothing from the outside.
pub fn wamux(folder: &Path) -> Command {
    clean(Command::new(env!("CARGO_BIN_EXE_wamux")), folder)
}

/// The same for another command that ends in a `wamux`.
pub fn clean(mut command: Command, folder: &Path) -> Command {
    for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("WAMUX_")) {
        command.env_remove(name);
    }
    command.env("WAMUX_DATA_DIR", folder).env("WAMUX_LISTEN", "127.0.0.1:0");
    command
}

impl Process {
    /// Starts the server and waits until it says where it listens.
    pub fn start(folder: &Path) -> Self {
        Self::spawn(wamux(folder), "serve", folder, None)
    }

    /// The same on a folder and a database of either kind.
    pub fn start_on(place: &Place) -> Self {
        Self::start_with(place, &[])
    }

    /// With more variables.
    pub fn start_with(place: &Place, variables: &[(&str, &str)]) -> Self {
        let mut command = place.wamux();
        command.envs(variables.iter().copied());
        Self::spawn(command, "serve", place.folder(), place.database_url())
    }

    /// Starts the simulated network alone, on any free port or on the one that it had.
    #[allow(dead_code, reason = "the benches keep it in the process")]
    pub fn sandbox(folder: &Path, listen: &str) -> Self {
        let mut command = wamux(folder);
        command.env("WAMUX_SANDBOX_LISTEN", listen);
        Self::spawn(command, "sandbox", folder, None)
    }

    /// What to give to a server as `WAMUX_SANDBOX_URL`.
    #[allow(dead_code, reason = "the benches keep it in the process")]
    pub fn network(&self) -> String {
        format!("ws://{}/ws/chat", self.address())
    }

    #[allow(dead_code, reason = "the benches ask by URL")]
    pub fn address(&self) -> &str {
        self.base.strip_prefix("http://").unwrap()
    }

    /// The same of a program that is told something besides.
    pub fn spawn(mut command: Command, what: &str, folder: &Path, database: Option<String>) -> Self {
        let mut child = command.arg(what).stderr(Stdio::piped()).spawn().unwrap();
        let mut log = BufReader::new(child.stderr.take().unwrap());
        let mut seen = String::new();
        let base = loop {
            let before = seen.len();
            assert!(log.read_line(&mut seen).unwrap() > 0, "it ended: {seen}");
            if let Some((_, address)) = seen[before..].split_once("listening on ") {
                break address.split_whitespace().next().unwrap().to_owned();
            }
        };
        // Read on, or the server would wait for room to log.
        let all = Arc::new(Mutex::new(seen.clone()));
        std::thread::spawn({
            let all = Arc::clone(&all);
            move || {
                let mut line = Vec::new();
                while log.read_until(b'\n', &mut line).is_ok_and(|read| read > 0) {
                    let _ = std::io::stderr().write_all(&line);
                    all.lock().unwrap().push_str(&String::from_utf8_lossy(&line));
                    line.clear();
                }
            }
        });
        Self { child, folder: folder.to_owned(), database, base, said: seen, log: all }
    }

    /// What it logged until now.
    #[allow(dead_code, reason = "the benches need to know nothing of it")]
    pub fn log(&self) -> String {
        self.log.lock().unwrap().clone()
    }

    /// For whoever looks at the process from outside.
    #[allow(dead_code, reason = "the benches measure a process")]
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// The program beside the running server, on the same folder and database.
    fn beside(&self) -> Command {
        let mut command = wamux(&self.folder);
        command.envs(self.database.iter().map(|url| ("WAMUX_DATABASE_URL", url)));
        command
    }

    /// A key made by the command line, beside the running server.
    pub fn key(&self, email: &str) -> String {
        let made = self.beside().args(["keys", "create", "--email", email]).output().unwrap();
        assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
        String::from_utf8(made.stdout).unwrap().trim().to_owned()
    }

    pub fn set_plan(&self, email: &str, plan: &str) {
        let done = self.beside().args(["tenants", "set-plan", "--email", email, "--plan", plan]).output().unwrap();
        assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    }

    pub fn caller(&self, key: &str) -> Caller {
        Caller::new(self.base.clone(), Some(key.to_owned()))
    }

    /// kill -9: no good-bye, nothing flushed.
    pub fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// `STOP`, `CONT`: what only the operating system answers.
    #[allow(dead_code, reason = "the benches freeze nobody")]
    pub fn signal(&self, name: &str) {
        let sent = Command::new("kill").args(["-s", name]).arg(self.child.id().to_string()).status();
        assert!(sent.unwrap().success());
    }

    /// How it ended, if it has by itself.
    #[allow(dead_code, reason = "the benches end what they start")]
    pub fn ended(&mut self) -> Option<ExitStatus> {
        self.child.try_wait().unwrap()
    }

    /// SIGTERM; how it ended and how long it took.
    pub fn terminate(mut self) -> (ExitStatus, Duration) {
        let began = instant();
        assert!(Command::new("kill").arg(self.child.id().to_string()).status().unwrap().success());
        (self.child.wait().unwrap(), began.elapsed())
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
