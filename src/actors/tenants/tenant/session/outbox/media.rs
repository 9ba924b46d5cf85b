//! Media of this session: what waits is handed to the pool, connected or not, and what is ready is uploaded through the link.

use std::collections::HashMap;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::{Duration, Instant};

use chrono::{DateTime, TimeDelta, Utc};
use futures_util::FutureExt;
use ractor::ActorRef;
use tokio::task::{AbortHandle, JoinHandle};

use super::upload::{Upload, Uploaded};
use super::{Msg, State};
use crate::actors::media;
use crate::actors::system::mailbox::Letter;
use crate::clock;
use crate::domain::id::MessageId;
use crate::domain::media::{Fault, Stage};
use crate::domain::quota::has_room;
use crate::domain::session::Lease;
use crate::store::media::{Ready, Waiting};
use crate::store::{Store, StoreError};

/// Uploads of one session at once, beside the sending of other chats.
const AT_ONCE: usize = 2;
/// Read of what is ready at a time: what is being uploaded or waits for its next try stands in nobody's way.
const READY: u64 = 32;
/// Handed to the pool at a time, as many as it takes of one session.
const WAITING: u64 = 64;
/// How soon the store is asked again that did not answer.
const AGAIN: Duration = Duration::from_secs(2);
/// How soon it is looked whether others made room on the disk.
const FULL: TimeDelta = TimeDelta::seconds(10);

/// What the store says is to be done.
#[derive(Debug, Default)]
pub(in super::super) struct Looked {
    waiting: Vec<Waiting>,
    /// Whether these are made ready though there is no room.
    anyway: bool,
    ready: Vec<Ready>,
    /// Their messages failed: what was kept of them could not be read.
    spoiled: Vec<MessageId>,
    /// When to look again.
    next: Option<DateTime<Utc>>,
}

#[derive(Debug, Default)]
pub(super) struct Media {
    looking: bool,
    /// Something came while the store was being asked.
    again: bool,
    uploads: HashMap<MessageId, AbortHandle>,
    /// Uploads that failed: how often, and when they are tried again.
    failed: HashMap<MessageId, (u32, Instant)>,
    alarm: Option<JoinHandle<()>>,
}

impl State {
    /// Asks the store what is to be done for media.
    pub(super) fn look(&mut self, myself: &ActorRef<Letter<Msg>>) {
        if std::mem::replace(&mut self.media.looking, true) {
            self.media.again = true;
            return;
        }
        let (store, lease, vitals, myself) =
            (self.shared.store.clone(), self.lease, Arc::clone(&self.vitals), myself.clone());
        let connected = self.link.is_some();
        tokio::spawn(async move {
            // A panic is a failed look, and not the last one.
            let looked = AssertUnwindSafe(look(&store, lease, connected)).catch_unwind().await;
            let looked = looked.map_err(|_| "a look at media failed".to_owned());
            let looked = looked.and_then(|looked| looked.map_err(|error| error.to_string()));
            let looked = looked.inspect_err(|error| vitals.note_error(error)).ok();
            let _ = myself.send_message(Letter::free(Msg::Looked(looked)));
        });
    }

    pub(super) fn looked(&mut self, myself: &ActorRef<Letter<Msg>>, looked: Option<Looked>) {
        self.media.looking = false;
        let now = clock::instant();
        let next = match looked {
            None => Some(now + AGAIN),
            Some(Looked { waiting, anyway, ready, spoiled, next }) => {
                if let Some(pool) = self.shared.media_door().filter(|_| !waiting.is_empty()) {
                    pool.nudge(media::Msg::Prepare(self.lease, waiting, anyway));
                }
                for message in spoiled {
                    self.released(myself, message);
                }
                self.media.failed.retain(|message, _| ready.iter().any(|ready| ready.message == *message));
                for ready in ready {
                    self.upload(myself, ready, now);
                }
                let late = next.map(|next| now + (next - self.shared.store.clock().now()).to_std().unwrap_or_default());
                let retries = self.media.failed.values().map(|(_, at)| *at).filter(|at| *at > now);
                retries.chain(late).min()
            }
        };
        self.look_at(myself, next);
        if std::mem::take(&mut self.media.again) {
            self.look(myself);
        }
    }

    /// The medium of this message has a result; or it failed, and what stands behind it goes on.
    pub(super) fn medium(&mut self, myself: &ActorRef<Letter<Msg>>, message: MessageId) {
        self.released(myself, message);
        self.look(myself);
    }

