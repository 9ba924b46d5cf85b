//! A run has an end: its time is up, it says too much, or nobody waits for it any more.

use std::os::unix::fs::PermissionsExt as _;
use std::time::Duration;

use tokio::io::AsyncReadExt as _;

use super::super::run::Bounds;
use super::super::words::Words;
use super::*;

impl Desk {
    /// A program that stands in for ffmpeg.
    fn program(&self, script: &str) -> Tools {
        let ffmpeg = self.write("program", format!("#!/bin/sh\n{script}\n").as_bytes());
        std::fs::set_permissions(&ffmpeg, std::fs::Permissions::from_mode(0o755)).unwrap();
        Tools { ffmpeg, ..self.tools.clone() }
    }

    fn bounds(&self, within: Duration) -> Bounds<'_> {
        Bounds { folder: self.folder.path(), within, processor: Duration::from_secs(1), file: 1_000_000 }
    }
}

#[tokio::test]
async fn nobody_waits_so_nobody_works() {
    let desk = Desk::new().await;
    let pipe = desk.folder.path().join("pipe");
    assert!(Command::new("mkfifo").arg(&pipe).status().await.unwrap().success());
    let mut watch = tokio::net::unix::pipe::OpenOptions::new().read_write(false).open_receiver(&pipe).unwrap();
    // It holds the pipe open for as long as it lives.
    let tools = desk.program(&format!("exec 3>'{}'; echo here >&3; exec /bin/sleep 600", pipe.display()));
    let mut said = String::new();
    {
        let bounds = desk.bounds(Duration::from_mins(10));
        let mut take = |_: &[u8]| Ok(());
        let run = tools.ffmpeg(Words::default(), &bounds, &mut take);
        let first = async {
            watch.readable().await.unwrap();
            let mut word = [0; 5];
            watch.read_exact(&mut word).await.unwrap();
            said = String::from_utf8_lossy(&word).into_owned();
        };
        tokio::select! {
            done = run => panic!("it ended by itself: {done:?}"),
            () = first => {}
        }
    }
    assert_eq!(said, "here\n");
    let end = tokio::time::timeout(Duration::from_secs(30), watch.read_to_end(&mut Vec::new())).await;
    assert_eq!(end.expect("the program lives on").unwrap(), 0);
}

#[tokio::test]
async fn time_is_up_at_some_time() {
    let desk = Desk::new().await;
    let tools = desk.program("exec /bin/sleep 600");
    let bounds = desk.bounds(Duration::from_secs(1));
    let fault = tools.ffmpeg(Words::default(), &bounds, &mut |_| Ok(())).await.unwrap_err();
    assert_eq!(fault, Fault::ConversionFailed("it took longer than 1 seconds".to_owned()));
}

#[tokio::test]
async fn who_works_without_end_is_stopped_by_the_system() {
    let desk = Desk::new().await;
    let tools = desk.program("while :; do :; done");
    assert!(tools.prlimit.is_some(), "the tests need prlimit, of util-linux");
    let bounds = desk.bounds(Duration::from_mins(10));
    let fault = tools.ffmpeg(Words::default(), &bounds, &mut |_| Ok(())).await.unwrap_err();
    assert_eq!(fault, Fault::ConversionFailed("it takes too much work".to_owned()));
}

#[tokio::test]
async fn who_says_too_much_is_stopped() {
    let desk = Desk::new().await;
    let tools = desk.program("while :; do echo more and more; done");
    let mut said = Vec::new();
    let mut take = super::super::run::collect(&mut said, 10_000);
    let fault = tools.ffmpeg(Words::default(), &desk.bounds(Duration::from_mins(1)), &mut take).await.unwrap_err();
    assert_eq!(fault.code(), "media_unreadable");
    drop(take);
    assert!(said.len() <= 10_000);
}

#[tokio::test]
async fn a_run_knows_nothing_of_this_server() {
    let desk = Desk::new().await;
    let tools = desk.program("env; pwd; ulimit -f");
    let mut said = Vec::new();
    let mut take = super::super::run::collect(&mut said, 10_000);
    tools.ffmpeg(Words::default(), &desk.bounds(Duration::from_mins(1)), &mut take).await.unwrap();
    drop(take);
    let said = String::from_utf8(said).unwrap();
    // What a shell sets by itself.
    let known = said.lines().filter(|line| line.contains('=')).all(|line| {
        line.starts_with("PWD=") || line.starts_with("_=") || line.starts_with("OLDPWD=") || line.starts_with("SHLVL=")
    });
    assert!(known, "{said}");
    assert!(said.contains(desk.folder.path().to_str().unwrap()) && !said.contains("unlimited"), "{said}");
}

#[tokio::test]
async fn a_program_that_is_gone_is_a_failure_and_no_panic() {
    let desk = Desk::new().await;
    let tools = Tools { ffmpeg: "/nowhere/ffmpeg".into(), nice: None, prlimit: None, ..desk.tools.clone() };
    let fault =
        tools.ffmpeg(Words::default(), &desk.bounds(Duration::from_mins(1)), &mut |_| Ok(())).await.unwrap_err();
    assert_eq!(fault.code(), "media_conversion_failed");
}
