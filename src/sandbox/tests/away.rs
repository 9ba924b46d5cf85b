//! Phones that are offline while companions ask them for something.

use super::harness::{Companion, Net, phone, text};
use crate::sandbox::screen::Status;

const ALICE: &str = "+237611111111";
const BOB: &str = "+237622222222";

#[tokio::test]
async fn a_phone_that_is_back_sends_again_what_it_was_asked_for_meanwhile() {
    let net = Net::new().await;
    let keys = net.estranged(ALICE, BOB).await.stop().await;
    net.sandbox.write(&phone(BOB), &phone(ALICE), &text("second")).await.unwrap();
    net.sandbox.go_offline(&phone(BOB)).await.unwrap();
    let companion = Companion::start(&net.sandbox, keys).await;
    net.asked(BOB).await;
    let net = net.reopen().await;
    let keys = companion.stop().await;
    let companion = Companion::start(&net.sandbox, keys).await;
    companion.connected().await;
    net.sandbox.come_online(&phone(BOB)).await.unwrap();
    assert_eq!(companion.texts().await, ["second"]);
    net.until("delivered", async || net.screen(BOB).await.last().unwrap().status == Status::Delivered).await;
}

#[tokio::test]
async fn two_phones_that_are_never_online_at_once_still_talk() {
    let net = Net::new().await;
    for number in [ALICE, BOB] {
        net.sandbox.create_phone(&phone(number), None).await.unwrap();
    }
    net.sandbox.go_offline(&phone(BOB)).await.unwrap();
    net.sandbox.write(&phone(ALICE), &phone(BOB), &text("are you there?")).await.unwrap();
    net.sandbox.go_offline(&phone(ALICE)).await.unwrap();
    net.sandbox.come_online(&phone(BOB)).await.unwrap();
    assert_eq!(net.texts(BOB).await, ["are you there?"]);
    net.sandbox.read(&phone(BOB), &phone(ALICE)).await.unwrap();
    net.sandbox.write(&phone(BOB), &phone(ALICE), &text("I was not")).await.unwrap();
    net.sandbox.go_offline(&phone(BOB)).await.unwrap();
    assert_eq!(net.screen(ALICE).await[0].status, Status::Sent);
    net.sandbox.come_online(&phone(ALICE)).await.unwrap();
    assert_eq!(net.texts(ALICE).await, ["are you there?", "I was not"]);
    assert_eq!(net.screen(ALICE).await[0].status, Status::Read);
}
