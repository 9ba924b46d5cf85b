//! How far sending has come on one connection: what was looked at, and which chats wait, each for one message of its own.

use std::collections::{HashMap, HashSet, VecDeque};
use std::time::{Duration, Instant};

use crate::domain::id::MessageId;
use crate::domain::phone::Phone;

/// How often a message is tried when WhatsApp cannot take it just now, with waits of 2, 4, 8, 16 and 30 s between; then it fails, so
/// that one that never goes holds up its chat for a minute and not for ever.
pub(super) const TRIES: u32 = 6;

/// A message, as far as the order is concerned.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) chat: Phone,
    pub(super) seq: i64,
    pub(super) message: MessageId,
}

/// Everything accepted up to `seen` went out on this connection, except in the chats that wait, from where they wait. What comes
/// after `seen` was not looked at.
#[derive(Debug, Default)]
pub(super) struct Progress {
    seen: i64,
    waiting: HashMap<Phone, Waiting>,
    /// Chats whose wait is over, and which are to be caught up with what was seen since.
    released: VecDeque<Phone>,
    /// Media settled since the present round began: it may have read of them before that.
    settled: HashSet<MessageId>,
    tries: HashMap<MessageId, u32>,
    /// What is being sent, so that a panic is held against it and not against all.
    trying: Option<Place>,
}

#[derive(Debug)]
struct Waiting {
    /// Nothing of this chat went out from here on.
    from: i64,
    message: MessageId,
    what: For,
    /// When the wait is over at the latest: the end of a pause, or of the time that the message has.
    until: Option<Instant>,
}

/// What a chat waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum For {
    Medium,
    Pause,
}

impl Progress {
    /// On a new connection everything begins anew, but for how often a message was tried.
    pub(super) fn anew(&self) -> Self {
        Self { tries: self.tries.clone(), ..Self::default() }
    }

    pub(super) const fn seen(&self) -> i64 {
        self.seen
    }

    /// A message was looked at: sent, or its chat waits.
    pub(super) fn saw(&mut self, seq: i64) {
        self.seen = self.seen.max(seq);
    }

    pub(super) fn waits(&self, chat: &Phone) -> bool {
        self.waiting.contains_key(chat)
    }

    /// A round begins: what was settled until now, it will find settled.
    pub(super) fn begin(&mut self) {
        self.settled.clear();
    }

    /// The chat waits for the medium of this message, until the message has no more time.
    pub(super) fn wait_for_medium(&mut self, place: &Place, until: Instant) {
        self.wait(place, For::Medium, until);
        if self.settled.remove(&place.message) {
            self.released.push_back(place.chat.clone());
        }
    }

    /// The message is tried again after a pause, and its chat waits for that; false if it had all its tries.
    pub(super) fn pause(&mut self, place: &Place, now: Instant) -> bool {
        let tries = self.tries.entry(place.message).or_default();
        *tries += 1;
        if *tries >= TRIES {
            return false;
        }
        let wait = Duration::from_secs((1 << (*tries).min(5)).min(30));
        self.wait(place, For::Pause, now + wait);
        true
    }

    fn wait(&mut self, place: &Place, what: For, until: Instant) {
        let waiting = Waiting { from: place.seq, message: place.message, what, until: Some(until) };
        self.waiting.insert(place.chat.clone(), waiting);
    }

    /// A message had all its tries: it is to fail without another.
    pub(super) fn is_tried_out(&self, message: MessageId) -> bool {
        self.tries.get(&message).is_some_and(|tries| *tries >= TRIES)
    }

    pub(super) fn trying(&mut self, place: Option<Place>) {
        self.trying = place;
    }

    /// The round failed: so did the message that it was at.
    pub(super) fn failed(&mut self, now: Instant) {
        if let Some(place) = self.trying.take()
            && !self.pause(&place, now)
        {
            // The next round fails it.
            self.wait(&place, For::Pause, now);
        }
    }

    /// A message went out, or failed for good: the chat goes on behind it.
    pub(super) fn done(&mut self, place: &Place) {
        self.trying = None;
        self.tries.remove(&place.message);
        if let Some(waiting) = self.waiting.get_mut(&place.chat) {
            waiting.from = place.seq + 1;
        }
    }

    /// The medium of this message is on the media servers, or will never be.
    pub(super) fn settle(&mut self, message: MessageId) {
        let chat = self.waiting.iter().find(|(_, waiting)| waiting.message == message && waiting.what == For::Medium);
        match chat.map(|(chat, _)| chat.clone()) {
            Some(chat) => self.released.push_back(chat),
            None => drop(self.settled.insert(message)),
        }
    }

    /// Ends the waits that are over.
    pub(super) fn wake(&mut self, now: Instant) {
        for (chat, waiting) in &mut self.waiting {
            if waiting.until.take_if(|until| *until <= now).is_some() {
                self.released.push_back(chat.clone());
            }
        }
    }

    /// How many chats are held back.
    pub(super) fn waiting(&self) -> usize {
        self.waiting.len()
    }

    /// When the next wait is over.
    pub(super) fn next_wake(&self) -> Option<Instant> {
        self.waiting.values().filter_map(|waiting| waiting.until).min()
    }

    /// The next chat whose wait is over, and where it goes on.
    pub(super) fn released(&self) -> Option<(Phone, i64)> {
        let chat = self.released.front()?;
        // Released twice, it is caught up with already: then nothing is found from its end on.
        let from = self.waiting.get(chat).map_or(i64::MAX, |waiting| waiting.from);
        Some((chat.clone(), from))
    }

    /// The first of the released chats was caught up with all that was seen, or waits again.
    pub(super) fn caught_up(&mut self, all: bool) {
        if let Some(chat) = self.released.pop_front().filter(|_| all) {
            self.waiting.remove(&chat);
        }
    }
}

#[cfg(test)]
mod tests;
