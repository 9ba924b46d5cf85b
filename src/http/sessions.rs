//! Sessions: created, listed, shown, deleted.

use serde::Serialize;

use super::call::{Answered, Call, id};
use super::fields::{Fields, text};
use super::reply;
use crate::domain::error::Refusal;
use crate::domain::session::{Session, SessionKey};

#[derive(Serialize)]
struct Listed {
    total: usize,
    sessions: Vec<Session>,
}

pub(super) async fn create(call: Call) -> Answered {
    let access = call.enter().await?;
    let door = call.door.clone();
    let key = asked(call.fields().await?)?;
    let session = door.system.create_session(&access, key).await?;
    reply::created(&format!("/api/v1/sessions/{}", session.id), &session)
}

pub(super) async fn list(call: Call) -> Answered {
    let access = call.enter().await?;
    let sessions = call.system().sessions(&access).await?;
    reply::ok(&Listed { total: sessions.len(), sessions })
}

pub(super) async fn show(call: Call, session: String) -> Answered {
    let access = call.enter().await?;
    reply::ok(&call.system().session(&access, id(&session)?).await?)
}

pub(super) async fn delete(call: Call, session: String) -> Answered {
    let access = call.enter().await?;
    call.system().delete_session(&access, id(&session)?).await?;
    Ok(reply::done())
}

fn asked(mut fields: Fields) -> Result<SessionKey, Refusal> {
    let key = fields.required("sessionKey", text(SessionKey::try_from));
    fields.finish(key)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_spellings_are_taken_and_a_mistake_is_named() {
        for (body, wrong) in [
            (r#"{"sessionKey": "shop"}"#, &[][..]),
            (r#"{"session_key": "shop"}"#, &[]),
            (r#"{"session_key": "shop", "sessionKey": "shop"}"#, &["sessionKey"]),
            (r#"{"session_key": ""}"#, &["session_key"]),
            (r#"{"session_key": 7}"#, &["session_key"]),
            (r#"{"sessionkey": "shop", "name": "x"}"#, &["sessionKey", "sessionkey", "name"]),
        ] {
            let asked = asked(Fields::of_json(body.as_bytes()).unwrap());
            let named: Vec<_> =
                asked.err().map(|r| r.fields.into_iter().map(|f| f.field).collect()).unwrap_or_default();
            assert_eq!(named, wrong, "{body}");
        }
    }
}
