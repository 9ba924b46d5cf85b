//! What the operator's monitoring asks: what was counted, and how things stand now.

use std::collections::BTreeMap;

use super::System;
use crate::actors::system::health::{ActorStatus, Health};
use crate::domain::access::Mode;
use crate::metrics::{Form, Kind, Metrics, Now};

impl System {
    pub fn counts(&self) -> &Metrics {
        self.shared.store.metrics()
    }

    /// All metrics as text. A database that is away is one of the things it tells, and hides none of the others.
    pub async fn metrics(&self, form: Form) -> String {
        let store = &self.shared.store;
        let asked = tokio::time::timeout(super::PROMPT, store.sessions_by_status()).await;
        let mut actors = BTreeMap::new();
        add(&self.vitals.read(), &mut actors);
        for (kind, failures) in self.vitals.failures() {
            actors.entry(kind).or_default().failures = failures;
        }
        let now = Now {
            network: match self.shared.doorkeeper.mode() {
                Mode::Test => "sandbox",
                Mode::Live => "whatsapp",
            },
            sessions: asked.ok().and_then(Result::ok),
            actors,
            writer_queue: store.waiting_for_writer(),
            streams: self.shared.streams.count(),
        };
        self.counts().text(&now, form)
    }
}

fn add(actor: &Health, actors: &mut BTreeMap<&'static str, Kind>) {
    let kind = actors.entry(actor.kind).or_default();
    *kind.by_status.entry(word(actor.status)).or_default() += 1;
    kind.mailbox += actor.mailbox;
    kind.mailbox_max = kind.mailbox_max.max(actor.mailbox);
    actor.children.iter().for_each(|child| add(child, actors));
}

const fn word(status: ActorStatus) -> &'static str {
    match status {
        ActorStatus::Running => "running",
        ActorStatus::Restarting => "restarting",
        ActorStatus::Quarantined => "quarantined",
        ActorStatus::Stopped => "stopped",
    }
}
