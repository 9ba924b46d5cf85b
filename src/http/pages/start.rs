//! First steps: a key, a session, its code scanned, a message on a phone's screen. Each step shows itself when the one before is done.

mod phones;
mod steps;

use chrono::TimeDelta;
use maud::html;

use super::super::call::Answered;
use super::super::fields::{Fields, text};
use super::super::{messages, reply};
use super::frame::Room;
use super::said::Said;
use super::tried::Tried;
use super::visit::Visit;
use super::{keys, sessions};
use crate::domain::access::KeyView;
use crate::domain::error::Refusal;
use crate::domain::message::{Direction, Filter, Message, Status as Reached};
use crate::domain::request::Cause;
use crate::domain::session::{Session, Status};

const PATH: &str = "/dashboard/start";
/// So many of the newest messages are looked through for an answer.
const NEWEST: u64 = 20;
/// What takes longer than this to arrive waits for somebody, and not for a moment.
const MOMENT: TimeDelta = TimeDelta::minutes(1);

/// How far somebody has come.
struct Progress {
    keys: Vec<KeyView>,
    /// The session that is closest to being linked.
    session: Option<Session>,
    /// The newest message that was sent.
    sent: Option<Message>,
    /// The newest that came from where it went, and since.
    answer: Option<Message>,
}

/// What came of a form, on the page that answers it.
#[derive(Default)]
struct Came {
    said: Option<Said>,
    /// A key can be shown here alone.
    key: Option<String>,
    /// A message that was not taken.
    unsent: Option<Tried>,
}

pub(in crate::http) async fn show(visit: Visit) -> Answered {
    page(&visit, Came::default()).await
}

/// Takes the form of one of the steps. Whoever is at a keyboard goes on at the step that is next.
pub(in crate::http) async fn step(mut visit: Visit) -> Answered {
    let mut fields = visit.form().await?;
    let came = match fields.optional("step", text(Ok::<_, String>)).as_deref() {
        Some("key") => match keys::made(&visit, fields).await {
            Ok(key) => Came { key: Some(key), ..Came::default() },
            Err(refusal) => refused(refusal),
        },
        Some("session") => match session(&visit, fields).await {
            Ok(()) => return Ok(reply::see_other(&format!("{PATH}#step-2"))),
            Err(refusal) => refused(refusal),
        },
        Some("send") => {
            let tried = Tried::of(visit.look.language, &fields);
            match send(&visit, fields).await {
                Ok(()) => return Ok(reply::see_other(&format!("{PATH}#step-4"))),
                Err(refusal) => Came { unsent: Some(tried.refused(refusal)), ..Came::default() },
            }
        }
        _ => refused(Refusal::not_found()),
    };
    page(&visit, came).await
}

fn refused(refusal: Refusal) -> Came {
    Came { said: Some(Said::Refused(refusal)), ..Came::default() }
}

async fn session(visit: &Visit, fields: Fields) -> Result<(), Refusal> {
    phones::prepare(visit).await;
    sessions::made(visit, fields).await.map(drop)
}

async fn send(visit: &Visit, fields: Fields) -> Result<(), Refusal> {
    let send = messages::text_of(fields)?;
    let cause = Cause::of(&visit.call.arrival.id);
    visit.system().accept(&visit.access, cause, send, None).await.answer.map(drop)
}

async fn progress(visit: &Visit) -> Result<Progress, Refusal> {
    let system = visit.system();
    let closeness = |session: &Session| match session.status {
        Status::Connected => 4,
        Status::Connecting | Status::Disconnected => 3,
        Status::QrReady => 2,
        Status::Initializing => 1,
        Status::Failed => 0,
    };
    let sessions = system.sessions(&visit.access).await?;
    let session = sessions.into_iter().rev().max_by_key(closeness);
    let newest = |direction, limit| Filter { direction: Some(direction), limit, ..Filter::default() };
    let sent = system.stretch(&visit.access, newest(Direction::Outbound, 1)).await?.messages.pop();
    let answer = match &sent {
        Some(sent) => {
            let came = system.stretch(&visit.access, newest(Direction::Inbound, NEWEST)).await?.messages;
            came.into_iter().find(|came| came.from_phone == sent.to_phone && came.id.0 > sent.id.0)
        }
        None => None,
    };
    Ok(Progress { keys: system.kept_keys(&visit.access).await?, session, sent, answer })
}

impl Progress {
    /// Whether something comes in a moment: a code, a link, or a message on its way.
    fn is_waiting(&self, visit: &Visit) -> bool {
        let under_way = |sent: &Message| {
            let new = visit.system().clock().now() - sent.created_at < MOMENT;
            new && matches!(sent.status, Reached::Pending | Reached::Sent)
        };
        let session = self.session.as_ref().map(|session| session.status);
        matches!(session, Some(Status::Initializing | Status::Connecting)) || self.sent.as_ref().is_some_and(under_way)
    }
}

async fn page(visit: &Visit, came: Came) -> Answered {
    let words = visit.words().start;
    let progress = progress(visit).await?;
    let phones = phones::beside(visit, progress.session.as_ref()).await;
    let quiet = came.said.is_none() && came.unsent.is_none() && came.key.is_none();
    let unsent = came.unsent.unwrap_or_else(|| Tried::not(visit.look.language));
    let body = html! {
        div.start.with-phones[phones.is_some()] {
            div.way {
                h1 { (words.title) }
                p.muted { (words.lead) }
                @if let Some(said) = &came.said { (said.shown(visit.look.language)) }
                @if let Some(key) = &came.key { (keys::shown_once(visit, key)) }
                ol.steps id="steps" data-live="1000" { (steps::steps(visit, &progress, &unsent)) }
            }
            @if let Some(phones) = phones { (phones) }
        }
    };
    let (room, title, assets) = (Room::Start, words.title, "pairing phones start");
    let page = if quiet && progress.is_waiting(visit) {
        visit.waiting(room, title, assets, &body)?
    } else {
        visit.alive(room, title, assets, &body)?
    };
    let page = unsent.on(page);
    Ok(if let Some(said) = came.said { said.on(page) } else { page })
}
