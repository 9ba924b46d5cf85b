//! Pairing codes: whoever types one into the app of a number links the session to that account.

pub(super) mod described;

use chrono::{DateTime, Utc};
use serde::Serialize;
use utoipa::ToSchema;

use super::call::{Answered, Call, id};
use super::fields::{Fields, text};
use super::reply;
use crate::domain::error::Refusal;
use crate::domain::event::time;
use crate::domain::phone::Phone;

#[derive(Serialize, ToSchema)]
#[schema(as = PairingCode)]
#[serde(rename_all = "camelCase")]
struct Shown {
    /// What the person types in. The dash does not count.
    code: String,
    phone: Phone,
    /// Until when it can be typed in.
    #[serde(serialize_with = "time::always")]
    expires_at: DateTime<Utc>,
}

/// The code can be read nowhere else; while it can be typed in, the same call gives it again.
pub(super) async fn create(call: Call, session: String) -> Answered {
    let access = call.enter().await?;
    let session = id(&session)?;
    let door = call.door.clone();
    let phone = asked(call.fields().await?)?;
    let shown = door.system.pairing_code(&access, session, phone).await?;
    reply::made(&Shown { code: shown.code.shown(), phone: shown.phone, expires_at: shown.expires_at })
}

fn asked(mut fields: Fields) -> Result<Phone, Refusal> {
    let phone = fields.required("phone", text(|number| number.parse::<Phone>()));
    fields.finish(phone)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_is_asked_for_one_number() {
        for (body, wrong) in [
            (r#"{"phone": "+237 600 000 001"}"#, &[][..]),
            ("{}", &["phone"]),
            (r#"{"phone": "237600000001"}"#, &["phone"]),
            (r#"{"phone": 237600000001}"#, &["phone"]),
            (r#"{"phone": "+237600000001", "code": "ABCD1234"}"#, &["code"]),
        ] {
            let asked = asked(Fields::of_json(body.as_bytes()).unwrap());
            let named: Vec<_> =
                asked.err().map(|r| r.fields.into_iter().map(|f| f.field).collect()).unwrap_or_default();
            assert_eq!(named, wrong, "{body}");
        }
    }
}
