//! Forms: parts in any order and in any pieces; too large, too slow, cut off, malformed.

use std::path::Path;

use futures_util::{StreamExt, stream};

use super::*;
use crate::actors::uploading_into;

const KIND: &str = "multipart/form-data; boundary=x";

fn headers(kind: &str) -> HeaderMap {
    HeaderMap::from_iter([(CONTENT_TYPE, kind.parse().unwrap())])
}

/// A form with these parts; the one named `file` is a file.
fn form(boundary: &str, parts: &[(&str, &str)]) -> Vec<u8> {
    let part = |(name, content): &(&str, &str)| {
        let file = if *name == "file" { "; filename=\"a.jpg\"\r\nContent-Type: image/jpeg" } else { "" };
        format!("--{boundary}\r\nContent-Disposition: form-data; name=\"{name}\"{file}\r\n\r\n{content}\r\n")
    };
    let parts: String = parts.iter().map(part).collect();
    format!("{parts}--{boundary}--\r\n").into_bytes()
}

fn in_pieces(body: &[u8], size: usize) -> Chunks {
    let pieces: Vec<_> = body.chunks(size).map(|piece| Ok(Bytes::copy_from_slice(piece))).collect();
    Box::pin(stream::iter(pieces))
}

/// What is left in the spool, the folder of jobs aside.
fn left(folder: &Path) -> usize {
    std::fs::read_dir(folder.join("media")).unwrap().count() - 1
}

async fn read_from(folder: &Path, kind: &str, mut chunks: Chunks, limit: u64) -> Result<Form, Refusal> {
    let mut form = Form::default();
    let uploading = Ok(uploading_into(&folder.join("media")));
    parts(&headers(kind), &mut chunks, &mut form, uploading, limit).await.map(|()| form)
}

/// What a body is refused with, and that it leaves nothing.
async fn refusal(chunks: Chunks) -> Refusal {
    let folder = tempfile::tempdir().unwrap();
    let refusal = read_from(folder.path(), KIND, chunks, 1000).await.unwrap_err();
    assert_eq!(left(folder.path()), 0, "{refusal:?}");
    refusal
}

#[tokio::test]
async fn parts_come_in_any_order_and_in_any_pieces() {
    let film = "\r\n-- no boundary\r\n--".repeat(20);
    let mut digests = Vec::new();
    for (boundary, parts) in [
        ("x", [("to", "+237612345678"), ("file", &*film), ("mediaType", "video")]),
        ("another", [("file", &*film), ("mediaType", "video"), ("to", "+237612345678")]),
    ] {
        let body = form(boundary, &parts);
        for size in [1, 7, 64, body.len()] {
            let folder = tempfile::tempdir().unwrap();
            let kind = format!("multipart/form-data; boundary=\"{boundary}\"");
            let mut form = read_from(folder.path(), &kind, in_pieces(&body, size), 1000).await.unwrap();
            assert_eq!(left(folder.path()), 1);
            let upload = form.upload.as_ref().unwrap();
            assert_eq!(upload.size(), film.len() as u64);
            assert_eq!(upload.sha256(), ring::digest::digest(&ring::digest::SHA256, film.as_bytes()).as_ref());
            digests.push(form.digested());
            form.texts.sort();
            let texts: Vec<_> = form.texts.iter().map(|(name, text)| (name.as_str(), text.as_str())).collect();
            assert_eq!(texts, [("mediaType", "video"), ("to", "+237612345678")]);
            drop(form);
            assert_eq!(left(folder.path()), 0, "a file that nobody accepts goes");
        }
    }
    digests.dedup();
    assert_eq!(digests.len(), 1, "the same request, however it is written");
    let folder = tempfile::tempdir().unwrap();
    let other = form("x", &[("to", "+237612345678"), ("file", &film[1..]), ("mediaType", "video")]);
    let other = read_from(folder.path(), KIND, in_pieces(&other, 64), 1000).await.unwrap();
    assert_ne!(other.digested(), digests[0]);
}

#[tokio::test]
async fn an_empty_file_is_none() {
    let folder = tempfile::tempdir().unwrap();
    let body = form("x", &[("file", ""), ("to", "1")]);
    assert!(read_from(folder.path(), KIND, in_pieces(&body, 64), 1000).await.unwrap().upload.is_none());
    assert_eq!(left(folder.path()), 0);
}

