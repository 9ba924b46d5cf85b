//! The session's pace: whether the next message may go now, or the round ends until it may.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::time::timeout;

use super::round::{End, Round};
use crate::clock;
use crate::domain::id::MessageId;
use crate::domain::pacing::{Pace, Pacer};
use crate::store::messages::{Due, DueContent};

/// How long what the store said of the pace holds: another server may have changed it.
const FRESH: Duration = Duration::from_mins(1);
/// How long the sign that somebody types may take. It is not worth more.
const SIGN_WITHIN: Duration = Duration::from_secs(5);

/// What outlives a connection: what went out through the last one counts on this one.
#[derive(Clone)]
pub(super) struct Paced(Arc<Mutex<Inner>>);

struct Inner {
    begun: Instant,
    pacer: Pacer,
    /// What is to be kept to, and since when that is known; none until the store has said.
    pace: Option<(Pace, Instant)>,
    /// Counts the changes, so that none is lost to what was read before it.
    changes: u64,
    /// Which text is being typed, and until when.
    typed: Option<(MessageId, Instant)>,
}

impl Paced {
    pub(super) fn new() -> Self {
        let begun = clock::instant();
        let pacer = Pacer::new(Duration::ZERO);
        Self(Arc::new(Mutex::new(Inner { begun, pacer, pace: None, changes: 0, typed: None })))
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The tenant may have asked for another pace.
    pub(super) fn changed(&self) {
        let mut inner = self.inner();
        inner.changes += 1;
        inner.pace = None;
    }
}

impl Inner {
    /// When the message may go, if that is not now; or how long it has to be typed first.
    fn turn(&mut self, pace: Pace, message: MessageId, text: Option<&str>, now: Instant) -> Turn {
        let at = self.begun + self.pacer.next(pace);
        if at > now {
            return Turn::At(at);
        }
        if let Some(text) = text.filter(|_| pace.typing) {
            match self.typed {
                Some((typed, until)) if typed == message && until > now => return Turn::At(until),
                Some((typed, _)) if typed == message => {}
                _ => {
                    let until = now + pace.typed(text);
                    self.typed = Some((message, until));
                    return Turn::Type(until);
                }
            }
        }
        self.typed = None;
        self.pacer.sent(pace, now - self.begun, clock::fraction());
        Turn::Now
    }
}

#[derive(Debug, PartialEq, Eq)]
enum Turn {
    Now,
    At(Instant),
    /// The chat is to see that it is being typed until then.
    Type(Instant),
}

impl Round {
    /// Goes on if the message may go now, which counts from here on, and ends the round until it may. What goes again is not typed.
    pub(super) async fn turn(&self, message: &Due, again: bool) -> Result<(), End> {
        let pace = self.pace().await?;
        let text = match &message.content {
            DueContent::Text(text) if !again => Some(text.as_str()),
            _ => None,
        };
        let turn = self.paced.inner().turn(pace, message.message, text, clock::instant());
        match turn {
            Turn::Now => Ok(()),
            Turn::At(at) => Err(End::Paced(at)),
            Turn::Type(until) => {
                // Whatever comes of it, the message itself says what is wrong.
                let _ = timeout(SIGN_WITHIN, self.link.composing(&message.to)).await;
                Err(End::Paced(until))
            }
        }
    }

    pub(super) async fn pace(&self) -> Result<Pace, End> {
        let now = clock::instant();
        let changes = {
            let inner = self.paced.inner();
            if let Some((pace, _)) = inner.pace.filter(|(_, since)| now.duration_since(*since) < FRESH) {
                return Ok(pace);
            }
            inner.changes
        };
        let asked = self.read(self.shared.store.pacing(self.lease).await)?;
        let pace = self.shared.wire.pace().with(asked);
        let mut inner = self.paced.inner();
        if inner.changes == changes {
            inner.pace = Some((pace, now));
        }
        Ok(pace)
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    #[test]
    fn a_text_is_typed_once_and_goes_when_that_is_over() {
        let paced = Paced::new();
        let mut inner = paced.inner();
        let pace = Pace { rate: None, ..Pace::CAREFUL };
        let (one, two) = (MessageId(Uuid::from_u128(1)), MessageId(Uuid::from_u128(2)));
        let now = inner.begun;
        let until = now + pace.typed("hello");
        assert_eq!(inner.turn(pace, one, Some("hello"), now), Turn::Type(until));
        assert_eq!(inner.turn(pace, one, Some("hello"), now + Duration::from_millis(1)), Turn::At(until));
        // Another chat's comes between, and is typed by itself; a picture is not.
        assert_eq!(inner.turn(pace, two, Some("a"), until), Turn::Type(until + pace.typed("a")));
        assert_eq!(inner.turn(pace, two, Some("a"), until + pace.typed("a")), Turn::Now);
        assert_eq!(inner.turn(pace, two, None, until), Turn::Now);
        let late = until + Duration::from_mins(1);
        assert!(matches!(inner.turn(pace, one, Some("hello"), late), Turn::Type(_)));
        assert_eq!(inner.turn(pace, one, Some("hello"), late + pace.typed("hello")), Turn::Now);
    }

    #[test]
    fn what_may_not_go_yet_says_when_it_may() {
        let paced = Paced::new();
        let mut inner = paced.inner();
        let (pace, begun) = (Pace { rate: Some(1), jitter: 0, typing: false }, inner.begun);
        let (one, minute) = (MessageId(Uuid::from_u128(1)), Duration::from_mins(1));
        assert_eq!(inner.turn(Pace::OFF, one, None, begun), Turn::Now);
        assert_eq!(inner.turn(pace, one, None, begun), Turn::At(begun + minute));
        assert_eq!(inner.turn(pace, one, None, begun + minute), Turn::Now);
        // The same id again, on a new connection say, counts as well.
        assert_eq!(inner.turn(pace, one, None, begun + minute), Turn::At(begun + 2 * minute));
    }
}
