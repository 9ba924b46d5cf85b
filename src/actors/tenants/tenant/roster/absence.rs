//! A session that is left alone because it failed too often: its row and its log say so, and whoever watches it is told.

use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use futures_util::{StreamExt, stream};
use tokio::sync::watch;

use crate::actors::system::Shared;
use crate::actors::system::patience::patiently;
use crate::actors::tenants::tenant::Reply;
use crate::actors::tenants::tenant::session::Watch;
use crate::domain::error::Refusal;
use crate::domain::event::{Position, StreamEvent, time};
use crate::domain::id::TenantId;
use crate::domain::session::life::Fault;
use crate::domain::session::{Facts, Status};
use crate::store::sessions::Record;

const QUARANTINED: &str = "quarantined";

/// It ends with this value, and then the streams of those who watch end, too: they come back, and find the session there.
pub(super) struct Absence {
    event: StreamEvent,
    /// Whether the store has it.
    told: Arc<watch::Sender<bool>>,
}

impl Absence {
    /// Has the store keep it, under the lease that the session last had here: if another server runs it by now, it is not told.
    pub(super) fn begin(shared: &Arc<Shared>, facts: &mut Facts, wait: Duration) -> Self {
        let now = shared.store.clock().now();
        let message = why(now + wait);
        let session_id = facts.id;
        let event =
            StreamEvent::Error { session_id, code: QUARANTINED.to_owned(), message: message.clone(), last: false };
        let told = Arc::new(watch::Sender::new(false));
        let figures = shared.figures.of(session_id);
        match figures.read().lease {
            // What had failed for good stays so.
            Some(lease) if facts.status != Status::Failed => {
                facts.status = Status::Disconnected;
                figures.stands(Status::Disconnected, now);
                let record = Record {
                    status: Status::Disconnected,
                    phone: facts.phone.clone(),
                    fault: Some(Fault::new(QUARANTINED, message)),
                    attempts: 0,
                    event: Some(event.clone()),
                    at: now,
                };
                let (store, told) = (shared.store.clone(), Arc::downgrade(&told));
                tokio::spawn(async move {
                    if let Err(error) = patiently(|| store.record(lease, record.clone())).await {
                        tracing::error!(session = %session_id, %error, "that a session is left alone was not kept");
                    }
                    if let Some(told) = told.upgrade() {
                        told.send_replace(true);
                    }
                });
            }
            _ => {
                told.send_replace(true);
            }
        }
        Self { event, told }
    }

    /// A stream of what was missed and of this, which stays open until the session is back.
    pub(super) fn watch(&self, shared: &Arc<Shared>, tenant: TenantId, after: Option<Position>, reply: Reply<Watch>) {
        let (store, event, mut told) = (shared.store.clone(), self.event.clone(), self.told.subscribe());
        let StreamEvent::Error { session_id, .. } = event else { return };
        tokio::spawn(async move {
            // If it is over meanwhile, the stream is, too, once it has said what there was to say.
            let _ = told.wait_for(|told| *told).await;
            let read = async {
                let here = store.stream_position(tenant, session_id).await?;
                let missed = store.stream_events(tenant, session_id, after.unwrap_or(here)).await?;
                Ok::<_, Refusal>((here, missed))
            };
            let watch = read.await.map(|(here, missed)| {
                let mut first: Vec<_> = missed.into_iter().map(|(at, event)| (at.0.to_string(), event)).collect();
                if first.is_empty() {
                    first.push((format!("{}-0", here.0), event));
                }
                let back = async move { while told.changed().await.is_ok() {} };
                let nothing = stream::once(back).filter_map(|()| std::future::ready(None));
                stream::iter(first).chain(nothing).boxed()
            });
            let _: Result<(), _> = reply.send(watch);
        });
    }
}

fn why(until: DateTime<Utc>) -> String {
    let until = time::text(&until);
    format!("This session failed too often and is left alone until {until}; restart it to bring it back at once.")
}
