//! What comes after the head: too much of it, too little, too slowly, or in a wrapping.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::time::Duration;

use tokio::io::AsyncWriteExt;
use tokio::sync::mpsc;

use super::{Ground, MB, PUBLIC, SHORT, Site, failed, ok};
use crate::actors::media::fetch::{PATIENCE, Patience};
use crate::domain::media::Fault;

#[tokio::test]
async fn a_file_comes_whole_and_is_for_its_owner_alone() {
    let body: Vec<u8> = (0..700_001_u32).map(|n| (n % 251) as u8).collect();
    let length = format!("Content-Length: {}\r\nContent-Type: image/png\r\n", body.len());
    let mut chunks = Vec::new();
    for chunk in body.chunks(4096) {
        chunks.extend_from_slice(format!("{:x}\r\n", chunk.len()).as_bytes());
        chunks.extend_from_slice(chunk);
        chunks.extend_from_slice(b"\r\n");
    }
    chunks.extend_from_slice(b"0\r\n\r\n");
    for answer in [ok(&length, &body), ok("", &body), ok("Transfer-Encoding: chunked\r\n", &chunks)] {
        let (ground, site) = (Ground::new(), Site::saying(answer).await);
        // Exactly as much as may be.
        let fetched = ground.fetch(&site.url("/a.png"), body.len() as u64).await.unwrap();
        assert_eq!(fetched.size, body.len() as u64);
        assert_eq!(fetched.claimed.unwrap().essence_str(), "image/png");
        assert_eq!(fs::read(ground.file()).unwrap(), body);
        assert_eq!(fs::metadata(ground.file()).unwrap().permissions().mode() & 0o777, 0o600);
    }
}

#[tokio::test]
async fn a_file_that_is_there_is_neither_overwritten_nor_removed() {
    let (ground, site) = (Ground::new(), Site::saying(ok("", b"film")).await);
    fs::write(ground.file(), "older").unwrap();
    let (again, why) = failed(ground.fetcher.fetch(&site.url("/"), MB, &ground.file()).await.unwrap_err());
    assert!(again && why.contains("disk"), "{why}");
    assert_eq!(fs::read(ground.file()).unwrap(), b"older");
}

#[tokio::test]
async fn an_announced_length_above_the_limit_is_refused_before_the_body() {
    let site = Site::serving(|_, mut stream| async move {
        stream.write_all(&ok(&format!("Content-Length: {}\r\n", MB + 1), b"")).await.unwrap();
        // The body never comes: the refusal must not wait for it.
        std::future::pending::<()>().await;
    })
    .await;
    assert_eq!(Ground::new().fault(&site.url("/")).await, Fault::TooLarge { limit: MB });
}

/// Sends so many blocks of 64 KB without saying how many they are; tells how many went out.
async fn streaming(blocks: u64) -> (Site, mpsc::UnboundedReceiver<u64>) {
    let (count, counted) = mpsc::unbounded_channel();
    let site = Site::serving(move |_, mut stream| {
        let count = count.clone();
        async move {
            let (block, mut sent) = (vec![7; 64 * 1024], 0);
            let mut written = stream.write_all(&ok("", b"")).await;
            while written.is_ok() && sent < blocks {
                written = stream.write_all(&block).await;
                sent += 1;
            }
            let _ = count.send(sent);
        }
    })
    .await;
    (site, counted)
}

#[tokio::test]
async fn an_endless_stream_is_cut_at_the_limit() {
    let (site, mut counted) = streaming(u64::MAX).await;
    assert_eq!(Ground::new().fault(&site.url("/")).await, Fault::TooLarge { limit: MB });
    // The other side notices that we have left, after what the sockets hold.
    let sent = counted.recv().await.unwrap() / 16;
    assert!(sent < 64, "{sent} MB");
}

#[tokio::test]
async fn sixty_five_megabytes_without_a_length_are_too_many_and_sixty_four_are_not() {
    let (site, _counted) = streaming(65 * 16).await;
    assert_eq!(Ground::new().fetch(&site.url("/"), 64 * MB).await, Err(Fault::TooLarge { limit: 64 * MB }));
    let (site, _counted) = streaming(64 * 16).await;
    assert_eq!(Ground::new().fetch(&site.url("/"), 64 * MB).await.unwrap().size, 64 * MB);
}

