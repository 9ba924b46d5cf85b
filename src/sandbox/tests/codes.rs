//! Companions that are linked by a code that a person types into the phone.

use std::sync::Arc;

use whatsapp_rust::pair_code::{PairCodeOptions, PairCodeRejection, PairError};
use whatsapp_rust::wacore::store::InMemoryBackend;

use super::harness::{Companion, Net, phone};
use crate::domain::session::pairing_code::PairingCode;
use crate::sandbox::SandboxError;

const ALICE: &str = "+237611111111";
const BOB: &str = "+237622222222";

impl Companion {
    /// Asks for a code for a number, as the client does it, while codes to scan go on.
    async fn ask(&self, number: &str) -> Result<PairingCode, PairError> {
        let options = PairCodeOptions { phone_number: number.to_owned(), ..Default::default() };
        Ok(self.client.pair_with_code(options).await?.parse().unwrap())
    }
}

async fn unlinked(net: &Net) -> Companion {
    let companion = Companion::start(&net.sandbox, Arc::new(InMemoryBackend::new())).await;
    companion.code().await;
    companion
}

/// A code that looks like this one, and is another.
fn misread(code: &PairingCode) -> PairingCode {
    let last = if code.reveal().ends_with('1') { "2" } else { "1" };
    format!("{}{last}", &code.reveal()[..7]).parse().unwrap()
}

#[tokio::test]
async fn a_code_typed_into_the_phone_links_the_companion() {
    let net = Net::new().await;
    let alice = unlinked(&net).await;
    let code = alice.ask(ALICE).await.unwrap();
    net.sandbox.enter_code(&phone(ALICE), &code).await.unwrap();
    alice.connected().await;
    assert_eq!(alice.client.pn().unwrap().user_base(), phone(ALICE).digits());
    alice.send(BOB, "linked by a code").await;
    net.until("shown", async || net.texts(BOB).await == ["linked by a code"]).await;
    let again = net.sandbox.enter_code(&phone(ALICE), &code).await;
    assert!(matches!(again, Err(SandboxError::NoCodeAsked)), "a code works once: {again:?}");
    let net = net.reopen().await;
    let back = Companion::start(&net.sandbox, alice.stop().await).await;
    back.connected().await;
}

#[tokio::test]
async fn a_wrong_code_is_told_to_the_person_alone_and_the_right_one_still_links() {
    let net = Net::new().await;
    let alice = unlinked(&net).await;
    let code = alice.ask(ALICE).await.unwrap();
    let wrong = net.sandbox.enter_code(&phone(ALICE), &misread(&code)).await;
    assert!(matches!(wrong, Err(SandboxError::WrongCode)), "{wrong:?}");
    net.sandbox.enter_code(&phone(ALICE), &code).await.unwrap();
    alice.connected().await;
}

#[tokio::test]
async fn after_three_wrong_tries_a_code_is_worth_nothing() {
    let net = Net::new().await;
    let alice = unlinked(&net).await;
    let code = alice.ask(ALICE).await.unwrap();
    for _ in 0..3 {
        let wrong = net.sandbox.enter_code(&phone(ALICE), &misread(&code)).await;
        assert!(matches!(wrong, Err(SandboxError::WrongCode)), "{wrong:?}");
    }
    let late = net.sandbox.enter_code(&phone(ALICE), &code).await;
    assert!(matches!(late, Err(SandboxError::NoCodeAsked)), "{late:?}");
}

#[tokio::test]
async fn a_code_is_for_the_number_it_was_asked_for_and_the_last_to_ask_is_reached() {
    let net = Net::new().await;
    let (first, second) = (unlinked(&net).await, unlinked(&net).await);
    let old = first.ask(ALICE).await.unwrap();
    let elsewhere = net.sandbox.enter_code(&phone(BOB), &old).await;
    assert!(matches!(elsewhere, Err(SandboxError::NoCodeAsked)), "{elsewhere:?}");
    let new = second.ask(ALICE).await.unwrap();
    let superseded = net.sandbox.enter_code(&phone(ALICE), &old).await;
    assert!(matches!(superseded, Err(SandboxError::WrongCode)), "{superseded:?}");
    net.sandbox.enter_code(&phone(ALICE), &new).await.unwrap();
    second.connected().await;
}

#[tokio::test]
async fn a_code_dies_with_the_connection_that_asked_for_it() {
    let net = Net::new().await;
    let alice = unlinked(&net).await;
    let code = alice.ask(ALICE).await.unwrap();
    alice.stop().await;
    net.until("forgotten", async || {
        matches!(net.sandbox.enter_code(&phone(ALICE), &code).await, Err(SandboxError::NoCodeAsked))
    })
    .await;
}

#[tokio::test]
async fn a_connection_that_asks_too_often_is_told_so() {
    let net = Net::new().await;
    let alice = unlinked(&net).await;
    for _ in 0..5 {
        alice.ask(ALICE).await.unwrap();
        alice.client.cancel_pair_code().await;
    }
    let refused = alice.ask(ALICE).await.unwrap_err();
    assert_eq!(refused.rejection(), Some(PairCodeRejection::RateOverlimit), "{refused}");
}
