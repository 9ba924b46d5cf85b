//! The media pool under trouble: a picture whose worker or pool fails arrives all the same, once.

use std::sync::Arc;

use super::house::{House, Tenant, until};
use super::origin::{Gate, Origin, Page};
use super::{ActorStatus, FRIEND, Trouble};
use crate::domain::content::Content;
use crate::domain::media::{Caption, Media, MediaUrl, Source, Wanted};
use crate::domain::message::{Send, Via};

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
    house.server.system().accept(&access, send, None).await.answer.unwrap();
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
