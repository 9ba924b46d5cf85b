//! Stream tickets: they open one session's stream for a browser's `EventSource`, which cannot send the key.

pub(super) mod described;

use chrono::{DateTime, Utc};
use serde::Serialize;
use utoipa::ToSchema;

use super::call::{Answered, Call};
use super::fields::{self, Fields};
use super::reply;
use crate::domain::error::Refusal;
use crate::domain::event::time;
use crate::domain::id::SessionId;

#[derive(Serialize, ToSchema)]
#[schema(as = StreamTicket)]
#[serde(rename_all = "camelCase")]
struct Made<'a> {
    ticket: &'a str,
    /// Until when it opens the stream for the first time.
    #[serde(serialize_with = "time::always")]
    expires_at: DateTime<Utc>,
    /// Where it opens the stream: the path to call on this server.
    stream_url: String,
}

pub(super) async fn create(call: Call) -> Answered {
    let access = call.enter().await?;
    let door = call.door.clone();
    let session = asked(call.fields().await?)?;
    let (ticket, expires_at) = door.system.stream_ticket(&access, session).await?;
    let ticket = ticket.reveal();
    let stream_url = format!("/api/v1/sessions/{session}/stream?ticket={ticket}");
    reply::made(&Made { ticket, expires_at, stream_url })
}

fn asked(mut fields: Fields) -> Result<SessionId, Refusal> {
    let session = fields.required("sessionId", fields::id);
    fields.finish(session)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::error::Code;

    #[test]
    fn a_ticket_is_for_one_session() {
        let id = "0199a7b0-0000-7000-8000-000000000000";
        let asked = |body: String| asked(Fields::of_json(body.as_bytes()).unwrap());
        assert_eq!(asked(format!(r#"{{"session_id": "{id}"}}"#)), Ok(id.parse().unwrap()));
        for body in ["{}".to_owned(), r#"{"sessionId": "shop"}"#.to_owned(), format!(r#"{{"sessionId": ["{id}"]}}"#)] {
            assert_eq!(asked(body.clone()).unwrap_err().code, Code::ValidationFailed, "{body}");
        }
    }
}
