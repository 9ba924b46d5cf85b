//! API keys: created, listed, revoked. A whole key is in the answer that makes it, and nowhere else.

pub(super) mod described;

use serde::Serialize;
use utoipa::ToSchema;

use super::call::{Answered, Call, id};
use super::fields::{Fields, line, whole};
use super::once::Header;
use super::reply;
use crate::actors::NewKeyRequest;
use crate::domain::access::KeyView;
use crate::domain::error::Refusal;

const PATH: &str = "/api/v1/keys";
pub(super) const NAME_MAX: usize = 100;
pub(super) const DESCRIPTION_MAX: usize = 500;
pub(super) const DAYS_MAX: u64 = 365;

#[derive(Serialize, ToSchema)]
#[schema(as = KeyList)]
struct Listed {
    total: usize,
    keys: Vec<KeyView>,
}

pub(super) async fn create(call: Call) -> Answered {
    let access = call.enter().await?;
    let (door, once) = (call.door.clone(), Header::of(&call));
    let (body, mut fields) = call.body().await?;
    once.check(&mut fields);
    let new = asked(fields)?;
    let made = door.system.create_key(&access, new, once.once(PATH, &body)).await;
    made.map(reply::created_once).map_err(Refusal::of_keyed_call)
}

pub(super) async fn list(call: Call) -> Answered {
    let access = call.enter().await?;
    let keys = call.system().keys(&access).await?;
    reply::ok(&Listed { total: keys.len(), keys })
}

pub(super) async fn delete(call: Call, key: String) -> Answered {
    let access = call.enter().await?;
    call.system().delete_key(&access, id(&key)?).await?;
    Ok(reply::done())
}

fn asked(mut fields: Fields) -> Result<NewKeyRequest, Refusal> {
    let name = fields.required("name", line(NAME_MAX));
    let description = fields.optional("description", line(DESCRIPTION_MAX));
    let days = fields.optional("expiresInDays", whole(1..=DAYS_MAX));
    let expires_in_days = days.and_then(|days| u16::try_from(days).ok());
    fields.finish(name.map(|name| NewKeyRequest { name, description, expires_in_days }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_needs_a_name_and_lives_a_year_at_most() {
        for (body, wrong) in [
            (r#"{"name": "ci"}"#, &[][..]),
            (r#"{"name": "ci", "description": "for the build", "expires_in_days": 365}"#, &[]),
            (r#"{"name": "ci", "description": null, "expiresInDays": null}"#, &[]),
            (r#"{"name": "", "expiresInDays": 366}"#, &["name", "expiresInDays"]),
            (r#"{"expiresInDays": 1.5, "mode": "live"}"#, &["name", "expiresInDays", "mode"]),
            (r#"{"name": "a\u0000b", "expiresInDays": -1}"#, &["name", "expiresInDays"]),
        ] {
            let asked = asked(Fields::of_json(body.as_bytes()).unwrap());
            let named: Vec<_> =
                asked.err().map(|r| r.fields.into_iter().map(|f| f.field).collect()).unwrap_or_default();
            assert_eq!(named, wrong, "{body}");
        }
    }
}
