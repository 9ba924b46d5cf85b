//! What the system says of this process, under the names that Prometheus' own libraries use. Where there is no `/proc`, it is left out.

use std::fs;

use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

use super::now::gauge;

pub(super) fn registry() -> Registry {
    let mut all = Registry::with_prefix("process");
    if let Some(bytes) = resident() {
        all.register("resident_memory_bytes", "Memory that the process holds", gauge(bytes));
    }
    if let Ok(open) = fs::read_dir("/proc/self/fd") {
        all.register("open_fds", "Open files and connections", gauge(open.count()));
    }
    if let Ok((soft, _)) = rlimit::Resource::NOFILE.get() {
        all.register("max_fds", "How many may be open", gauge(soft.try_into().unwrap_or(usize::MAX)));
    }
    if let Some(seconds) = started() {
        let start: Gauge<f64, std::sync::atomic::AtomicU64> = Gauge::default();
        start.set(seconds);
        all.register("start_time_seconds", "When the process started, since 1970", start);
    }
    all
}

fn resident() -> Option<usize> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kilobytes: usize = line.trim().strip_suffix(" kB")?.trim().parse().ok()?;
    Some(kilobytes * 1024)
}

/// Since when the process runs: the start of the machine, and the ticks of a hundredth of a second from there.
fn started() -> Option<f64> {
    let stat = fs::read_to_string("/proc/self/stat").ok()?;
    // The name in brackets may hold spaces; what comes after it has none.
    let ticks: u32 = stat.rsplit_once(") ")?.1.split(' ').nth(19)?.parse().ok()?;
    let machine = fs::read_to_string("/proc/stat").ok()?;
    let booted: u32 = machine.lines().find_map(|line| line.strip_prefix("btime "))?.trim().parse().ok()?;
    Some(f64::from(booted) + f64::from(ticks) / 100.0)
}
