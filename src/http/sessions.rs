//! Sessions: created, listed, shown, changed, restarted, logged out, deleted.

pub(super) mod described;

use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

use super::call::{Answered, Call, id};
use super::fields::{Fields, text, whole, yes_or_no};
use super::once::Header;
use super::reply;
use crate::domain::error::Refusal;
use crate::domain::pacing::{JITTER_MAX, PER_MINUTE_MAX, Pacing};
use crate::domain::proxy::Proxy;
use crate::domain::session::{Changes, NewSession, Session, SessionKey};

const PATH: &str = "/api/v1/sessions";

#[derive(Serialize, ToSchema)]
#[schema(as = SessionList)]
struct Listed {
    total: usize,
    sessions: Vec<Session>,
}

pub(super) async fn create(call: Call) -> Answered {
    let access = call.enter().await?;
    let (door, once) = (call.door.clone(), Header::of(&call));
    let (body, mut fields) = call.body().await?;
    once.check(&mut fields);
    let new = asked(fields)?;
    let made = door.system.create_session(&access, new, once.once(PATH, &body)).await;
    made.map(reply::created_once).map_err(Refusal::of_keyed_call)
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

pub(super) async fn change(call: Call, session: String) -> Answered {
    let access = call.enter().await?;
    let (door, session) = (call.door.clone(), id(&session));
    let changes = changes(call.fields().await?);
    // Whether there is such a session comes first: a mistake in the body is told to nobody who has none.
    let session = door.system.session(&access, session?).await?.id;
    reply::ok(&door.system.change_session(&access, session, changes?).await?)
}

pub(super) async fn health(call: Call, session: String) -> Answered {
    let access = call.enter().await?;
    reply::ok(&call.system().session_health(&access, id(&session)?).await?)
}

pub(super) async fn restart(call: Call, session: String) -> Answered {
    let access = call.enter().await?;
    reply::taken_on(&call.system().restart_session(&access, id(&session)?).await?)
}

pub(super) async fn log_out(call: Call, session: String) -> Answered {
    let access = call.enter().await?;
    reply::taken_on(&call.system().log_out_session(&access, id(&session)?).await?)
}

pub(super) async fn delete(call: Call, session: String) -> Answered {
    let access = call.enter().await?;
    call.system().delete_session(&access, id(&session)?).await?;
    Ok(reply::done())
}

fn asked(mut fields: Fields) -> Result<NewSession, Refusal> {
    let key = fields.required("sessionKey", text(SessionKey::try_from));
    let proxy = fields.optional("proxyUrl", text(Proxy::try_from));
    let pacing = Pacing {
        per_minute: fields.optional("messagesPerMinute", small(PER_MINUTE_MAX)),
        jitter: fields.optional("messageJitter", small(JITTER_MAX)),
        typing: fields.optional("simulateTyping", yes_or_no),
    };
    fields.finish(key.map(|key| NewSession { key, proxy, pacing }))
}

fn changes(mut fields: Fields) -> Result<Changes, Refusal> {
    let key = fields.optional("sessionKey", text(SessionKey::try_from));
    let proxy = fields.nullable("proxyUrl", text(Proxy::try_from));
    let per_minute = fields.nullable("messagesPerMinute", small(PER_MINUTE_MAX));
    let jitter = fields.nullable("messageJitter", small(JITTER_MAX));
    let typing = fields.nullable("simulateTyping", yes_or_no);
    fields.finish(Some(Changes { key, proxy, per_minute, jitter, typing }))
}

fn small(most: u32) -> impl FnOnce(Value) -> Result<u32, String> {
    move |value| whole(0..=most.into())(value).map(|number| number.try_into().unwrap_or(most))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::session::Setting;

    #[test]
    fn both_spellings_are_taken_and_a_mistake_is_named() {
        for (body, wrong) in [
            (r#"{"sessionKey": "shop"}"#, &[][..]),
            (r#"{"session_key": "shop"}"#, &[]),
            (r#"{"session_key": "shop", "proxyUrl": null}"#, &[]),
            (r#"{"session_key": "shop", "proxy_url": "socks5://host:1080"}"#, &[]),
            (r#"{"session_key": "shop", "proxy_url": "ftp://host"}"#, &["proxy_url"]),
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

    #[test]
    fn a_change_tells_null_from_nothing() {
        let changes = |body: &str| changes(Fields::of_json(body.as_bytes()).unwrap());
        assert_eq!(changes("{}"), Ok(Changes::default()));
        assert_eq!(
            changes(r#"{"proxyUrl": null, "sessionKey": null}"#),
            Ok(Changes { proxy: Setting::Remove, ..Changes::default() })
        );
        let both = changes(r#"{"proxy_url": "http://me:pw@host:3128", "session_key": "new"}"#).unwrap();
        assert_eq!(both.key.unwrap().as_str(), "new");
        assert_eq!(both.proxy, Setting::Set("http://me:pw@host:3128".parse().unwrap()));
        let paced = changes(r#"{"messagesPerMinute": 0, "message_jitter": null, "simulateTyping": false}"#).unwrap();
        assert_eq!(
            (paced.per_minute, paced.jitter, paced.typing),
            (Setting::Set(0), Setting::Remove, Setting::Set(false))
        );
        for (body, field) in [
            (r#"{"messagesPerMinute": 601}"#, "messagesPerMinute"),
            (r#"{"messages_per_minute": "off"}"#, "messages_per_minute"),
            (r#"{"messageJitter": -1}"#, "messageJitter"),
            (r#"{"simulateTyping": "yes"}"#, "simulateTyping"),
        ] {
            assert_eq!(changes(body).unwrap_err().fields[0].field, field);
        }
        for body in
            [r#"{"proxyUrl": 7}"#, r#"{"proxyUrl": "host:1"}"#, r#"{"colour": "green"}"#, r#"{"sessionKey": ""}"#]
        {
            assert!(changes(body).is_err(), "{body}");
        }
    }
}
