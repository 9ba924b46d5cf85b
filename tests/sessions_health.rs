//! GET /sessions/{id}/health: how a session does, for its tenant.

use reqwest::Method;
use serde_json::{Value, json};

use crate::ground::app::{App, until};

const OWN: &str = "+237600000001";
const FRIEND: &str = "+237611111111";

/// A number that stands for an account that the network limits.
const LIMITS: &str = "+15550000005";

async fn health(app: &App, session: &str) -> Value {
    app.caller.get(&format!("/sessions/{session}/health")).await.expect(200)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_that_does_well_says_what_it_last_heard() {
    let app = App::start().await;
    let session = app.caller.link("one", OWN).await;
    let new = health(&app, &session).await;
    assert_eq!((&new["sessionId"], &new["connection"]["status"]), (&json!(session), &json!("connected")));
    for field in ["since", "connectedAt"] {
        assert!(new["connection"][field].is_string(), "{field}: {new}");
    }
    for field in ["nextAttemptAt", "errorCode", "errorMessage"] {
        assert!(new["connection"][field].is_null(), "{field}: {new}");
    }
    let nothing = json!({ "pending": 0, "oldestPendingAt": null, "oldestPendingSeconds": null, "mediaWaiting": 0 });
    assert_eq!(new["queue"], nothing);
    assert_eq!((&new["heard"]["lastAckAt"], &new["heard"]["lastReceiptAt"]), (&Value::Null, &Value::Null));
    assert_eq!(new["limits"]["waitingChats"], 0);
    for field in ["nextTryAt", "accountLimitedAt", "accountLimitedUntil", "pacedUntil", "quarantinedUntil"] {
        assert_eq!(new["limits"][field], Value::Null, "{field}: {new}");
    }
    let kinds: Vec<&str> = new["parts"].as_array().unwrap().iter().map(|part| part["kind"].as_str().unwrap()).collect();
    assert_eq!((&new["actor"]["kind"], kinds), (&json!("session"), vec!["inbox", "outbox"]));
    for part in new["parts"].as_array().unwrap().iter().chain([&new["actor"]]) {
        assert_eq!((&part["status"], &part["answered"]), (&json!("running"), &json!(true)), "{new}");
    }

    app.caller.text(FRIEND, "hello").await;
    app.caller.until_count("status=delivered", 1).await;
    let after = health(&app, &session).await;
    for field in ["lastAckAt", "lastReceiptAt", "lastActivityAt"] {
        assert!(after["heard"][field].is_string(), "{field}: {after}");
    }
    assert!(after["heard"]["lastRefusalAt"].is_null(), "{after}");
    app.caller.text(LIMITS, "too many").await;
    app.caller.until_count("status=failed", 1).await;
    let limited = health(&app, &session).await;
    assert!(limited["limits"]["accountLimitedAt"].is_string(), "{limited}");
    assert_eq!(limited["limits"]["accountLimitedAt"], limited["heard"]["lastRefusalAt"]);
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_that_cannot_connect_says_why_and_when_it_tries_again_and_what_waits() {
    let app = App::start().await;
    let session = app.caller.link("one", OWN).await;
    let fault = |fault: &str| json!({ "fault": fault, "sessionId": session });
    app.caller.post("/sandbox/faults", fault("refuse_connections")).await.expect(201);
    app.caller.post("/sandbox/faults", fault("drop_connection")).await.expect(201);
    until("it has tried again", async || {
        let now = health(&app, &session).await;
        now["connection"]["failedAttempts"].as_u64().unwrap() >= 2 && now["connection"]["nextAttemptAt"].is_string()
    })
    .await;
    for text in ["one", "two"] {
        let named = json!({ "to": FRIEND, "message": text, "sessionId": session });
        app.caller.post("/messages", named).await.expect(202);
    }
    let medium =
        json!({ "to": FRIEND, "mediaUrl": "http://127.0.0.1:9/a.jpg", "mediaType": "image", "sessionId": session });
    app.caller.post("/messages/media", medium).await.expect(202);
    // The medium is refused meanwhile, since it lies where this server may not go.
    app.caller.until_count("status=failed", 1).await;
    let now = health(&app, &session).await;
    assert_ne!(now["connection"]["status"], "connected", "{now}");
    assert!(now["connection"]["errorCode"].is_string() && now["connection"]["errorMessage"].is_string(), "{now}");
    assert_eq!((&now["queue"]["pending"], &now["queue"]["mediaWaiting"]), (&json!(2), &json!(0)), "{now}");
    assert!(now["queue"]["oldestPendingSeconds"].is_u64() && now["queue"]["oldestPendingAt"].is_string(), "{now}");
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_health_of_another_s_session_is_that_of_none() {
    let app = App::start().await;
    let session = app.caller.post("/sessions", json!({ "session_key": "one" })).await.expect(201);
    let stranger = app.tenant("stranger@example.com", "pro").await;
    let told = async |id: &str| {
        let request = stranger.request(Method::GET, &format!("/sessions/{id}/health"));
        stranger.send(request.header("X-Request-Id", "same")).await
    };
    let foreign = told(session["id"].as_str().unwrap()).await;
    let never = told("0198f000-0000-7000-8000-000000000000").await;
    assert_eq!((foreign.status, &foreign.text), (404, &never.text));
    // A session that is not linked has one, too.
    assert_eq!(health(&app, session["id"].as_str().unwrap()).await["sessionId"], session["id"]);
    app.stop().await;
}
