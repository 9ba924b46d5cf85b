//! What a session notes of itself as it goes along, where it can be read while its actors are busy, hang, or are away.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use chrono::{DateTime, Utc};

use crate::domain::health::Heard;
use crate::domain::id::SessionId;
use crate::domain::message::Failure;
use crate::domain::session::{Lease, Status};

/// The figures of all sessions. They outlive the actors that write them.
#[derive(Debug, Default)]
pub(crate) struct AllFigures(Mutex<HashMap<SessionId, Arc<Figures>>>);

impl AllFigures {
    pub(crate) fn of(&self, session: SessionId) -> Arc<Figures> {
        Arc::clone(locked(&self.0).entry(session).or_default())
    }

    /// The session is no more.
    pub(crate) fn forget(&self, session: SessionId) {
        locked(&self.0).remove(&session);
    }
}

/// The figures of one session.
#[derive(Debug, Default)]
pub(crate) struct Figures(Mutex<Noted>);

#[derive(Debug, Clone, Default)]
pub(crate) struct Noted {
    /// Under which it last ran here.
    pub(crate) lease: Option<Lease>,
    /// How it stands, and since when.
    pub(crate) stands: Option<(Status, DateTime<Utc>)>,
    pub(crate) next_attempt: Option<DateTime<Utc>>,
    pub(crate) heard: Heard,
    /// When the network said that it limits the account, and until when if it said that, too.
    pub(crate) account_limited: Option<(DateTime<Utc>, Option<DateTime<Utc>>)>,
    pub(crate) waiting_chats: usize,
    pub(crate) next_try: Option<DateTime<Utc>>,
    pub(crate) paced_until: Option<DateTime<Utc>>,
}

impl Figures {
    pub(crate) fn read(&self) -> Noted {
        locked(&self.0).clone()
    }

    pub(super) fn leased(&self, lease: Lease) {
        locked(&self.0).lease = Some(lease);
    }

    /// How it stands now. What was waited for in the stage before is waited for no more.
    pub(crate) fn stands(&self, status: Status, now: DateTime<Utc>) {
        let mut noted = locked(&self.0);
        if noted.stands.is_none_or(|(before, _)| before != status) {
            (noted.stands, noted.next_attempt) = (Some((status, now)), None);
        }
    }

    /// When it dials again.
    pub(super) fn tries_again(&self, at: DateTime<Utc>) {
        locked(&self.0).next_attempt = Some(at);
    }

    pub(super) fn acked(&self, at: DateTime<Utc>) {
        locked(&self.0).heard.last_ack_at.replace(at);
    }

    pub(super) fn receipted(&self, at: DateTime<Utc>) {
        locked(&self.0).heard.last_receipt_at.replace(at);
    }

    pub(super) fn refused(&self, why: Failure, at: DateTime<Utc>, until: Option<DateTime<Utc>>) {
        let mut noted = locked(&self.0);
        noted.heard.last_refusal_at = Some(at);
        if why == Failure::AccountLimited {
            noted.account_limited = Some((at, until));
        }
    }

    /// So many chats wait, the next of them until this time; and all of them until that.
    pub(super) fn waits(&self, chats: usize, next: Option<DateTime<Utc>>, paced: Option<DateTime<Utc>>) {
        let mut noted = locked(&self.0);
        (noted.waiting_chats, noted.next_try, noted.paced_until) = (chats, next, paced);
    }
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_session_stands_so_since_it_came_there_and_waits_for_no_attempt_elsewhere() {
        let (figures, at) = (Figures::default(), |second| DateTime::from_timestamp(second, 0).unwrap());
        figures.stands(Status::Disconnected, at(1));
        figures.tries_again(at(9));
        figures.stands(Status::Disconnected, at(2));
        let noted = figures.read();
        assert_eq!((noted.stands, noted.next_attempt), (Some((Status::Disconnected, at(1))), Some(at(9))));
        figures.stands(Status::Connecting, at(9));
        let noted = figures.read();
        assert_eq!((noted.stands, noted.next_attempt), (Some((Status::Connecting, at(9))), None));
    }

    #[test]
    fn only_the_network_s_limit_counts_as_one() {
        let (figures, at) = (Figures::default(), |second| DateTime::from_timestamp(second, 0).unwrap());
        figures.refused(Failure::RefusedByWhatsApp, at(1), None);
        assert_eq!((figures.read().heard.last_refusal_at, figures.read().account_limited), (Some(at(1)), None));
        figures.refused(Failure::AccountLimited, at(2), Some(at(9)));
        assert_eq!(figures.read().account_limited, Some((at(2), Some(at(9)))));
    }
}
