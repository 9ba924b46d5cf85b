//! What a session waits for before it dials again: its back-off, or its turn.

use std::time::Duration;

use chrono::{DateTime, Utc};
use ractor::ActorRef;
use tokio::task::JoinHandle;

use crate::actors::system::mailbox::Letter;
use crate::actors::tenants::tenant::session::Msg;
use crate::clock;
use crate::domain::id::SessionId;
use crate::domain::session::life::back_off;

#[derive(Default)]
pub(super) struct Waits {
    retry: Option<JoinHandle<()>>,
    retries: u32,
    turn: Option<JoinHandle<()>>,
}

impl Waits {
    /// Whether this is the end of the latest back-off.
    pub(super) const fn is_latest(&self, retry: u32) -> bool {
        self.retries == retry
    }

    /// Waits before this attempt; how long.
    pub(super) fn retry(&mut self, myself: &ActorRef<Letter<Msg>>, session: SessionId, attempt: u32) -> Duration {
        self.retries = self.retries.wrapping_add(1);
        let (retry, wait) = (self.retries, back_off(attempt, clock::fraction()));
        tracing::info!(%session, attempt, ?wait, "not connected; trying again");
        replace(&mut self.retry, myself, wait, Msg::RetryDue(retry));
        wait
    }

    /// Waits for the turn of what the tenant asked for.
    pub(super) fn turn(&mut self, myself: &ActorRef<Letter<Msg>>, until: DateTime<Utc>, now: DateTime<Utc>) {
        replace(&mut self.turn, myself, (until - now).to_std().unwrap_or_default(), Msg::TurnDue);
    }

    /// Nothing is waited for any more.
    pub(super) fn end(&mut self) {
        self.retries = self.retries.wrapping_add(1);
        for wait in [&mut self.retry, &mut self.turn].into_iter().filter_map(Option::take) {
            wait.abort();
        }
    }
}

fn replace(wait: &mut Option<JoinHandle<()>>, myself: &ActorRef<Letter<Msg>>, time: Duration, then: Msg) {
    let myself = myself.clone();
    let next = tokio::spawn(async move {
        tokio::time::sleep(time).await;
        let _ = myself.send_message(Letter::free(then));
    });
    if let Some(before) = wait.replace(next) {
        before.abort();
    }
}
