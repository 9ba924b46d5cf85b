//! The README is tested: its commands run as pasted, one after the other, and print what it says they print.

use std::fmt::Write as _;
use std::process::Command;

use crate::ground::process::{Process, wamux};

struct Step {
    command: String,
    output: String,
}

/// The commands of the README's `console` blocks, each with the output under it.
fn steps(readme: &str) -> Vec<Step> {
    let mut steps: Vec<Step> = Vec::new();
    let mut inside = false;
    for line in readme.lines() {
        match line {
            "```console" => inside = true,
            "```" => inside = false,
            _ if !inside => {}
            _ => match line.strip_prefix("$ ") {
                Some(command) => steps.push(Step { command: command.to_owned(), output: String::new() }),
                None => writeln!(steps.last_mut().expect("output before a command").output, "{line}").unwrap(),
            },
        }
    }
    steps
}

/// Whether a text is the pattern, in which `…` stands for anything within a line.
fn is_like(text: &str, pattern: &str) -> bool {
    let (lines, patterns): (Vec<_>, Vec<_>) = (text.trim_end().lines().collect(), pattern.trim_end().lines().collect());
    lines.len() == patterns.len() && lines.iter().zip(patterns).all(|(line, pattern)| line_is_like(line, pattern))
}

fn line_is_like(line: &str, pattern: &str) -> bool {
    let mut parts = pattern.split('…');
    let Some(mut rest) = parts.next().and_then(|first| line.strip_prefix(first)) else { return false };
    let parts: Vec<&str> = parts.collect();
    for (n, part) in parts.iter().enumerate() {
        if n + 1 == parts.len() {
            return rest.ends_with(part);
        }
        match rest.find(part) {
            Some(at) => rest = &rest[at + part.len()..],
            None => return false,
        }
    }
    rest.is_empty()
}

#[test]
fn the_readmes_commands_print_what_it_says() {
    const END: &str = "<<end of a step>>";
    let folder = tempfile::tempdir().unwrap();
    let server = Process::start(folder.path());
    let readme = include_str!("../README.md");
    let steps = steps(readme);
    assert!(steps.len() > 10);
    let here = |text: &str| {
        let address = server.base.strip_prefix("http://").unwrap();
        let text = text.replace("127.0.0.1:8080", address).replace("target/debug/wamux", env!("CARGO_BIN_EXE_wamux"));
        // A machine that runs all tests at once is slower than a reader who pastes.
        text.replace("sleep 4;", "sleep 15;").replace("sleep 1;", "sleep 4;")
    };
    let script = steps
        .iter()
        .fold("exec 2>&1\n".to_owned(), |script, step| script + &here(&step.command) + "\necho '" + END + "'\n");
    // To a file: what a command leaves running in the background would hold a pipe open.
    let file = folder.path().join("printed");
    let mut bash = Command::new("bash");
    // The environment of the program under test: its folder, and nothing else of Wamux's.
    bash.env_clear().envs(wamux(folder.path()).get_envs().filter_map(|(name, value)| Some((name, value?))));
    bash.env("PATH", std::env::var_os("PATH").unwrap()).env("NO_COLOR", "1");
    bash.current_dir(&folder);
    bash.args(["-c", &script]).stdout(std::fs::File::create(&file).unwrap()).status().unwrap();
    let printed = std::fs::read_to_string(&file).unwrap();
    let outputs: Vec<&str> = printed.split(&format!("{END}\n")).collect();
    for (step, output) in steps.iter().zip(outputs) {
        let wanted = here(&step.output);
        assert!(is_like(output, &wanted), "$ {}\nprinted:\n{output}\nbut the README says:\n{wanted}", step.command);
    }
}
