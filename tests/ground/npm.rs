//! What tests take from the npm registry: installed once for each lock file, and taken from there.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Command;

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use ring::digest::{SHA256, digest};

/// The folder where the packages of `tests/{name}` are installed, with these files of it beside them.
pub fn installed(name: &str, files: &[&str]) -> PathBuf {
    let here = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests").join(name);
    let read = |name: &str| fs::read(here.join(name)).unwrap();
    let hash = digest(&SHA256, &[read("package-lock.json"), read(".npmrc")].concat());
    let hash = BASE64_URL_SAFE_NO_PAD.encode(&hash.as_ref()[..9]);
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("{name}-{hash}"));
    fs::create_dir_all(&folder).unwrap();
    // Two test runs at once install once.
    let lock = File::create(folder.join("lock")).unwrap();
    lock.lock().unwrap();
    for name in ["package.json", "package-lock.json", ".npmrc"].iter().chain(files) {
        fs::write(folder.join(name), read(name)).unwrap();
    }
    if !folder.join("installed").exists() {
        let done = Command::new("npm").args(["ci", "--omit=dev"]).current_dir(&folder).output();
        let done = done.expect("npm is missing: make setup-test installs it, and Node.js 18 or later is what it needs");
        assert!(done.status.success(), "npm ci: {}", String::from_utf8_lossy(&done.stderr));
        fs::write(folder.join("installed"), "").unwrap();
    }
    folder
}