    /// Begins an upload, if there is a connection and a place.
    fn upload(&mut self, myself: &ActorRef<Letter<Msg>>, ready: Ready, now: Instant) {
        let Some((link, _)) = self.link.clone() else { return };
        let (message, tries) = (ready.message, self.media.failed.get(&ready.message));
        let early = tries.is_some_and(|(_, at)| *at > now);
        if early || self.media.uploads.len() >= AT_ONCE || self.media.uploads.contains_key(&message) {
            return;
        }
        let tries = tries.map_or(0, |(tries, _)| *tries);
        let upload = Upload { shared: Arc::clone(&self.shared), lease: self.lease, link, ready, tries };
        let myself = myself.clone();
        let task = tokio::spawn(async move {
            // A panic is a failed try, and leaves no upload that never ends.
            let uploaded = AssertUnwindSafe(upload.run()).catch_unwind().await;
            let uploaded = uploaded.unwrap_or_else(|_| Uploaded::Again("an upload failed".to_owned()));
            let _ = myself.send_message(Letter::free(Msg::Uploaded(message, uploaded)));
        });
        self.media.uploads.insert(message, task.abort_handle());
    }

    pub(super) fn uploaded(&mut self, myself: &ActorRef<Letter<Msg>>, message: MessageId, uploaded: Uploaded) {
        self.media.uploads.remove(&message);
        let now = clock::instant();
        match uploaded {
            Uploaded::Settled => {
                self.media.failed.remove(&message);
                return self.medium(myself, message);
            }
            Uploaded::Again(why) => {
                self.vitals.note_error(&why);
                let tries = self.media.failed.get(&message).map_or(0, |(tries, _)| *tries) + 1;
                // As patient as the pool is: media servers that are away for some minutes fail no message. What had its last try
                // waits no more, and the next look fails it.
                let wait = media::pause(tries - 1, None).unwrap_or_default();
                self.media.failed.insert(message, (tries, now + wait));
            }
            // Held against no medium: the next connection begins it anew, or this one does, if it only seemed to be gone.
            Uploaded::Disconnected => {
                let tries = self.media.failed.get(&message).map_or(0, |(tries, _)| *tries);
                self.media.failed.insert(message, (tries, now + AGAIN));
            }
            Uploaded::Anew => {}
        }
        self.look(myself);
    }

    fn look_at(&mut self, myself: &ActorRef<Letter<Msg>>, next: Option<Instant>) {
        if let Some(alarm) = self.media.alarm.take() {
            alarm.abort();
        }
        self.media.alarm = next.map(|at| {
            let (wait, myself) = (at.saturating_duration_since(clock::instant()), myself.clone());
            tokio::spawn(async move {
                tokio::time::sleep(wait).await;
                let _ = myself.send_message(Letter::free(Msg::Media));
            })
        });
    }
}

/// Asks the store, and fails what it cannot read: in a chat that would wait for it for ever.
async fn look(store: &Store, lease: Lease, connected: bool) -> Result<Looked, StoreError> {
    let mut looked = Looked::default();
    // Whoever lost the session leaves its media to whoever has it.
    if !store.is_newest(lease).await? {
        return Ok(looked);
    }
    let ready = store.media_ready(lease, READY).await?;
    for message in ready.spoiled {
        store.fail_medium(lease, message, Stage::Ready, &Fault::Spoiled).await?;
        looked.spoiled.push(message);
    }
    looked.ready = ready.media;
    if looked.ready.len() as u64 >= READY {
        // What cannot be uploaded yet must not fill the disk; the end of each upload looks again.
        return Ok(looked);
    }
    let now = store.clock().now();
    let waiting = store.media_waiting(lease, now, WAITING).await?;
    for message in waiting.spoiled {
        store.fail_medium(lease, message, Stage::Waiting, &Fault::Spoiled).await?;
        looked.spoiled.push(message);
    }
    looked.waiting = waiting.media;
    looked.next = store.next_medium(lease, now).await?;
    if looked.waiting.is_empty() {
        return Ok(looked);
    }
    let spooled = store.spooled(lease.tenant).await?;
    if !has_room(spooled.of_tenant, spooled.of_all) {
        // They wait, and do not fail. A session that could upload one at once makes it ready all the same, so that what others
        // cannot upload stops nobody.
        looked.anyway = connected && looked.ready.is_empty();
        looked.waiting.truncate(usize::from(looked.anyway));
        looked.next = Some(looked.next.map_or(now + FULL, |next| next.min(now + FULL)));
    }
    Ok(looked)
}

/// Uploads end with their outbox: the next one begins its own.
impl Drop for Media {
    fn drop(&mut self) {
        for upload in self.uploads.values() {
            upload.abort();
        }
        if let Some(alarm) = &self.alarm {
            alarm.abort();
        }
    }
}
