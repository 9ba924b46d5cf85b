//! What is said of API keys in the OpenAPI document.

use serde_json::{Value, json};
use utoipa::ToSchema;
use utoipa::openapi::schema::Object;
use warp::http::StatusCode;

use super::{DAYS_MAX, DESCRIPTION_MAX, Listed, NAME_MAX, asked};
use crate::domain::access::ShownKey;
use crate::domain::error::Code;
use crate::domain::id::KeyId;
use crate::http::openapi::{Described, Tag, samples, texts};

/// A key to make.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
#[allow(dead_code, reason = "its fields are read one by one; this describes them")]
struct NewKey {
    #[schema(schema_with = name)]
    name: String,
    #[schema(schema_with = description, required = false)]
    description: Option<String>,
    #[schema(schema_with = days, required = false)]
    expires_in_days: Option<u16>,
}

fn name() -> Object {
    texts::line(NAME_MAX).description(Some("What you tell it by.")).examples(["ci"]).build()
}

fn description() -> Object {
    texts::or_null(texts::line(DESCRIPTION_MAX).description(Some("What it is for.")).build())
}

fn days() -> Object {
    let about = "After how many days it stops working; it works until it is revoked if this is not said.";
    texts::or_null(texts::whole(1, DAYS_MAX).description(Some(about)).build())
}

fn key() -> Value {
    json!({
        "id": samples::KEY, "name": "ci", "description": "for the build", "mode": "live", "keyPrefix": "sk_live_AbCd",
        "requestCount": 0, "lastUsedAt": null, "expiresAt": null, "createdAt": samples::BEGAN,
    })
}

pub(in crate::http) fn create() -> Described {
    let mut made = key();
    made["apiKey"] = json!("sk_live_AbCdEfGhIjKlMnOpQrStUvWxYz0123456789-_AbCdE");
    Described::new(
        Tag::Keys,
        "createKey",
        "Make an API key",
        "The whole key is in `apiKey` of this answer and can be read nowhere again. You may have 50 keys at once.",
    )
    .takes::<NewKey>(json!({ "name": "ci", "description": "for the build", "expiresInDays": 90 }), |fields| {
        asked(fields).map(drop)
    })
    .gives::<ShownKey>(StatusCode::CREATED, "The key, whole", made)
    .with_header("Location")
    .once()
    .refuses(&[Code::KeyLimitReached])
}

pub(in crate::http) fn list() -> Described {
    Described::new(Tag::Keys, "listKeys", "List your API keys", "Newest first, without those that were revoked.")
        .gives::<Listed>(StatusCode::OK, "The keys", json!({ "keys": [key()], "total": 1 }))
}

pub(in crate::http) fn delete() -> Described {
    let about = "The next call with it is refused, and the streams that it opened end.";
    Described::new(Tag::Keys, "deleteKey", "Revoke an API key", about)
        .at::<KeyId>("id", "The key's id.")
        .says(StatusCode::NO_CONTENT, "It is revoked.")
}