#[tokio::test]
async fn what_is_too_much_is_refused_before_it_is_all_there() {
    let endless = |start: &'static [u8]| -> Chunks {
        let more = stream::repeat_with(|| Ok(Bytes::from_static(&[b'a'; 4096])));
        Box::pin(stream::iter([Ok(Bytes::from_static(start))]).chain(more))
    };
    let file = b"--x\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a\"\r\n\r\n";
    let text = b"--x\r\nContent-Disposition: form-data; name=\"to\"\r\n\r\n";
    for (what, chunks, code) in [
        ("a file", endless(file), Code::BodyTooLarge),
        ("a text", endless(text), Code::BodyTooLarge),
        ("a part's head", endless(b"--x\r\nContent-Disposition: "), Code::MalformedRequest),
        ("what comes before the first part", endless(b""), Code::MalformedRequest),
        ("parts", in_pieces(&form("x", &vec![("", ""); 1000]), 4096), Code::BodyTooLarge),
        ("files", in_pieces(&form("x", &[("file", "a"), ("file", "b")]), 4096), Code::ValidationFailed),
    ] {
        assert_eq!(refusal(chunks).await.code, code, "{what}");
    }
    let folder = tempfile::tempdir().unwrap();
    let mut announced = headers(KIND);
    announced.insert(CONTENT_LENGTH, (1000 + FIELDS_MAX + HEAD_MAX + 1).into());
    let never: Chunks = Box::pin(stream::pending());
    let uploading = Ok(uploading_into(&folder.path().join("media")));
    let refused = parts(&announced, &mut { never }, &mut Form::default(), uploading, 1000).await;
    assert_eq!(refused.unwrap_err().code, Code::BodyTooLarge);
}

#[tokio::test]
async fn what_does_not_come_to_its_end_is_no_form() {
    let whole = form("x", &[("to", "+237612345678"), ("file", "hello"), ("mediaType", "image")]);
    for cut in 0..whole.len() - 4 {
        assert_eq!(refusal(in_pieces(&whole[..cut], 64)).await.code, Code::MalformedRequest, "cut at {cut}");
    }
    for cut in [10, 120, 190] {
        let stuck = in_pieces(&whole[..cut], 64).chain(stream::pending());
        assert_eq!(refusal(Box::pin(stuck)).await.code, Code::BodyTooSlow, "stuck at {cut}");
    }
    let folder = tempfile::tempdir().unwrap();
    let kind = "multipart/form-data";
    let no_boundary = read_from(folder.path(), kind, in_pieces(&whole, 64), 1000).await.unwrap_err();
    assert_eq!(no_boundary.code, Code::MalformedRequest);
    let other = read_from(folder.path(), "multipart/form-data; boundary=y", in_pieces(&whole, 64), 1000).await;
    assert_eq!(other.unwrap_err().code, Code::MalformedRequest);
}

#[tokio::test]
async fn a_field_that_is_no_text_is_named() {
    let mut body = form("x", &[("to", "?")]);
    let at = body.iter().position(|byte| *byte == b'?').unwrap();
    body[at] = 0xff;
    let refused = refusal(in_pieces(&body, 64)).await;
    assert_eq!((refused.code, refused.fields[0].field.as_str()), (Code::ValidationFailed, "to"));
}

#[tokio::test]
async fn no_more_than_a_piece_is_held_however_fast_the_body_comes() {
    const PIECE: usize = 4096;
    let start = b"--x\r\nContent-Disposition: form-data; name=\"file\"\r\n\r\n";
    let fast = stream::repeat_with(|| Ok(Bytes::from_static(&[b'a'; PIECE]))).take(1000);
    let mut chunks: Chunks = Box::pin(stream::iter([Ok(Bytes::from_static(start))]).chain(fast));
    let head = Arc::new(AtomicUsize::new(usize::MAX));
    let paced = Paced { chunks: &mut chunks, paused: false, head, quiet: Box::pin(sleep(QUIET)) };
    let mut multipart = Multipart::new(paced, "x");
    let mut part = multipart.next_field().await.unwrap().unwrap();
    for _ in 0..900 {
        let chunk = part.chunk().await.unwrap().unwrap();
        assert!(chunk.len() <= 2 * PIECE, "{}", chunk.len());
    }
}

#[test]
fn a_form_is_known_by_its_type() {
    for (kind, form) in [
        ("multipart/form-data; boundary=x", true),
        ("Multipart/Form-Data", true),
        ("multipart/mixed; boundary=x", false),
        ("application/json", false),
        ("application/x-www-form-urlencoded", false),
    ] {
        assert_eq!(is_form(&headers(kind)), form, "{kind}");
    }
    let mut packed = headers(KIND);
    packed.insert(CONTENT_ENCODING, "gzip".parse().unwrap());
    assert!(!is_form(&packed) && !is_form(&HeaderMap::new()));
}
