//! What operators ask of all actors, and tenants of one session: figures that are there at once, and a question with a short time limit.

use std::time::Duration;

use super::System;
use crate::actors::system::health::{ActorStatus, Health};
use crate::domain::access::Access;
use crate::domain::error::Refusal;
use crate::domain::health::{Connection, Heard, Limits, Part, SessionHealth};
use crate::domain::id::SessionId;

/// How long all actors that are asked may take together.
const PROBE: Duration = Duration::from_secs(1);

impl System {
    /// The figures of every actor.
    pub fn health(&self) -> Health {
        self.vitals.read()
    }

    /// The same, and whether each of them answers.
    pub async fn probed_health(&self) -> Health {
        self.vitals.probe(PROBE).await
    }

    /// How a session does. No figure waits for an actor: whether its actors answer is one of them.
    pub async fn session_health(&self, access: &Access, id: SessionId) -> Result<SessionHealth, Refusal> {
        let session = self.session(access, id).await?;
        let queue = self.shared.store.queue(access.tenant, id).await?;
        let actors = self.vitals.below(&["tenants", &access.tenant.to_string(), &id.to_string()]);
        let actors = match actors {
            Some(vitals) => Some(vitals.probe(PROBE).await),
            None => None,
        };
        let noted = self.shared.figures.of(id).read();
        let parts: Vec<Part> = actors.iter().flat_map(|actor| actor.children.iter().map(part)).collect();
        let actor = actors.as_ref().map(part);
        let quarantined = parts.iter().chain(&actor).filter(|part| part.status == ActorStatus::Quarantined);
        let limits = Limits {
            waiting_chats: noted.waiting_chats as u64,
            next_try_at: noted.next_try,
            account_limited_at: noted.account_limited.map(|(at, _)| at),
            account_limited_until: noted.account_limited.and_then(|(_, until)| until),
            paced_until: noted.paced_until.filter(|until| *until > self.clock().now()),
            quarantined_until: quarantined.filter_map(|part| part.back_at).max(),
        };
        let connection = Connection {
            status: session.status,
            since: noted.stands.filter(|(status, _)| *status == session.status).map(|(_, since)| since),
            connected_at: session.connected_at,
            failed_attempts: session.reconnect_attempts,
            next_attempt_at: noted.next_attempt,
            error_code: session.error_code,
            error_message: session.error_message,
        };
        let heard = Heard { last_activity_at: session.last_activity_at, ..noted.heard };
        Ok(SessionHealth { session_id: id, connection, queue, heard, limits, actor, parts })
    }
}

fn part(actor: &Health) -> Part {
    Part {
        kind: actor.kind,
        status: actor.status,
        since: actor.since,
        restarts: actor.restarts,
        mailbox: actor.mailbox as u64,
        answered: actor.probe.is_some_and(|probe| probe.answered),
        back_at: actor.back_at,
    }
}
