//! What is said of the server's health in the OpenAPI document.

use serde_json::json;
use utoipa::ToSchema;
use utoipa::openapi::content::ContentBuilder;
use utoipa::openapi::schema::{Object, ObjectBuilder, Type};
use warp::http::StatusCode;

use super::{Health, Readiness, State, Welcome, asked};
use crate::domain::error::Code;
use crate::http::openapi::{Described, Entry, Tag, samples};

pub(in crate::http) fn welcome() -> Described {
    let page = ContentBuilder::new().schema(Some(Object::with_type(Type::String))).build();
    Described::new(
        Tag::Server,
        "getWelcome",
        "See what this is",
        "The name, the version, and where the API begins. To a browser it is a page.",
    )
    .for_whom(Entry::Anyone)
    .gives::<Welcome>(
        StatusCode::OK,
        "What this is",
        json!({ "name": "wamux", "version": env!("CARGO_PKG_VERSION"), "api": "/api/v1" }),
    )
    .form("text/html; charset=utf-8", page)
    .with_header("Vary")
}

pub(in crate::http) fn live() -> Described {
    Described::new(Tag::Server, "getLive", "Ask whether the server lives", "It answers, whatever else is the matter.")
        .for_whom(Entry::Anyone)
        .gives::<State>(StatusCode::OK, "It lives.", json!({ "status": "live" }))
}

pub(in crate::http) fn ready() -> Described {
    Described::new(
        Tag::Server,
        "getReady",
        "Ask whether the server is ready for calls",
        "It is not while it starts or stops, and while its database does not answer.",
    )
    .for_whom(Entry::Anyone)
    .gives::<Readiness>(StatusCode::OK, "It is ready.", json!({ "status": "ready" }))
    .refuses(&[Code::NotReady])
}

/// What is to be found out.
#[derive(ToSchema)]
#[allow(dead_code, reason = "its fields are read one by one; this describes them")]
struct ActorsQuery {
    #[schema(schema_with = probe, required = false)]
    probe: bool,
}

fn probe() -> Object {
    let about = "Whether each actor is asked through its own mailbox, all at once and for no longer than a second: one that hangs does not \
                 answer.";
    ObjectBuilder::new().schema_type(Type::Boolean).description(Some(about)).build()
}

pub(in crate::http) fn actors() -> Described {
    let page = ContentBuilder::new().schema(Some(Object::with_type(Type::String))).build();
    let actor = json!({
        "name": "root", "kind": "root", "status": "running", "since": samples::BEGAN, "uptimeSeconds": 3600, "restarts": 0,
        "backAt": null, "mailbox": 0, "handled": 12, "lastError": null, "lastErrorAt": null,
        "probe": { "answered": true, "micros": 42 }, "children": [],
    });
    Described::new(
        Tag::Server,
        "getActors",
        "See how the server's actors do",
        "The supervision tree, from figures that are there even when an actor hangs. For the operator: with the operator's token, or, \
         where none is set, from the server's own machine. For browsers it is a page that keeps itself up to date; where it may not \
         show the actors, it asks for the token.",
    )
    .for_whom(Entry::Operator)
    .asks_by::<ActorsQuery>(json!({ "probe": true }), |query| asked(query).map(drop))
    .gives::<Health>(StatusCode::OK, "The root, and everything under it", actor)
    .form("text/html; charset=utf-8", page)
    .with_header("Vary")
}
