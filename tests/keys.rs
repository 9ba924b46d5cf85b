//! `/keys`: shown once, counted, gone at once.

use serde_json::{Value, json};

use crate::ground::app::{App, Caller};
use crate::ground::{Ground, on_both_databases};

on_both_databases![
    a_key_is_shown_once_works_at_once_and_is_gone_at_once,
    an_expired_key_lets_nobody_in_and_says_why,
    a_key_may_revoke_itself,
    uses_add_up_over_flushes_and_a_clean_stop,
    nobody_enters_without_a_good_key,
    a_tenant_has_fifty_living_keys_at_most_and_sees_only_its_own,
];

async fn a_key_is_shown_once_works_at_once_and_is_gone_at_once(on: Ground) {
    let app = App::start_on(on).await;
    let body = json!({ "name": "ci", "description": "for tests", "expiresInDays": 30 });
    let made = app.caller.post("/keys", body).await.expect(201);
    let secret = made["apiKey"].as_str().unwrap().to_owned();
    assert!(secret.starts_with("sk_test_") && secret.len() == 51);
    assert_eq!((made["name"].as_str(), made["mode"].as_str()), (Some("ci"), Some("test")));
    let user = app.caller.with_key(Some(&secret));
    for _ in 0..3 {
        user.get("/sessions").await.expect(200);
    }
    let list = app.caller.get("/keys").await;
    assert!(!list.text.contains(&secret));
    let list = list.expect(200);
    let listed = list["keys"].as_array().unwrap().iter().find(|k| k["id"] == made["id"]).unwrap();
    assert_eq!(listed["requestCount"], 3, "{listed}");
    assert!(listed["lastUsedAt"].is_string() && listed["expiresAt"].is_string());
    assert!(secret.starts_with(listed["keyPrefix"].as_str().unwrap()));
    app.caller.delete(&format!("/keys/{}", made["id"].as_str().unwrap())).await.expect(204);
    user.get("/sessions").await.problem(401, "invalid_api_key");
    app.caller.delete(&format!("/keys/{}", made["id"].as_str().unwrap())).await.problem(404, "not_found");
    app.stop().await;
}

async fn an_expired_key_lets_nobody_in_and_says_why(on: Ground) {
    let app = App::start_on(on).await;
    let made = app.caller.post("/keys", json!({ "name": "short", "expires_in_days": 1 })).await.expect(201);
    let user = app.caller.with_key(made["apiKey"].as_str());
    user.get("/sessions").await.expect(200);
    app.server().store().clock().shift(chrono::TimeDelta::hours(25));
    let problem = user.get("/sessions").await.problem(401, "invalid_api_key");
    assert_eq!(problem["detail"], "This API key has expired.");
    // It stands in the list until somebody revokes it.
    let id = made["id"].as_str().unwrap();
    let listed = app.caller.get("/keys").await.expect(200);
    assert!(listed["keys"].as_array().unwrap().iter().any(|key| key["id"] == id), "{listed}");
    app.caller.delete(&format!("/keys/{id}")).await.expect(204);
    app.stop().await;
}

async fn a_key_may_revoke_itself(on: Ground) {
    let app = App::start_on(on).await;
    let made = app.caller.post("/keys", json!({ "name": "gone" })).await.expect(201);
    let user = app.caller.with_key(made["apiKey"].as_str());
    user.delete(&format!("/keys/{}", made["id"].as_str().unwrap())).await.expect(204);
    user.get("/sessions").await.problem(401, "invalid_api_key");
    app.caller.get("/sessions").await.expect(200);
    app.stop().await;
}

/// The row of a key, as its tenant sees it.
async fn listed(caller: &Caller, id: &str) -> Value {
    let list = caller.get("/keys").await.expect(200);
    list["keys"].as_array().unwrap().iter().find(|key| key["id"] == id).unwrap().clone()
}

async fn uses_add_up_over_flushes_and_a_clean_stop(on: Ground) {
    let app = App::start_on(on).await;
    let made = app.caller.post("/keys", json!({ "name": "counted" })).await.expect(201);
    let (id, secret) = (made["id"].as_str().unwrap(), made["apiKey"].as_str());
    let use_it = async |app: &App, times: usize| {
        let user = app.caller.with_key(secret);
        for _ in 0..times {
            user.get("/sessions").await.expect(200);
        }
    };
    assert_eq!(listed(&app.caller, id).await["lastUsedAt"], Value::Null);
    use_it(&app, 3).await;
    let first = listed(&app.caller, id).await;
    assert_eq!(first["requestCount"], 3, "{first}");
    app.server().store().clock().shift(chrono::TimeDelta::hours(1));
    use_it(&app, 4).await;
    let later = listed(&app.caller, id).await;
    assert_eq!(later["requestCount"], 7, "{later}");
    assert!(later["lastUsedAt"].as_str() > first["lastUsedAt"].as_str(), "{first} {later}");
    // What was counted and not asked for is written when the server stops.
    use_it(&app, 2).await;
    let app = app.restart().await;
    assert_eq!(listed(&app.caller, id).await["requestCount"], 9);
    app.stop().await;
}

async fn nobody_enters_without_a_good_key(on: Ground) {
    let app = App::start_on(on).await;
    let unknown = format!("sk_test_{}", "A".repeat(43));
    let live = format!("sk_live_{}", "A".repeat(43));
    for key in [None, Some(""), Some("nonsense"), Some(unknown.as_str()), Some(live.as_str())] {
        let answer = app.caller.with_key(key).get("/sessions").await;
        assert!(answer.header("www-authenticate").is_some());
        answer.problem(401, "invalid_api_key");
    }
    app.stop().await;
}

async fn a_tenant_has_fifty_living_keys_at_most_and_sees_only_its_own(on: Ground) {
    let app = App::start_on(on).await;
    let other = app.tenant("other@example.com", "free").await;
    for n in 0..49 {
        app.caller.post("/keys", json!({ "name": format!("k{n}") })).await.expect(201);
    }
    app.caller.post("/keys", json!({ "name": "one too many" })).await.problem(429, "key_limit_reached");
    let revoked = app.caller.get("/keys").await.expect(200)["keys"][0]["id"].as_str().unwrap().to_owned();
    app.caller.delete(&format!("/keys/{revoked}")).await.expect(204);
    app.caller.post("/keys", json!({ "name": "short", "expiresInDays": 1 })).await.expect(201);
    app.caller.post("/keys", json!({ "name": "one too many" })).await.problem(429, "key_limit_reached");
    app.server().store().clock().shift(chrono::TimeDelta::hours(25));
    app.caller.post("/keys", json!({ "name": "in the place of the expired one" })).await.expect(201);
    app.caller.post("/keys", json!({ "name": "one too many" })).await.problem(429, "key_limit_reached");
    let own = other.get("/keys").await.expect(200);
    assert_eq!(own["keys"].as_array().unwrap().len(), 1);
    let mine = app.caller.get("/keys").await.expect(200)["keys"][0]["id"].as_str().unwrap().to_owned();
    other.delete(&format!("/keys/{mine}")).await.problem(404, "not_found");
    app.stop().await;
}
