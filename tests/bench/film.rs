//! What a video of 64 MB costs: from the upload to this server through the pool to the media server of the sandbox, which is in the
//! same process; against a plain copy of the same file, with an fsync, in the same folder.

use std::fs::{self, File};
use std::io::Write;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use reqwest::Method;
use wamux::clock::instant;

use crate::ground::app::{Caller, until};
use crate::ground::process::Process;

const ROUNDS: usize = 3;
const FRIEND: &str = "+237610000001";
/// Ticks of a processor in a second, as Linux tells them.
const TICKS: f64 = 100.0;

pub(crate) async fn film() {
    let folder = super::folder();
    let film = make(folder.path());
    let size = film.len() as f64 / 1_048_576.0;
    let server = Process::start(folder.path());
    let key = super::unlimited(&server, folder.path()).await;
    let caller = server.caller(&key);
    caller.link("one", "+237600000001").await;
    caller.text(FRIEND, "first contact").await;
    until("first contact", async || caller.screen(FRIEND).await.len() == 1).await;
    let before = peak(server.id());
    let (mut all, mut copies) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        let watch = Watch::of(server.id());
        let (began, used) = (instant(), processor(server.id()));
        let id = send(&caller, &film).await;
        let accepted = began.elapsed();
        let mut sent = false;
        while !sent {
            tokio::time::sleep(Duration::from_millis(5)).await;
            let message = caller.get(&format!("/messages/{id}")).await.expect(200);
            assert_ne!(message["status"], "failed", "{message}");
            sent = message["status"] != "pending";
        }
        all.push((began.elapsed(), accepted, processor(server.id()) - used, watch.end().await));
        copies.push(copy(folder.path(), &film));
    }
    all.sort_by_key(|(time, ..)| *time);
    copies.sort();
    let ((time, accepted, used, programs), floor) = (all[ROUNDS / 2], copies[ROUNDS / 2]);
    let memory = peak(server.id());
    println!(
        "film: {size:.1} MB remuxed, encrypted and uploaded in {time:.2?} from the POST to `sent`, {accepted:.2?} of them to the 202"
    );
    println!(
        "film: floor, a copy of the same file with an fsync: {floor:.2?}; ratio {:.1}",
        time.as_secs_f64() / floor.as_secs_f64()
    );
    println!("film: {used:.2} s of the processor, ffmpeg and the simulated network's side included");
    println!("film: {memory} kB at the most in the server ({before} kB before), {programs} kB in ffmpeg");
}

/// A film that has to be remuxed and no more, of as many bytes as may be.
fn make(folder: &Path) -> Vec<u8> {
    let file = folder.join("film.mp4");
    let words = "-v error -y -f lavfi -i testsrc2=size=1280x720:rate=30,noise=alls=80:allf=t -f lavfi -i sine=r=44100 -t 60 \
                 -c:v libx264 -preset ultrafast -pix_fmt yuv420p -b:v 60M -maxrate 60M -bufsize 60M -c:a aac -fs 65000000";
    let made = std::process::Command::new("ffmpeg").args(words.split_whitespace()).arg(&file).status().unwrap();
    assert!(made.success());
    let bytes = fs::read(&file).unwrap();
    assert!((60 << 20..=64 << 20).contains(&bytes.len()), "{} bytes", bytes.len());
    bytes
}

async fn send(caller: &Caller, film: &[u8]) -> String {
    let part = |name: &str, more: &str| format!("--x\r\nContent-Disposition: form-data; name=\"{name}\"{more}\r\n\r\n");
    let mut body = format!("{}{FRIEND}\r\n{}video\r\n", part("to", ""), part("mediaType", "")).into_bytes();
    body.extend(part("file", "; filename=\"film.mp4\"\r\nContent-Type: video/mp4").as_bytes());
    body.extend_from_slice(film);
    body.extend(b"\r\n--x--\r\n");
    let request = caller.request(Method::POST, "/messages/media");
    let request = request.header("Content-Type", "multipart/form-data; boundary=x").body(body);
    caller.send(request).await.expect(202)["id"].as_str().unwrap().to_owned()
}

/// What the disk allows: the file is read, written and brought to it.
fn copy(folder: &Path, film: &[u8]) -> Duration {
    let copy = folder.join("copy.mp4");
    let began = instant();
    let bytes = fs::read(folder.join("film.mp4")).unwrap();
    assert_eq!(bytes.len(), film.len());
    let mut written = File::create(&copy).unwrap();
    written.write_all(&bytes).unwrap();
    written.sync_all().unwrap();
    let took = began.elapsed();
    fs::remove_file(&copy).unwrap();
    took
}

/// The most memory that a process had, in kB.
fn peak(process: u32) -> u64 {
    let status = fs::read_to_string(format!("/proc/{process}/status")).unwrap_or_default();
    let line = status.lines().find(|line| line.starts_with("VmHWM:"));
    line.and_then(|line| line.split_whitespace().nth(1)?.parse().ok()).unwrap_or(0)
}

/// Seconds of the processor that a process took, and its children that have ended.
fn processor(process: u32) -> f64 {
    let stat = fs::read_to_string(format!("/proc/{process}/stat")).unwrap();
    // Its name may hold anything, and ends with the last bracket.
    let fields: Vec<&str> = stat.rsplit_once(')').unwrap().1.split_whitespace().collect();
    fields[11..15].iter().map(|ticks| ticks.parse::<f64>().unwrap()).sum::<f64>() / TICKS
}

/// Looks at the children of a process, whose memory nobody else tells.
struct Watch {
    over: Arc<AtomicBool>,
    most: Arc<AtomicU64>,
    task: tokio::task::JoinHandle<()>,
}

impl Watch {
    fn of(process: u32) -> Self {
        let (over, most) = (Arc::<AtomicBool>::default(), Arc::<AtomicU64>::default());
        let (ended, seen) = (Arc::clone(&over), Arc::clone(&most));
        let task = tokio::task::spawn_blocking(move || {
            while !ended.load(Ordering::Relaxed) {
                for child in children(process) {
                    seen.fetch_max(peak(child), Ordering::Relaxed);
                }
                std::thread::sleep(Duration::from_millis(10));
            }
        });
        Self { over, most, task }
    }

    async fn end(self) -> u64 {
        self.over.store(true, Ordering::Relaxed);
        self.task.await.unwrap();
        self.most.load(Ordering::Relaxed)
    }
}

fn children(process: u32) -> Vec<u32> {
    let tasks = fs::read_dir(format!("/proc/{process}/task")).into_iter().flatten().flatten();
    let listed = tasks.filter_map(|task| fs::read_to_string(task.path().join("children")).ok());
    listed.flat_map(|ids| ids.split_whitespace().filter_map(|id| id.parse().ok()).collect::<Vec<_>>()).collect()
}
