//! The media servers, asked by hand.

use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use chrono::TimeDelta;
use futures_util::stream;
use hyper::Request;
use reqwest::Body;
use ring::digest::{SHA256, digest};
use serde_json::{Value, json};

use crate::sandbox::Sandbox;
use crate::sandbox::ledger::Device;
use crate::sandbox::media::{FILE_MAX, Passes};
use crate::sandbox::tests::harness::{Net, phone};

const ALICE: &str = "+237611111111";

fn name(bytes: &[u8]) -> String {
    BASE64_URL_SAFE_NO_PAD.encode(digest(&SHA256, bytes))
}

async fn said(sandbox: &Sandbox, request: Request<Body>) -> (u16, Vec<u8>) {
    let answer = reqwest::Response::from(sandbox.media(request).await);
    (answer.status().as_u16(), answer.bytes().await.unwrap().to_vec())
}

/// Puts something up, and says what is answered.
async fn put(sandbox: &Sandbox, path: &str, length: u64, body: Body) -> (u16, Value) {
    let request = Request::post(format!("https://127.0.0.1:9080{path}")).header("host", "127.0.0.1:9080");
    let (status, answer) = said(sandbox, request.header("content-length", length).body(body).unwrap()).await;
    (status, serde_json::from_slice(&answer).unwrap())
}

async fn get(sandbox: &Sandbox, path: &Value) -> (u16, Vec<u8>) {
    said(sandbox, Request::get(path.as_str().unwrap()).body(Body::default()).unwrap()).await
}

/// A token of a companion that is linked, and whose it is.
async fn token(net: &Net) -> (String, Device) {
    net.linked(ALICE).await.stop().await;
    let device = net.sandbox.network.find(&phone(ALICE)).await.unwrap().unwrap().device(1);
    (net.sandbox.network.media.auth(device), device)
}

fn long(fill: u8) -> Vec<u8> {
    vec![fill; 600_000]
}

#[tokio::test]
async fn a_file_is_put_up_under_its_hash_and_fetched_also_after_a_restart() {
    let net = Net::new().await;
    let (auth, _) = token(&net).await;
    let (bytes, name) = (long(1), name(&long(1)));
    let path = format!("/mms/video/{name}?auth={auth}&token={name}");
    let (status, done) = put(&net.sandbox, &path, 600_000, bytes.clone().into()).await;
    assert_eq!(status, 200, "{done}");
    assert_eq!(done["url"], format!("https://127.0.0.1:9080{}", done["direct_path"].as_str().unwrap()));
    assert_eq!(get(&net.sandbox, &done["direct_path"]).await, (200, bytes.clone()));
    let net = net.reopen().await;
    assert_eq!(get(&net.sandbox, &done["direct_path"]).await, (200, bytes.clone()));
    // It is there: nobody has to send it again, and who does is answered the same.
    let (_, probed) = put(&net.sandbox, &format!("{path}&resume=1"), 0, Body::default()).await;
    assert_eq!(probed["resume"], "complete");
    assert_eq!(get(&net.sandbox, &probed["direct_path"]).await, (200, bytes.clone()));
    assert_eq!(put(&net.sandbox, &path, 600_000, bytes.into()).await.0, 200);
}

#[tokio::test]
async fn an_upload_that_was_cut_goes_on_where_it_was_cut() {
    let net = Net::new().await;
    let (auth, _) = token(&net).await;
    let (bytes, name) = (long(2), name(&long(2)));
    let path = format!("/mms/image/{name}?auth={auth}&token={name}");
    let probe = async |net: &Net| put(&net.sandbox, &format!("{path}&resume=1"), 0, Body::default()).await;
    assert_eq!(probe(&net).await, (200, json!({ "resume": "0" })));
    let head = Ok(bytes[..300_000].to_vec());
    let cut = stream::iter([head, Err(std::io::Error::other("cut"))]);
    assert_eq!(put(&net.sandbox, &path, 600_000, Body::wrap_stream(cut)).await.0, 408);
    assert_eq!(probe(&net).await, (200, json!({ "resume": "300000" })));
    let net = net.reopen().await;
    assert_eq!(probe(&net).await, (200, json!({ "resume": "300000" })));
    let rest = |from: usize| Body::from(bytes[from..].to_vec());
    let resumed = format!("{path}&file_offset=300000");
    let (status, done) = put(&net.sandbox, &resumed, 300_000, rest(300_000)).await;
    assert_eq!(status, 200, "{done}");
    assert_eq!(get(&net.sandbox, &done["direct_path"]).await, (200, bytes.clone()));
    let other = super::tests::name(b"never begun");
    let never = format!("/mms/image/{other}?auth={auth}&file_offset=10");
    assert_eq!(put(&net.sandbox, &never, 10, vec![0; 10].into()).await.0, 503);
}

