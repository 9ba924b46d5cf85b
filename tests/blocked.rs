//! Whom an account has blocked on its phone is sent nothing, and the tenant is told why, until the phone lets them in again.

use serde_json::{Value, json};

use crate::ground::app::{App, Caller, until};

const OWN: &str = "+237600000001";
const ADA: &str = "+237611111111";
const BOB: &str = "+237622222222";

/// Sends a text, and waits for what becomes of it.
async fn sends(caller: &Caller, to: &str) -> Value {
    let id = caller.text(to, "hello").await;
    let mut message = Value::Null;
    until("delivered or failed", async || {
        message = caller.get(&format!("/messages/{id}")).await.expect(200);
        message["status"] == "delivered" || message["status"] == "failed"
    })
    .await;
    message
}

async fn blocks(caller: &Caller, verb: &str) {
    caller.post(&format!("/sandbox/phones/{OWN}/{verb}"), json!({ "phone": ADA })).await.expect(204);
}

/// A session hears of it by a notification, so that what it is asked to send at once may still go out.
async fn until_it_is(caller: &Caller, status: &str) -> Value {
    let mut message = Value::Null;
    until(status, async || {
        message = sends(caller, ADA).await;
        message["status"] == status
    })
    .await;
    message
}

#[tokio::test(flavor = "multi_thread")]
async fn who_is_blocked_is_sent_nothing_until_the_phone_lets_them_in() {
    let app = App::start().await;
    let session = app.caller.link("one", OWN).await;
    assert_eq!(sends(&app.caller, ADA).await["status"], "delivered");
    blocks(&app.caller, "block").await;
    let failed = until_it_is(&app.caller, "failed").await;
    assert_eq!(failed["errorCode"], "recipient_blocked", "{failed}");
    assert!(failed["errorMessage"].as_str().unwrap().contains("Unblock them on the phone"), "{failed}");
    assert_eq!(sends(&app.caller, BOB).await["status"], "delivered", "it concerns nobody else");

    // A new connection knows it from the list.
    let app = app.restart().await;
    app.caller.stream(&session, None).await.until("connected").await;
    let shown = app.caller.screen(ADA).await.len();
    assert_eq!(sends(&app.caller, ADA).await["errorCode"], "recipient_blocked");
    assert_eq!(app.caller.screen(ADA).await.len(), shown, "nothing went out");

    blocks(&app.caller, "unblock").await;
    until_it_is(&app.caller, "delivered").await;
    // Nobody keeps himself out.
    app.caller.post(&format!("/sandbox/phones/{OWN}/block"), json!({ "phone": OWN })).await.expect(204);
    app.stop().await;
}
