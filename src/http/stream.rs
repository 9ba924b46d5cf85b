//! A session's stream of server-sent events: it says what is, then what happens, until someone ends it.

pub(super) mod described;

use std::pin::Pin;
use std::sync::{Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use futures_util::stream::{self, BoxStream};
use futures_util::{Stream, StreamExt};
use serde_json::Value;
use warp::Reply;
use warp::http::header::{AUTHORIZATION, CACHE_CONTROL};
use warp::http::{HeaderName, HeaderValue};
use warp::sse::Event;

use super::call::{Answered, Call, id};
use super::qr;
use super::serve::Stopping;
use crate::domain::access::StreamTicket;
use crate::domain::error::Refusal;
use crate::domain::event::{Position, StreamEvent};

const KEEP_ALIVE: Duration = Duration::from_secs(15);
/// How long a browser waits before it opens a stream again.
const RETRY: Duration = Duration::from_secs(2);

pub(super) async fn open(call: Call, session: String) -> Answered {
    let ticket = ticket(&call).transpose()?;
    let (access, session) = match &ticket {
        None => (call.enter().await?, id(&session)?),
        Some(ticket) => {
            let session = session.parse().map_err(|_| Refusal::invalid_ticket())?;
            (call.system().enter_by_ticket(ticket, session).await?, session)
        }
    };
    let events = call.system().watch_session(&access, ticket.as_ref(), session, last_seen(&call)).await?;
    let events = warp::sse::keep_alive().interval(KEEP_ALIVE).stream(told(events, &call.door.stopping));
    let mut response = warp::sse::reply(Unshared::new(events)).into_response();
    let headers = response.headers_mut();
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    // Asks proxies of the nginx kind to hand events on as they come.
    headers.insert(HeaderName::from_static("x-accel-buffering"), HeaderValue::from_static("no"));
    Ok(response)
}

/// The ticket that the query shows, for those who cannot send a header; a key in the header goes before it.
fn ticket(call: &Call) -> Option<Result<StreamTicket, Refusal>> {
    let mut shown = call.query.iter().filter(|(name, _)| name == "ticket").map(|(_, text)| text);
    let first = shown.next().filter(|_| !call.headers.contains_key(AUTHORIZATION))?;
    let only = shown.next().is_none();
    Some(first.parse().ok().filter(|_| only).ok_or_else(Refusal::invalid_ticket))
}

/// Where the client was when it lost the stream: in the header that browsers send, or in the query for those that cannot.
fn last_seen(call: &Call) -> Option<Position> {
    let header = call.header("last-event-id").ok().flatten();
    let query = || {
        let named = |name: &str| name == "lastEventId" || name == "last_event_id";
        call.query.iter().find(|(name, _)| named(name)).map(|(_, text)| text.as_str())
    };
    header.or_else(query).and_then(Position::parse)
}

type Told = BoxStream<'static, Result<Event, serde_json::Error>>;

fn told(events: BoxStream<'static, (String, StreamEvent)>, stopping: &Stopping) -> Told {
    let opening = stream::once(async { Ok(Event::default().retry(RETRY)) });
    let events = events.map(|(id, event)| written(&event).map(|written| written.id(id)));
    opening.chain(events).take_until(Box::pin(stopping.begun())).boxed()
}

fn written(event: &StreamEvent) -> Result<Event, serde_json::Error> {
    let mut data = serde_json::to_value(event)?;
    if let (StreamEvent::Qr { qr, .. }, Value::Object(fields)) = (event, &mut data) {
        fields.insert("qrImage".to_owned(), qr::data_uri(qr).into());
    }
    Event::default().event(event.name()).json_data(data)
}

/// A stream that is only ever reached by its one owner, as warp's bodies have to be `Sync` though nobody shares them.
struct Unshared<S>(Mutex<Pin<Box<S>>>);

impl<S> Unshared<S> {
    fn new(stream: S) -> Self {
        Self(Mutex::new(Box::pin(stream)))
    }
}

impl<S: futures_util::TryStream> Stream for Unshared<S> {
    type Item = Result<S::Ok, S::Error>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let stream = self.0.get_mut().unwrap_or_else(PoisonError::into_inner);
        stream.as_mut().try_poll_next(context)
    }
}

#[cfg(test)]
mod tests;