#[tokio::test]
async fn what_is_not_what_it_says_or_comes_from_nobody_is_refused() {
    let net = Net::new().await;
    let (auth, device) = token(&net).await;
    let name = name(&long(3));
    let strange = Passes::new(b"another network").auth(device, i64::MAX);
    let nobody = net.sandbox.network.media.auth(Device { account: device.account, device: 9 });
    for (path, length, status) in [
        (format!("/mms/image/{name}?auth={auth}"), 600_000, 200),
        (format!("/mms/image/{}?auth={auth}", self::name(b"other")), 600_000, 400),
        (format!("/mms/image/short?auth={auth}"), 600_000, 400),
        (format!("/mms/image/{name}?auth={auth}&token=other"), 600_000, 400),
        (format!("/mms/image/{name}"), 600_000, 401),
        (format!("/mms/image/{name}?auth={nobody}"), 600_000, 401),
        (format!("/mms/image/{name}?auth={strange}"), 600_000, 403),
        (format!("/mms/image/{name}?auth={auth}x"), 600_000, 403),
        (format!("/mms/image/{name}?auth={auth}"), 0, 411),
        (format!("/mms/image/{name}?auth={auth}"), FILE_MAX + 1, 413),
        (format!("/mms/image/{name}?auth={auth}&file_offset={}", u64::MAX), 1, 413),
        (format!("/somewhere/else/{name}?auth={auth}"), 600_000, 404),
    ] {
        assert_eq!(put(&net.sandbox, &path, length, long(3).into()).await.0, status, "{path} {length}");
    }
    let wrong = net.sandbox.network.media.path("image", &self::name(b"other"));
    assert_eq!(get(&net.sandbox, &json!(wrong)).await.0, 404, "what was refused is not kept");
    assert_eq!(get(&net.sandbox, &json!(wrong.replace("oe=", "oe=1"))).await.0, 403);
    net.sandbox.unlink_all(&phone(ALICE)).await.unwrap();
    let gone = put(&net.sandbox, &format!("/mms/image/{name}?auth={auth}"), 600_000, long(3).into()).await;
    assert_eq!(gone.0, 401, "a device that is not linked any more");
}

#[tokio::test]
async fn tokens_and_files_have_their_time() {
    let net = Net::new().await;
    let (auth, device) = token(&net).await;
    let name = name(&long(4));
    let path = |auth: &str| format!("/mms/document/{name}?auth={auth}");
    let (_, done) = put(&net.sandbox, &path(&auth), 600_000, long(4).into()).await;
    net.sandbox.network.clock.shift(TimeDelta::hours(7));
    assert_eq!(put(&net.sandbox, &path(&auth), 600_000, long(4).into()).await.0, 401);
    assert_eq!(get(&net.sandbox, &done["direct_path"]).await.0, 200);
    net.sandbox.network.clock.shift(TimeDelta::days(30));
    assert_eq!(get(&net.sandbox, &done["direct_path"]).await.0, 410);
    // A path that would be good leads to nothing, since the file went with its time.
    let fresh = net.sandbox.network.media.path("document", &name);
    assert_eq!(get(&net.sandbox, &json!(fresh)).await.0, 404);
    let auth = net.sandbox.network.media.auth(device);
    assert_eq!(put(&net.sandbox, &path(&auth), 600_000, long(4).into()).await.0, 200);
    net.sandbox.network.media.expire(&fresh);
    assert_eq!(get(&net.sandbox, &json!(fresh)).await.0, 404);
}
