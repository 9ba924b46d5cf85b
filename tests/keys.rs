//! `/keys`: shown once, counted, gone at once.

use serde_json::json;

use crate::ground::app::App;
use crate::ground::{Ground, on_both_databases};

on_both_databases![
    a_key_is_shown_once_works_at_once_and_is_gone_at_once,
    an_expired_key_lets_nobody_in,
    nobody_enters_without_a_good_key,
    a_tenant_has_fifty_keys_at_most_and_sees_only_its_own,
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

async fn an_expired_key_lets_nobody_in(on: Ground) {
    let app = App::start_on(on).await;
    let made = app.caller.post("/keys", json!({ "name": "short", "expires_in_days": 1 })).await.expect(201);
    let user = app.caller.with_key(made["apiKey"].as_str());
    user.get("/sessions").await.expect(200);
    app.server().store().clock().shift(chrono::TimeDelta::hours(25));
    user.get("/sessions").await.problem(401, "invalid_api_key");
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

async fn a_tenant_has_fifty_keys_at_most_and_sees_only_its_own(on: Ground) {
    let app = App::start_on(on).await;
    let other = app.tenant("other@example.com", "free").await;
    for n in 0..49 {
        app.caller.post("/keys", json!({ "name": format!("k{n}") })).await.expect(201);
    }
    app.caller.post("/keys", json!({ "name": "one too many" })).await.problem(429, "key_limit_reached");
    let own = other.get("/keys").await.expect(200);
    assert_eq!(own["keys"].as_array().unwrap().len(), 1);
    let mine = app.caller.get("/keys").await.expect(200)["keys"][0]["id"].as_str().unwrap().to_owned();
    other.delete(&format!("/keys/{mine}")).await.problem(404, "not_found");
    app.stop().await;
}
