//! Bodies: too large, too slow, of the wrong type, not JSON.

use futures_util::stream;

use super::*;

fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
    pairs.iter().map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap())).collect()
}

fn chunks<const N: usize>(parts: [&'static [u8]; N]) -> Chunks {
    Box::pin(stream::iter(parts.map(|part| Ok(Bytes::from_static(part)))))
}

async fn code(headers: &HeaderMap, chunks: Chunks) -> Result<Vec<u8>, Code> {
    json(headers, chunks).await.map(|(body, _)| body).map_err(|refusal| refusal.code)
}

#[tokio::test]
async fn a_body_may_come_in_pieces_and_unannounced() {
    let json = headers(&[("content-type", "application/json")]);
    let body = code(&json, chunks([b"{\"a\":", b" \"\xc3", b"\xa9\"}"])).await;
    assert_eq!(body.unwrap(), "{\"a\": \"é\"}".as_bytes());
}

#[tokio::test]
async fn only_json_in_utf_8_is_read() {
    for (kind, good) in [
        ("application/json", true),
        ("Application/JSON; charset=UTF-8", true),
        ("application/json;charset=\"utf-8\"", true),
        ("application/json; charset=latin1", false),
        ("application/x-www-form-urlencoded", false),
        ("text/plain", false),
        ("application/jsonp", false),
    ] {
        let got = code(&headers(&[("content-type", kind)]), chunks([b"{}"])).await;
        assert_eq!(got.map(|_| ()), if good { Ok(()) } else { Err(Code::UnsupportedMediaType) }, "{kind}");
    }
    assert_eq!(code(&headers(&[]), chunks([b"{}"])).await, Err(Code::UnsupportedMediaType));
    let packed = headers(&[("content-type", "application/json"), ("content-encoding", "gzip")]);
    assert_eq!(code(&packed, chunks([b"{}"])).await, Err(Code::UnsupportedMediaType));
}

#[tokio::test]
async fn what_is_no_json_is_told_apart_from_json_of_another_shape() {
    let json = headers(&[("content-type", "application/json")]);
    for (body, want) in [
        (&b"{\"a\": }"[..], Code::MalformedJson),
        (b"", Code::MalformedJson),
        (b"{\"a\": \"\xff\"}", Code::MalformedJson),
        (b"[1]", Code::ValidationFailed),
    ] {
        assert_eq!(code(&json, chunks([body])).await, Err(want), "{body:?}");
    }
}

#[tokio::test]
async fn a_body_is_too_large_whether_it_says_so_or_not() {
    let announced = headers(&[("content-type", "application/json"), ("content-length", "262145")]);
    assert_eq!(code(&announced, chunks([])).await, Err(Code::BodyTooLarge));
    let json = headers(&[("content-type", "application/json")]);
    let endless = stream::repeat_with(|| Ok(Bytes::from_static(&[b' '; 4096])));
    assert_eq!(code(&json, Box::pin(endless)).await, Err(Code::BodyTooLarge));
}

#[tokio::test]
async fn a_body_that_does_not_come_is_not_waited_for() {
    let json = headers(&[("content-type", "application/json")]);
    let stuck = chunks([b"{"]).chain(stream::pending());
    assert_eq!(code(&json, Box::pin(stuck)).await, Err(Code::BodyTooSlow));
}

#[tokio::test]
async fn a_form_that_is_no_utf_8_is_refused() {
    let kind = headers(&[("content-type", "application/x-www-form-urlencoded")]);
    for (body, good) in [
        (&b"email=a%40b&x=%C3%A9%EF%BF%BD+%zz%"[..], true),
        (b"email=\xc3\xa9", true),
        (b"email=%FF%FE@example.com", false),
        (b"email=\xff", false),
        (b"%C3=%A9", false),
        (b"a=%C3&b=%A9", false),
    ] {
        let read = form(&kind, chunks([body])).await;
        assert_eq!(
            read.map(drop).map_err(|refusal| refusal.code),
            if good { Ok(()) } else { Err(Code::MalformedRequest) }
        );
    }
}
