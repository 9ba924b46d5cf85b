//! How things stand at the moment that somebody asks.

use std::collections::BTreeMap;

use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::info::Info;
use prometheus_client::registry::Registry;

/// The actors of one kind.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Kind {
    /// How many there are of each status.
    pub by_status: BTreeMap<&'static str, usize>,
    pub mailbox: usize,
    /// The longest of their mailboxes.
    pub mailbox_max: usize,
    /// How often one of them failed since the start, those that are gone included.
    pub failures: u64,
}

/// What is read when it is asked for.
#[derive(Debug, Default)]
pub struct Now {
    /// The network that sessions connect to, in a word.
    pub network: &'static str,
    /// Sessions by their status; none if the database did not say.
    pub sessions: Option<BTreeMap<&'static str, u64>>,
    pub actors: BTreeMap<&'static str, Kind>,
    /// Jobs that wait for the store's writer.
    pub writer_queue: usize,
    pub streams: usize,
}

impl Now {
    pub(super) fn registry(&self) -> Registry {
        let mut all = Registry::with_prefix("wamux");
        let build = vec![("version", env!("CARGO_PKG_VERSION")), ("network", self.network)];
        all.register("build", "What runs here", Info::new(build));
        all.register(
            "database_up",
            "Whether the database answered just now",
            gauge(usize::from(self.sessions.is_some())),
        );
        if let Some(sessions) = &self.sessions {
            let by_status = Family::<[(&str, &str); 1], Gauge>::default();
            for (status, count) in sessions {
                by_status.get_or_create(&[("status", *status)]).set((*count).try_into().unwrap_or(i64::MAX));
            }
            let about = "Sessions by status: those of the database, whichever server runs them";
            all.register("sessions", about, by_status);
        }
        all.register("writer_queue", "Jobs that wait for the store's writer", gauge(self.writer_queue));
        all.register("streams_open", "Open event streams", gauge(self.streams));
        self.register_actors(&mut all);
        all
    }

    fn register_actors(&self, all: &mut Registry) {
        let standing = Family::<[(&str, &str); 2], Gauge>::default();
        let (mailbox, longest) = (Family::<[(&str, &str); 1], Gauge>::default(), Family::default());
        let failures = Family::<[(&str, &str); 1], Counter>::default();
        for (kind, actors) in &self.actors {
            for (status, count) in &actors.by_status {
                let labels = [("kind", *kind), ("status", *status)];
                standing.get_or_create(&labels).set((*count).try_into().unwrap_or(i64::MAX));
            }
            let kind = [("kind", *kind)];
            mailbox.get_or_create(&kind).set(actors.mailbox.try_into().unwrap_or(i64::MAX));
            let longest: &Family<[(&str, &str); 1], Gauge> = &longest;
            longest.get_or_create(&kind).set(actors.mailbox_max.try_into().unwrap_or(i64::MAX));
            failures.get_or_create(&kind).inc_by(actors.failures);
        }
        all.register("actors", "Actors by kind and status; a quarantined one failed too often", standing);
        all.register("actor_mailbox", "Messages that wait in the mailboxes of a kind of actor", mailbox);
        all.register("actor_mailbox_max", "The longest mailbox of a kind of actor", longest);
        all.register("actor_restarts", "How often an actor of a kind failed and was to be started again", failures);
    }
}

pub(super) fn gauge(value: usize) -> Gauge {
    let gauge: Gauge = Gauge::default();
    gauge.set(value.try_into().unwrap_or(i64::MAX));
    gauge
}