#[tokio::test]
async fn a_length_that_says_too_little_ends_the_file_there() {
    let (ground, site) = (Ground::new(), Site::saying(ok("Content-Length: 5\r\n", &vec![9; 500_000])).await);
    assert_eq!(ground.fetch(&site.url("/"), MB).await.unwrap().size, 5);
    assert_eq!(fs::read(ground.file()).unwrap(), [9; 5]);
}

#[tokio::test]
async fn a_body_that_breaks_off_may_be_whole_the_next_time() {
    for answer in [
        ok("Content-Length: 100000\r\n", &vec![1; 99_999]),
        ok("Transfer-Encoding: chunked\r\n", b"5\r\nabcde\r\n"),
        ok("Transfer-Encoding: chunked\r\n", b"ffff\r\nabcde"),
    ] {
        let (again, why) = failed(Ground::new().fault(&Site::saying(answer).await.url("/")).await);
        assert!(again && why.contains("broke off"), "{why}");
    }
}

#[tokio::test]
async fn an_empty_file_is_none() {
    for answer in [ok("Content-Length: 0\r\n", b""), ok("", b""), ok("Transfer-Encoding: chunked\r\n", b"0\r\n\r\n")] {
        let (again, why) = failed(Ground::new().fault(&Site::saying(answer).await.url("/")).await);
        assert!(!again && why == format!("{PUBLIC} sent an empty file"), "{why}");
    }
}

#[tokio::test]
async fn what_comes_compressed_is_refused_and_never_unpacked() {
    for coding in ["gzip", "br", "deflate", "zstd", "x-unknown", "gzip, identity"] {
        let site = Site::saying(ok(&format!("Content-Encoding: {coding}\r\n"), b"\x1f\x8b\x08")).await;
        let (again, why) = failed(Ground::new().fault(&site.url("/")).await);
        assert!(!again && why.contains("compressed"), "{coding} {why}");
    }
    let site = Site::saying(ok("Content-Encoding: Identity\r\n", b"film")).await;
    assert_eq!(Ground::new().fetch(&site.url("/"), MB).await.unwrap().size, 4);
}

/// Says nothing more after these bytes, and stays.
async fn silent_after(bytes: Vec<u8>) -> Site {
    Site::serving(move |_, mut stream| {
        let bytes = bytes.clone();
        async move {
            stream.write_all(&bytes).await.unwrap();
            std::future::pending::<()>().await;
        }
    })
    .await
}

#[tokio::test]
async fn silence_is_left_before_the_head_and_in_the_body() {
    let ground = Ground::with(PUBLIC, super::Zone::default().into(), SHORT);
    for bytes in [Vec::new(), b"HTTP/1.1 200 OK\r\nX-A".to_vec(), ok("Content-Length: 9\r\n", b"film"), ok("", b"")] {
        let (again, why) = failed(ground.fault(&silent_after(bytes).await.url("/")).await);
        assert!(again && why.contains("did not answer in time"), "{why}");
    }
}

#[tokio::test]
async fn a_body_that_drips_is_bounded_as_a_whole() {
    let drip = Duration::from_millis(20);
    let site = Site::serving(move |_, mut stream| async move {
        let mut written = stream.write_all(&ok("", b"")).await;
        let mut beat = tokio::time::interval(drip);
        while written.is_ok() {
            beat.tick().await;
            written = stream.write_all(b"x").await;
        }
    })
    .await;
    let patience = Patience { total: Duration::from_secs(1), ..PATIENCE };
    let ground = Ground::with(PUBLIC, super::Zone::default().into(), patience);
    let (again, why) = failed(ground.fault(&site.url("/")).await);
    assert!(again && why == "it took longer than 1 s", "{why}");
}

#[tokio::test]
async fn nothing_is_left_of_a_download_that_nobody_waits_for() {
    let (ground, site) = (Ground::new(), silent_after(ok("", &vec![5; 600_000])).await);
    let (fetcher, file, url) = (ground.fetcher.clone(), ground.file(), site.url("/"));
    let download = tokio::spawn(async move { fetcher.fetch(&url, MB, &file).await });
    let some = async {
        while fs::metadata(ground.file()).map_or(0, |file| file.len()) == 0 {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(10), some).await.unwrap();
    download.abort();
    assert!(download.await.unwrap_err().is_cancelled());
    assert!(!ground.file().exists());
}
