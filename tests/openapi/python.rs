//! Programs of the Python world, of certain versions, in an environment of their own below the target folder; made once.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;

use super::beside_this;

/// Where they are; made by the first who asks.
pub fn installed() -> &'static Path {
    static INSTALLED: OnceLock<PathBuf> = OnceLock::new();
    INSTALLED.get_or_init(install)
}

fn install() -> PathBuf {
    let wanted = std::fs::read_to_string(beside_this("requirements.txt")).unwrap();
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("python");
    // It is written last, so what was begun and not ended is begun anew.
    let done = folder.join("installed.txt");
    if std::fs::read_to_string(&done).is_ok_and(|had| had == wanted) {
        return folder;
    }
    let _ = std::fs::remove_dir_all(&folder);
    run(Command::new("python3").args(["-m", "venv"]).arg(&folder));
    let mut pip = Command::new(folder.join("bin/pip"));
    run(pip
        .args(["install", "--quiet", "--disable-pip-version-check", "--requirement"])
        .arg(beside_this("requirements.txt")));
    std::fs::write(done, wanted).unwrap();
    folder
}

fn run(command: &mut Command) {
    let ran = command.stdin(Stdio::null()).output().expect("python3 is there: make setup-test installs it");
    assert!(ran.status.success(), "{command:?}: {}", String::from_utf8_lossy(&ran.stderr));
}
