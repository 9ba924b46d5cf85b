//! The media pool under trouble: a picture whose worker or pool fails arrives all the same, once.

use std::sync::Arc;

use super::house::{House, Tenant, until};
use super::origin::{Gate, Origin, Page};
use super::{ActorStatus, FRIEND, Trouble};
use crate::domain::content::Content;
use crate::domain::media::{Caption, Media, MediaUrl, Source, Wanted};
use crate::domain::message::{Send, Via};
use crate::domain::request::Cause;

/// A picture as cameras of long ago made them.
fn picture() -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut encoder = png::Encoder::new(&mut bytes, 32, 24);
    encoder.set_color(png::ColorType::Rgb);
    let mut writer = encoder.write_header().unwrap();
    writer.write_image_data(&(0..=255).cycle().take(32 * 24 * 3).collect::<Vec<u8>>()).unwrap();
    writer.finish().unwrap();
    bytes
}

async fn show(house: &House, tenant: &Tenant, url: &str, caption: &str) {
    let access = house.server.system().enter(&tenant.key.parse().unwrap()).await.unwrap();
    let send = Send {
        to: FRIEND.parse().unwrap(),
        content: Content::Media(Box::new(Media {
            wanted: Wanted::Image,
            source: Source::Url(MediaUrl::try_from(url.to_owned()).unwrap()),
            caption: Caption::read(caption.to_owned()).unwrap(),
        })),
        via: Via::Id(crate::domain::id::SessionId(tenant.session.parse().unwrap())),
    };
    house.server.system().accept(&access, Cause::default(), send, None).await.answer.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_worker_that_panics_costs_its_job_an_attempt_and_no_more() {
    let (house, origin) = (House::open_to("127.0.0.0/8").await, Origin::open().await);
    let ada = house.tenant("ada@example.com", "+237600000001").await;
    let bob = house.tenant("bob@example.com", "+237600000002").await;
    let url = origin.bytes("/picture.png", "image/png", picture());
    let (first, pool) = (house.actor("worker", "worker-01"), house.actor("media", "pool"));
    first.trouble(Trouble::Panic(1));
    show(&house, &ada, &url, "after all").await;
    until("the worker comes back", async || {
        let now = first.read();
        now.restarts == 1 && now.status == ActorStatus::Running
    })
    .await;
    assert!(first.read().last_error.unwrap().contains("as the test ordered"));
    show(&house, &bob, &url, "at once").await;
    bob.until_shown(FRIEND, &["at once".to_owned()]).await;
    ada.until_shown(FRIEND, &["after all".to_owned()]).await;
    assert_eq!(origin.visits("/picture.png"), 2, "it panicked before it came so far");
    assert_eq!(pool.read().restarts, 0);
    house.server.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn what_a_pool_that_panics_had_in_hand_is_begun_anew() {
    let (house, origin) = (House::open_to("127.0.0.0/8").await, Origin::open().await);
    let ada = house.tenant("ada@example.com", "+237600000001").await;
    let bob = house.tenant("bob@example.com", "+237600000002").await;
    let gate = Gate::shut();
    let held = origin.put("/held.png", Page::Held(gate.clone(), Arc::new(picture())));
    let url = origin.bytes("/picture.png", "image/png", picture());
    show(&house, &ada, &held, "held").await;
    until("it is being fetched", async || origin.visits("/held.png") == 1).await;
    let pool = house.actor("media", "pool");
    pool.trouble(Trouble::Panic(1));
    show(&house, &bob, &url, "in between").await;
    until("the pool comes back", async || {
        let now = pool.read();
        now.restarts == 1 && now.status == ActorStatus::Running
    })
    .await;
    // His is made ready while hers is held back, by a worker of the new pool.
    bob.until_shown(FRIEND, &["in between".to_owned()]).await;
    until("it is fetched anew", async || origin.visits("/held.png") == 2).await;
    assert!(pool.read().children.iter().all(|worker| worker.status == ActorStatus::Running));
    gate.open();
    ada.until_shown(FRIEND, &["held".to_owned()]).await;
    house.server.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_row_that_cannot_be_read_fails_its_own_message_and_no_other() {
    let (house, origin) = (House::open_to("127.0.0.0/8").await, Origin::open().await);
    let ada = house.tenant("ada@example.com", "+237600000001").await;
    let gate = Gate::shut();
    let held = origin.put("/held.png", Page::Held(gate.clone(), Arc::new(picture())));
    // A quarter of the workers fetch, so the next one waits.
    let share = std::thread::available_parallelism().map_or(4, |cores| cores.get().max(4));
    for n in 0..share {
        show(&house, &ada, &held, &format!("held {n}")).await;
    }
    until("they are being fetched", async || origin.visits("/held.png") == share).await;
    show(&house, &ada, &held, "spoiled").await;
    house
        .server
        .store()
        .tamper(
            "UPDATE media SET wanted = 'nonsense' WHERE message_id = (SELECT id FROM message WHERE text = 'spoiled')"
                .into(),
        )
        .await;
    show(&house, &ada, &held, "behind it").await;
    until("it fails", async || ada.count("status=failed").await == 1).await;
    let (_, failed) = ada.get("/messages?status=failed").await;
    let failed = &failed["messages"][0];
    assert_eq!((&failed["caption"], &failed["errorCode"]), (&"spoiled".into(), &"media_lost".into()), "{failed}");
    gate.open();
    let shown: Vec<String> = (0..share).map(|n| format!("held {n}")).chain(["behind it".to_owned()]).collect();
    ada.until_shown(FRIEND, &shown).await;
    house.server.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn what_finds_no_room_on_the_disk_waits_and_does_not_fail() {
    let (house, origin) = (House::open_to("127.0.0.0/8").await, Origin::open().await);
    let ada = house.tenant("ada@example.com", "+237600000001").await;
    let bob = house.tenant("bob@example.com", "+237600000002").await;
    let away = ada.link("away", "+237600000003").await;
    for fault in ["refuse_connections", "drop_connection"] {
        let fault = serde_json::json!({ "fault": fault, "sessionId": away.session });
        assert_eq!(away.post("/sandbox/faults", fault).await.0, 201);
    }
    let path = format!("/sessions/{}", away.session);
    until("it is away", async || away.get(&path).await.1["status"] != "connected").await;
    // What the session that is away has ready takes all the room.
    let url = |path: &str| origin.bytes(path, "image/png", picture());
    let ready = async |n: u64| {
        let (_, found) = away.get(&format!("/messages?sessionId={}", away.session)).await;
        found["messages"].as_array().unwrap().iter().filter(|message| message["size"].is_u64()).count() as u64 == n
    };
    show(&house, &away, &url("/1.png"), "one").await;
    until("it is ready", async || ready(1).await).await;
    house.server.store().tamper("UPDATE media SET size = 2000000000 WHERE stage = 1".into()).await;
    show(&house, &away, &url("/2.png"), "two").await;
    // A session that can upload goes on, and so does another tenant.
    let all: Vec<String> = (0..4).map(|n| format!("picture {n}")).collect();
    for caption in &all {
        show(&house, &ada, &url("/ada.png"), caption).await;
        show(&house, &bob, &url("/bob.png"), caption).await;
    }
    ada.until_shown(FRIEND, &all).await;
    bob.until_shown(FRIEND, &all).await;
    assert_eq!((origin.visits("/2.png"), away.count("status=pending").await), (0, 2));
    house.server.store().tamper("UPDATE media SET size = 2000 WHERE stage = 1".into()).await;
    until("there is room again", async || ready(2).await).await;
    house.server.stop().await;
}
