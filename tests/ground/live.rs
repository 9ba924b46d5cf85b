//! The other build, for the real network: built for the tests that run it, and run where no network is.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use super::process;

/// The live build's program. It is always as new as its sources: cargo looks, and builds what has changed.
pub fn built() -> PathBuf {
    static BUILT: OnceLock<PathBuf> = OnceLock::new();
    BUILT.get_or_init(build).clone()
}

/// What `make test` has built by then. What both builds compile alike is compiled once (`build.build-dir`).
fn build() -> PathBuf {
    let target = target();
    let built = cargo()
        .args(["build", "--locked", "--no-default-features", "--bins", "--target-dir"])
        .arg(target.join("live"))
        .arg("--config")
        .arg(format!("build.build-dir=\"{}\"", target.display()))
        .output()
        .unwrap();
    assert!(built.status.success(), "the live build: {}", String::from_utf8_lossy(&built.stderr));
    path()
}

/// Where it is.
pub fn path() -> PathBuf {
    target().join("live/debug/wamux")
}

/// The target folder of this very build.
fn target() -> PathBuf {
    Path::new(env!("CARGO_BIN_EXE_wamux")).ancestors().nth(2).unwrap().to_owned()
}

/// Cargo as from a shell: what it tells the tests of itself would make it take crates for changed that are not.
pub fn cargo() -> Command {
    let mut cargo = Command::new(env!("CARGO"));
    cargo.current_dir(env!("CARGO_MANIFEST_DIR"));
    for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("CARGO") && name != "CARGO_HOME") {
        cargo.env_remove(name);
    }
    cargo
}

/// The live program, as `process::wamux` has the other one.
pub fn wamux(folder: &Path) -> Command {
    process::clean(Command::new(path()), folder)
}

/// Whether this process has no way to anywhere but its own loopback: no route in either family leaves it. (Devices may be there
/// all the same: a new network namespace is given idle tunnels where their modules are loaded.)
pub fn is_alone() -> bool {
    let table = |name: &str| std::fs::read_to_string(format!("/proc/net/{name}")).unwrap_or_default();
    table("route").lines().skip(1).all(|route| route.starts_with("lo\t"))
        && table("ipv6_route").lines().all(|route| route.ends_with(" lo"))
}

/// How a network namespace may be had: as root, in a user namespace, or through sudo without a password.
const WAYS: [&[&str]; 3] = [
    &["unshare", "--net"],
    &["unshare", "--user", "--map-root-user", "--net"],
    &["sudo", "-n", "-E", "unshare", "--net"],
];

fn unshared(way: &[&str], program: &str) -> Command {
    let mut command = Command::new(way[0]);
    command.args(&way[1..]).args(["sh", "-c", "ip link set lo up && exec \"$@\"", "sh", program]);
    command
}

/// Runs a test of this binary again in a network of its own, which has nothing in it. The test itself is `#[ignore]`d, and
/// checks that it `is_alone`. A machine that gives no such network, and has one itself, fails the test: nothing here may reach
/// WhatsApp.
pub fn run_alone(test: &str) {
    let mut command = if is_alone() {
        Command::new(std::env::current_exe().unwrap())
    } else {
        let way = WAYS.iter().find(|way| unshared(way, "true").output().is_ok_and(|tried| tried.status.success()));
        let way = way.expect("this machine gives nobody a network namespace: root, a user namespace or sudo is needed");
        unshared(way, std::env::current_exe().unwrap().to_str().unwrap())
    };
    let done = command.args(["--ignored", "--exact", test, "--nocapture"]).output().unwrap();
    let said = |stream: &[u8]| String::from_utf8_lossy(stream).into_owned();
    assert!(
        done.status.success() && said(&done.stdout).contains("1 passed"),
        "{test} in a network of its own (this needs `ip`, and leave to make namespaces): {}{}",
        said(&done.stdout),
        said(&done.stderr)
    );
}
