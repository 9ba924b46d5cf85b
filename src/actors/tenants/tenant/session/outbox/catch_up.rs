//! How far an outbox has come with sending again what was sent before it lived and never receipted.
//!
//! It walks through all of that in the order of acceptance, and goes ahead of its walk in a chat that has something new to send. What
//! a connection takes with it when it breaks is only what WhatsApp had not answered: the stanzas of one connection arrive in their
//! order, so an answer to one speaks of all before it.

use std::collections::{HashMap, HashSet, VecDeque};

use crate::domain::phone::Phone;

/// Of so many messages that are sent, one is a repeat where new ones never end; and so many new ones may go first.
const ONE_IN: u64 = 4;
const FIRST: u64 = 8;

#[derive(Debug, Default)]
pub(super) struct CatchUp {
    /// Where it ends: what comes behind was sent in this outbox's life. None until the store was asked.
    end: Option<i64>,
    /// The chats that have something left on this connection, and up to where each was caught up with ahead of the walk. None until
    /// the store was asked on this connection.
    chats: Option<HashMap<Phone, i64>>,
    /// Up to here everything has arrived.
    confirmed: i64,
    /// Up to here everything was put on the present connection.
    reached: i64,
    /// Put there and not answered yet, in order; with its place where it was the walk's.
    unanswered: VecDeque<(String, Option<i64>)>,
    /// What was sent for the first time in this life though its place is before the end.
    own: HashSet<i64>,
    /// New messages that went first, less the repeats that went since.
    debt: u64,
}

impl CatchUp {
    /// A new connection goes on behind what arrived over the one before. A round that still runs on that keeps what is left.
    pub(super) fn anew(&mut self) -> Self {
        let before = std::mem::take(self);
        if before.is_over() && before.unanswered.is_empty() {
            return before;
        }
        let reached = before.confirmed;
        Self { chats: None, reached, unanswered: VecDeque::new(), ..before }
    }

    fn is_over(&self) -> bool {
        self.chats.as_ref().is_some_and(HashMap::is_empty)
    }

    /// What to ask the store on this connection: which chats have something behind the one and up to the other place. Nothing once
    /// it has said.
    pub(super) const fn to_ask(&self) -> Option<(i64, Option<i64>)> {
        if self.chats.is_some() { None } else { Some((self.reached, self.end)) }
    }

    /// The chats that have something to catch up with, and the last place of each.
    pub(super) fn asked(&mut self, chats: Vec<(Phone, i64)>) {
        let last = chats.iter().map(|(_, last)| *last).max();
        self.end.get_or_insert(last.unwrap_or(0));
        self.chats = Some(chats.into_iter().map(|(chat, _)| (chat, 0)).collect());
    }

    /// Where the walk goes on, and up to where; nothing when it is over.
    pub(super) fn next(&self) -> Option<(i64, i64)> {
        self.end.filter(|_| self.chats.is_some() && !self.is_over()).map(|end| (self.reached, end))
    }

    /// The same in one chat.
    pub(super) fn next_in(&self, chat: &Phone) -> Option<(i64, i64)> {
        let ahead = *self.chats.as_ref()?.get(chat)?;
        self.end.map(|end| (self.reached.max(ahead), end))
    }

    /// Whether this message was not put on the present connection yet.
    pub(super) fn is_left(&self, chat: &Phone, seq: i64) -> bool {
        let ahead = self.chats.as_ref().and_then(|chats| chats.get(chat));
        ahead.is_some_and(|ahead| *ahead < seq) && !self.own.contains(&seq)
    }

    /// Nothing more is to be put on this connection.
    pub(super) fn end(&mut self) {
        self.chats = Some(HashMap::new());
    }

    /// Nothing more of this chat is.
    pub(super) fn end_in(&mut self, chat: &Phone) {
        if let Some(chats) = &mut self.chats {
            chats.remove(chat);
        }
    }

    /// The walk has nothing to do here.
    pub(super) fn passed(&mut self, seq: i64) {
        self.reached = seq;
    }

    pub(super) fn passed_in(&mut self, chat: &Phone, seq: i64) {
        if let Some(ahead) = self.chats.as_mut().and_then(|chats| chats.get_mut(chat)) {
            *ahead = seq;
        }
    }

    /// This one is put on the wire now, by the walk or ahead of it in its chat: its answer may come before that is over.
    pub(super) fn putting(&mut self, wire_id: &str, seq: i64, ahead: Option<&Phone>) {
        self.unanswered.push_back((wire_id.to_owned(), ahead.is_none().then_some(seq)));
    }

    /// It is there; or it cannot be sent, and no answer will come.
    pub(super) fn put(&mut self, wire_id: &str, seq: i64, ahead: Option<&Phone>, sent: bool) {
        match ahead {
            Some(chat) => self.passed_in(chat, seq),
            None => self.passed(seq),
        }
        self.debt = self.debt.saturating_sub(ONE_IN - 1);
        if !sent {
            self.unanswered.pop_back_if(|(last, _)| last == wire_id);
        }
    }

    /// WhatsApp said something of this message.
    pub(super) fn answered(&mut self, wire_id: &str) {
        if let Some(place) = self.unanswered.iter().position(|(id, _)| id == wire_id) {
            let last = self.unanswered.drain(..=place).filter_map(|(_, seq)| seq).next_back();
            self.confirmed = last.unwrap_or(self.confirmed);
        }
    }

    /// A message went out for the first time.
    pub(super) fn sent_anew(&mut self, seq: i64) {
        if self.end.is_some_and(|end| seq <= end) {
            self.own.insert(seq);
        }
        self.debt = if self.is_over() { 0 } else { self.debt + 1 };
    }

    /// How many repeats are due now, where so many new messages went first.
    pub(super) fn owed(&self) -> Option<u64> {
        (self.debt >= FIRST && self.next().is_some()).then_some(self.debt / (ONE_IN - 1))
    }
}

#[cfg(test)]
mod tests;
