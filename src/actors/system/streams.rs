//! Who watches: open streams are counted per tenant and end with the key that opened them; tickets open them without a header.
//!
//! All of it is this process's memory, on purpose. "Within 60 seconds of a disconnect" is a question about connections, which only
//! whoever holds them can answer; a row would need a heartbeat to say the same, and would have to be cleaned up after every crash.
//! A session's streams are served where its actor runs, so tickets are known where they are shown. A restart makes them worthless:
//! the page that held one is told 401 and asks for another.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use chrono::{DateTime, Utc};
use futures_util::{Stream, StreamExt};
use tokio::sync::watch;

use crate::clock::{self, Clock};
use crate::domain::access::{Access, Bearer, KeyHash, StreamTicket, TICKET_LIFE, TicketHash};
use crate::domain::error::{Code, Refusal};
use crate::domain::id::{SessionId, TenantId};
use crate::domain::quota::{STREAMS_MAX, TICKETS_MAX};

pub struct Streams {
    clock: Clock,
    memory: Mutex<Memory>,
}

#[derive(Default)]
struct Memory {
    tenants: HashMap<TenantId, Held>,
    bearers: HashMap<Bearer, Opener>,
    tickets: HashMap<TicketHash, Ticket>,
}

/// How much of this a tenant holds.
#[derive(Default)]
struct Held {
    streams: usize,
    tickets: usize,
}

/// Who opened streams. They end when this is dropped.
struct Opener {
    expires_at: Option<DateTime<Utc>>,
    end: watch::Sender<()>,
}

struct Ticket {
    tenant: TenantId,
    session: SessionId,
    key: KeyHash,
    /// Streams that it opened and that are still open; while there is one it stays good.
    streams: usize,
    until: DateTime<Utc>,
}

/// A place among the tenant's open streams. It is free again when this is dropped.
pub struct Place {
    streams: Arc<Streams>,
    tenant: TenantId,
    ticket: Option<TicketHash>,
    ended: watch::Receiver<()>,
}

impl Streams {
    pub fn new(clock: Clock) -> Arc<Self> {
        Arc::new(Self { clock, memory: Mutex::default() })
    }

    /// Takes a place for a stream under this key, opened with a ticket or not.
    pub fn open(self: &Arc<Self>, access: &Access, ticket: Option<TicketHash>) -> Result<Place, Refusal> {
        let mut memory = self.memory();
        let held = memory.tenants.entry(access.tenant).or_default();
        if held.streams >= STREAMS_MAX {
            let detail = format!("A tenant may have {STREAMS_MAX} streams open at once; close one first.");
            return Err(Refusal::new(Code::StreamLimitReached, detail).after(Duration::from_secs(5)));
        }
        held.streams += 1;
        let opener = memory
            .bearers
            .entry(access.bearer)
            .or_insert_with(|| Opener { expires_at: access.expires_at, end: watch::channel(()).0 });
        let ended = opener.end.subscribe();
        if let Some(ticket) = ticket.and_then(|ticket| memory.tickets.get_mut(&ticket)) {
            ticket.streams += 1;
        }
        Ok(Place { streams: Arc::clone(self), tenant: access.tenant, ticket, ended })
    }

    /// A ticket for one session's stream, and when it ends unless it is used.
    pub fn issue(&self, access: &Access, session: SessionId) -> Result<(StreamTicket, DateTime<Utc>), Refusal> {
        let ticket = StreamTicket::new(clock::entropy().map_err(|_| Refusal::internal())?);
        let until = self.clock.now() + TICKET_LIFE;
        let mut memory = self.memory();
        let held = memory.tenants.entry(access.tenant).or_default();
        if held.tickets >= TICKETS_MAX {
            let detail =
                format!("A tenant may hold {TICKETS_MAX} stream tickets at once; wait until some have expired.");
            return Err(Refusal::new(Code::StreamLimitReached, detail).after(Duration::from_mins(1)));
        }
        held.tickets += 1;
        let entry = Ticket { tenant: access.tenant, session, key: access.hash, streams: 0, until };
        memory.tickets.insert(ticket.hash(), entry);
        Ok((ticket, until))
    }

    /// The key behind a ticket, if the ticket is good for this session's stream now.
    pub fn key_behind(&self, ticket: &TicketHash, session: SessionId) -> Option<KeyHash> {
        let now = self.clock.now();
        let memory = self.memory();
        let ticket = memory.tickets.get(ticket)?;
        (ticket.session == session && ticket.is_good(now)).then_some(ticket.key)
    }

    /// Ends every stream that was opened with this.
    pub fn end(&self, bearer: Bearer) {
        self.memory().bearers.remove(&bearer);
    }

    /// How many streams are open.
    pub fn count(&self) -> usize {
        self.memory().tenants.values().map(|held| held.streams).sum()
    }

    /// Who has streams open.
    pub fn openers(&self) -> Vec<Bearer> {
        self.memory().bearers.keys().copied().collect()
    }

    /// Ends the streams of keys that have expired, and forgets what nobody holds any more.
    pub fn sweep(&self) {
        let now = self.clock.now();
        let mut memory = self.memory();
        let Memory { tenants, bearers, tickets } = &mut *memory;
        bearers.retain(|_, opener| {
            opener.end.receiver_count() > 0 && opener.expires_at.is_none_or(|expires_at| expires_at > now)
        });
        for (_, ticket) in tickets.extract_if(|_, ticket| !ticket.is_good(now)) {
            if let Some(held) = tenants.get_mut(&ticket.tenant) {
                held.tickets = held.tickets.saturating_sub(1);
            }
        }
        tenants.retain(|_, held| held.streams > 0 || held.tickets > 0);
    }

    fn memory(&self) -> MutexGuard<'_, Memory> {
        self.memory.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Ticket {
    fn is_good(&self, now: DateTime<Utc>) -> bool {
        self.streams > 0 || self.until > now
    }
}

impl Place {
    /// The stream, until the key that opened it is gone; the place is free when it is dropped.
    pub fn holding<S: Stream + Send + 'static>(self, stream: S) -> impl Stream<Item = S::Item> + Send + 'static {
        let mut ended = self.ended.clone();
        let end = async move { while ended.changed().await.is_ok() {} };
        stream.take_until(Box::pin(end)).map(move |item| {
            let _held = &self;
            item
        })
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let until = self.streams.clock.now() + TICKET_LIFE;
        let mut memory = self.streams.memory();
        if let Some(held) = memory.tenants.get_mut(&self.tenant) {
            held.streams = held.streams.saturating_sub(1);
        }
        if let Some(ticket) = self.ticket.and_then(|ticket| memory.tickets.get_mut(&ticket)) {
            ticket.streams = ticket.streams.saturating_sub(1);
            ticket.until = until;
        }
    }
}

#[cfg(test)]
mod tests;
