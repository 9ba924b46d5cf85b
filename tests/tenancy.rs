//! Tenancy, over every route there is: what belongs to another is answered, to the byte, like what never existed.

use reqwest::Method;
use serde_json::{Value, json};

use crate::ground::app::{Answer, App, Caller};
use crate::ground::surface::{Ids, NEVER, PHONE, fill, good_body, id_fields, routes};

/// A tenant with one of everything, and another who knows all of its ids.
struct World {
    app: App,
    stranger: Caller,
    theirs: Ids,
    /// Everything that is not the stranger's, or is his no more.
    foreign: Vec<(&'static str, String)>,
}

async fn id_of(caller: &Caller, path: &str, body: Value) -> String {
    caller.post(path, body).await.expect(201)["id"].as_str().unwrap().to_owned()
}

async fn deleted_session(caller: &Caller) -> String {
    let id = id_of(caller, "/sessions", json!({ "session_key": "deleted" })).await;
    caller.delete(&format!("/sessions/{id}")).await.expect(204);
    id
}

impl World {
    async fn new() -> Self {
        let app = App::start().await;
        let (owner, stranger) = (&app.caller, app.tenant("stranger@example.com", "pro").await);
        let session = owner.link("theirs", PHONE).await;
        let message = owner.text("+237611111111", "private").await;
        let key = id_of(owner, "/keys", json!({ "name": "private" })).await;
        let mut foreign = vec![("session", session.clone()), ("message", message.clone()), ("key", key.clone())];
        foreign.push(("deleted session", deleted_session(owner).await));
        foreign.push(("own deleted session", deleted_session(&stranger).await));
        let mut fault = NEVER.to_owned();
        if routes().contains(&(Method::POST, "/api/v1/sandbox/faults".to_owned())) {
            let body = json!({ "fault": "lose_receipts", "sessionId": session });
            fault = id_of(owner, "/sandbox/faults", body).await;
            foreign.push(("fault", fault.clone()));
        }
        Self { theirs: Ids { session, message, key, fault }, app, stranger, foreign }
    }

    /// What the stranger is told, without what differs between any two answers.
    async fn told(&self, method: &Method, path: &str, body: Option<&Value>) -> (u16, Vec<(String, String)>, String) {
        let mut request = self.stranger.request(method.clone(), path.strip_prefix("/api/v1").unwrap());
        if let Some(body) = body {
            request = request.json(body);
        }
        let Answer { status, headers, text } = self.stranger.send(request.header("X-Request-Id", "same")).await;
        let same = headers.iter().filter(|(name, _)| !["date", "ratelimit-reset"].contains(&name.as_str()));
        let mut headers: Vec<_> = same.map(|(n, v)| (n.to_string(), v.to_str().unwrap().to_owned())).collect();
        headers.sort();
        (status, headers, text)
    }
}

/// Whether a path names something that is somebody's. Phones are everybody's, as they are on all of WhatsApp.
fn has_an_owner(template: &str) -> bool {
    template.contains('{') && !template.contains("{phone}")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_foreign_id_in_a_path_is_like_one_that_never_existed() {
    let world = World::new().await;
    for (method, template) in routes().into_iter().filter(|(_, template)| has_an_owner(template)) {
        let body = good_body(&method, &template, &Ids::all(NEVER));
        let never = world.told(&method, &fill(&template, &Ids::all(NEVER)), body.as_ref()).await;
        assert_eq!(never.0, 404, "{method} {template}: {}", never.2);
        for (kind, id) in &world.foreign {
            let foreign = world.told(&method, &fill(&template, &Ids::all(id)), body.as_ref()).await;
            assert_eq!(foreign, never, "{method} {template} with a foreign {kind}");
        }
    }
    unharmed(world).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_foreign_id_in_a_body_is_like_one_that_never_existed() {
    let world = World::new().await;
    let mut seen = 0;
    for (method, template) in routes() {
        let Some(body) = good_body(&method, &template, &world.theirs) else { continue };
        for field in id_fields(&body) {
            seen += 1;
            let with = |id: &str| {
                let mut body = body.clone();
                body[&field] = json!(id);
                body
            };
            let path = fill(&template, &Ids::all(NEVER));
            let never = world.told(&method, &path, Some(&with(NEVER))).await;
            assert_eq!(never.0, 404, "{method} {template}: {}", never.2);
            for (kind, id) in &world.foreign {
                let foreign = world.told(&method, &path, Some(&with(id))).await;
                assert_eq!(foreign, never, "{method} {template} with a foreign {kind} as {field}");
            }
        }
        takes_no_other_id(&world, &method, &template, &body).await;
    }
    assert!(seen >= 3, "only {seen}");
    unharmed(world).await;
}

/// A route whose good body here names no id takes none: or this test would not see what it does with a foreign one.
async fn takes_no_other_id(world: &World, method: &Method, template: &str, body: &Value) {
    for field in ["sessionId", "messageId", "keyId", "faultId", "id"] {
        if body.get(field).is_some() {
            continue;
        }
        let path = fill(template, &world.theirs);
        let (status, _, text) = world.told(method, &path, Some(&json!({ field: NEVER }))).await;
        let unknown = text.contains(&format!(r#"{{"field":"{field}","message":"is not known here"}}"#));
        let nothing_there = status == 404 && has_an_owner(template);
        assert!(unknown || nothing_there, "{method} {template} takes {field}; its good body should show that: {text}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_foreign_id_in_a_query_is_like_one_that_never_existed() {
    let world = World::new().await;
    let mut seen = 0;
    for (method, template) in routes().into_iter().filter(|(method, _)| *method == Method::GET) {
        let path = fill(&template, &world.theirs);
        // Whoever reads its query says what it does not know in it.
        let reads = world.told(&method, &format!("{path}?nonsense=1"), None).await.0 == 422;
        for name in ["sessionId", "session_id", "messageId", "keyId", "id", "cursor"].iter().filter(|_| reads) {
            seen += 1;
            let never = world.told(&method, &format!("{path}?{name}={NEVER}"), None).await;
            for (kind, id) in &world.foreign {
                let foreign = world.told(&method, &format!("{path}?{name}={id}"), None).await;
                assert_eq!(foreign, never, "GET {template}?{name}= with a foreign {kind}");
            }
        }
    }
    assert!(seen > 0);
    unharmed(world).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_foreign_session_key_is_like_one_that_never_existed() {
    let world = World::new().await;
    let send = |key: &str| json!({ "to": PHONE, "message": "x", "sessionKey": key });
    let never = world.told(&Method::POST, "/api/v1/messages", Some(&send("never"))).await;
    assert_eq!(world.told(&Method::POST, "/api/v1/messages", Some(&send("theirs"))).await, never);
    world.stranger.post("/sessions", json!({ "session_key": "theirs" })).await.expect(201);
    unharmed(world).await;
}

/// Whatever the stranger tried, the owner has everything as it was.
async fn unharmed(world: World) {
    let World { app, theirs, .. } = world;
    let session = app.caller.get(&format!("/sessions/{}", theirs.session)).await.expect(200);
    assert_eq!((&session["status"], &session["sessionKey"]), (&json!("connected"), &json!("theirs")));
    app.caller.get(&format!("/messages/{}", theirs.message)).await.expect(200);
    let keys = app.caller.get("/keys").await.expect(200);
    assert!(keys["keys"].as_array().unwrap().iter().any(|key| key["id"] == theirs.key.as_str()), "{keys}");
    assert_eq!(app.caller.count("").await, 1, "nothing was sent in the owner's name");
    app.stop().await;
}
