//! What is said of faults in the OpenAPI document.

use serde_json::{Value, json};
use utoipa::ToSchema;
use utoipa::openapi::schema::{AnyOfBuilder, Object, ObjectBuilder, Type};
use warp::http::StatusCode;

use super::super::described::of_sandbox;
use super::super::errand::InForce;
use super::{View, of_tenant};
use crate::domain::error::Code;
use crate::domain::id::SessionId;
use crate::http::openapi::{Described, samples, texts};
use crate::sandbox::{COUNT_MAX, FaultId, FaultKind, SECONDS_MAX};

/// A fault to inject. Which of the figures go with which fault is said beside them.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
#[allow(dead_code, reason = "its fields are read one by one; this describes them")]
struct NewFault {
    #[schema(inline)]
    fault: FaultKind,
    #[schema(schema_with = session_id, required = false)]
    session_id: Option<SessionId>,
    #[schema(schema_with = phone, required = false)]
    phone: Option<String>,
    #[schema(schema_with = seconds, required = false)]
    seconds: Option<u16>,
    #[schema(schema_with = count, required = false)]
    count: Option<u32>,
    #[schema(schema_with = probability, required = false)]
    probability: Option<f64>,
}

fn session_id() -> Object {
    let about = "The session that it is aimed at; all of yours that are linked, if none is named.";
    texts::or_null(texts::uuid().description(Some(about)).build())
}

fn phone() -> Object {
    let mut number = texts::or_null(texts::number());
    number.description = Some("Only what is about this other party.".to_owned());
    number
}

fn seconds() -> Object {
    let about = "How long it lasts; for `delay_acks`, how late an ack is.";
    texts::or_null(texts::whole(1, SECONDS_MAX.into()).description(Some(about)).build())
}

fn count() -> Object {
    texts::or_null(texts::whole(1, COUNT_MAX.into()).description(Some("On how many occasions it strikes.")).build())
}

fn probability() -> Object {
    let share = ObjectBuilder::new().schema_type(Type::Number).exclusive_minimum(Some(0)).maximum(Some(1));
    texts::or_null(share.description(Some("How likely it strikes on each occasion.")).build())
}

/// What goes with which fault.
fn what_goes_with_what() -> AnyOfBuilder {
    let alike = FaultKind::ALL.into_iter().fold(Vec::<(&[&str], Vec<&str>)>::new(), |mut alike, kind| {
        match alike.iter_mut().find(|(takes, _)| *takes == kind.takes()) {
            Some((_, kinds)) => kinds.push(kind.as_str()),
            None => alike.push((kind.takes(), vec![kind.as_str()])),
        }
        alike
    });
    alike.into_iter().fold(AnyOfBuilder::new(), |any, (takes, kinds)| {
        let kinds = ObjectBuilder::new().schema_type(Type::String).enum_values(Some(kinds));
        let figures = [("seconds", "seconds"), ("count", "count"), ("probability", "probability"), ("peer", "phone")];
        let without = figures.into_iter().filter(|(name, _)| !takes.contains(name));
        any.item(without.fold(ObjectBuilder::new().property("fault", kinds), |object, (_, name)| {
            object.property(name, Object::with_type(Type::Null))
        }))
    })
}

fn fault() -> Value {
    json!({
        "id": samples::KEY, "fault": "lose_acks", "devices": [{ "phone": samples::OWN, "device": 1 }], "peer": null, "seconds": 60,
        "count": null, "probability": null,
    })
}

pub(in crate::http) fn inject() -> Described {
    of_sandbox(
        "injectFault",
        "Let something go wrong",
        "For your own sessions that are linked: the network loses, repeats, delays or refuses what it should not. To cut a network, \
         take `refuse_connections` for so many `seconds` and `drop_connection` with it: the session tries again after waits of up \
         to a minute. What `lose_receipts` took is not told twice: the message stays `sent` until its session is restarted, or \
         its server, when it goes out again under its id.",
    )
    .takes::<NewFault>(json!({ "fault": "lose_acks", "seconds": 60 }), |fields| of_tenant(fields).map(drop))
    .under(what_goes_with_what())
    .gives::<View>(StatusCode::CREATED, "The fault", fault())
    .with_header("Location")
    .refuses(&[Code::NotFound, Code::SessionNotConnected])
}

pub(in crate::http) fn faults() -> Described {
    let mut listed = fault();
    listed["createdAt"] = json!(samples::BEGAN);
    listed["expiresAt"] = json!(samples::SOON);
    of_sandbox("listFaults", "List the faults in force", "Yours, and no others.")
        .refuses(&[Code::ValidationFailed])
        .gives::<InForce>(StatusCode::OK, "The faults", json!({ "faults": [listed] }))
}

pub(in crate::http) fn heal_all() -> Described {
    of_sandbox("healFaults", "Heal all faults", "Yours, and no others.")
        .refuses(&[Code::ValidationFailed])
        .says(StatusCode::NO_CONTENT, "There are none any more.")
}

pub(in crate::http) fn heal() -> Described {
    of_sandbox("healFault", "Heal one fault", "What it did is done.")
        .at::<FaultId>("fault", "The fault's id.")
        .refuses(&[Code::ValidationFailed])
        .says(StatusCode::NO_CONTENT, "It is healed.")
}
