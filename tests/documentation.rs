//! The guide is tested: its commands work as pasted, one after the other, in every language that it is written in.

use std::process::Command;

use crate::ground::process::{Process, wamux};

/// The commands of the guide's `sh` blocks.
fn commands(guide: &str) -> Vec<String> {
    let blocks = guide.split("```sh\n").skip(1).filter_map(|block| block.split("```").next());
    blocks.flat_map(str::lines).map(str::to_owned).collect()
}

fn the_commands_work(guide: &str) {
    let folder = tempfile::tempdir().unwrap();
    let server = Process::start(folder.path());
    let commands = commands(guide);
    assert!(commands.len() > 10, "{commands:?}");
    let address = server.base.strip_prefix("http://").unwrap();
    // A refusal is a failure, and so is a stream that ends without its event; a stream that was read far enough is not.
    let mut script = format!(
        "set -e -o pipefail\ncurl() {{ command curl --fail-with-body \"$@\"; }}\nwamux() {{ '{}' \"$@\"; }}\n",
        env!("CARGO_BIN_EXE_wamux")
    );
    for command in commands {
        // A machine that runs all tests at once is slower than a reader who pastes.
        script += &command.replace("127.0.0.1:8080", address).replace("sleep 1;", "sleep 5;");
        script += "\n";
    }
    let mut bash = Command::new("bash");
    // The environment of the program under test: its folder, and nothing else of Wamux's.
    bash.env_clear().envs(wamux(folder.path()).get_envs().filter_map(|(name, value)| Some((name, value?))));
    bash.env("PATH", std::env::var_os("PATH").unwrap()).current_dir(&folder);
    let done = bash.args(["-c", &script]).output().unwrap();
    let (said, wrong) = (String::from_utf8_lossy(&done.stdout), String::from_utf8_lossy(&done.stderr));
    assert!(done.status.success(), "{script}\n{said}\n{wrong}");
    assert!(said.contains("\"status\":\"pending\"") && said.contains("idempotency-replayed: true"), "{said}");
}

#[test]
fn the_english_guides_commands_work() {
    the_commands_work(include_str!("../src/http/pages/docs/guide/english.md"));
}

#[test]
fn the_french_guides_commands_work() {
    the_commands_work(include_str!("../src/http/pages/docs/guide/french.md"));
}
