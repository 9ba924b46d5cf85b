//! Puts and deletes come in floods, several for each message: the writer takes those of all sessions in a batch together.

use std::collections::{BTreeMap, HashMap, HashSet};

use entity::device_key::{Column, Entity, Model};
use entity::session;
use sea_orm::{ColumnTrait, Condition, DatabaseTransaction, DbErr, EntityTrait, QueryFilter, QuerySelect};
use tokio::sync::oneshot;
use uuid::Uuid;

use super::{DeviceKeyError, Kind, Result, rows};
use crate::domain::session::Lease;
use crate::store::{Store, StoreError};

/// Groups of names in one statement; with a chunk of names each they bind fewer variables than SQLite allows.
const GROUPS: usize = 32;

/// What a session wants done to its rows, all of it or nothing.
pub(in crate::store) struct KeyJob {
    lease: Lease,
    change: Change,
    done: oneshot::Sender<Result<()>>,
}

pub(super) enum Change {
    Put(Vec<Model>),
    Delete(Kind, Vec<String>),
}

impl KeyJob {
    #[cfg(test)]
    pub(in crate::store) fn of_nothing(lease: Lease) -> (Self, oneshot::Receiver<Result<()>>) {
        let (done, told) = oneshot::channel();
        (Self { lease, change: Change::Put(Vec::new()), done }, told)
    }

    pub(in crate::store) fn finish(self, committed: std::result::Result<&Held, StoreError>) {
        let held = committed.map(|held| held.has(self.lease));
        // The caller may have left; the work is done all the same.
        let _ = self.done.send(match held {
            Ok(true) => Ok(()),
            Ok(false) => Err(DeviceKeyError::LeaseLost),
            Err(error) => Err(error.into()),
        });
    }
}

impl Store {
    pub(super) async fn change_keys(&self, lease: Lease, change: Change) -> Result<()> {
        let (done, told) = oneshot::channel();
        self.inner.writer.keys(KeyJob { lease, change, done }).await?;
        told.await.unwrap_or(Err(DeviceKeyError::Write(StoreError::Closed)))
    }
}

/// The tenants and epochs of a batch's sessions.
pub(in crate::store) struct Held(HashMap<Uuid, (Uuid, i64)>);

impl Held {
    async fn of(batch: &DatabaseTransaction, jobs: &[KeyJob]) -> std::result::Result<Self, DbErr> {
        let sessions: HashSet<Uuid> = jobs.iter().map(|job| job.lease.session.0).collect();
        let sessions: Vec<Uuid> = sessions.into_iter().collect();
        let mut held = HashMap::with_capacity(sessions.len());
        for chunk in sessions.chunks(rows::CHUNK) {
            let known = session::Entity::find().filter(session::Column::Id.is_in(chunk.iter().copied()));
            let columns = [session::Column::Id, session::Column::TenantId, session::Column::Epoch];
            let known: Vec<(Uuid, Uuid, i64)> = known.select_only().columns(columns).into_tuple().all(batch).await?;
            held.extend(known.into_iter().map(|(id, tenant, epoch)| (id, (tenant, epoch))));
        }
        Ok(Self(held))
    }

    /// Whether this lease is the newest of its session.
    fn has(&self, lease: Lease) -> bool {
        self.0.get(&lease.session.0) == Some(&(lease.tenant.0, lease.epoch))
    }
}

/// Writes the changes of a batch. Each caller waits for its commit, so the changes of one batch have no order among callers;
/// of two changes to one row the last queued counts.
pub(in crate::store) async fn write(
    batch: &DatabaseTransaction,
    jobs: &mut [KeyJob],
) -> std::result::Result<Held, DbErr> {
    let held = Held::of(batch, jobs).await?;
    let mut last: HashMap<(Uuid, i16, String), Option<Model>> = HashMap::new();
    for job in jobs.iter_mut().filter(|job| held.has(job.lease)) {
        let session = job.lease.session.0;
        match &mut job.change {
            Change::Put(rows) => {
                let rows = std::mem::take(rows).into_iter();
                last.extend(rows.map(|row| ((session, row.kind, row.name.clone()), Some(row))));
            }
            Change::Delete(kind, names) => {
                let names = std::mem::take(names).into_iter();
                last.extend(names.map(|name| ((session, *kind as i16, name), None)));
            }
        }
    }
    let mut puts = Vec::new();
    let mut deletes: BTreeMap<(Uuid, i16), Vec<String>> = BTreeMap::new();
    for ((session, kind, name), row) in last {
        match row {
            Some(row) => puts.push(row),
            None => deletes.entry((session, kind)).or_default().push(name),
        }
    }
    rows::insert_or_replace(batch, puts).await?;
    delete(batch, &deletes).await?;
    Ok(held)
}

async fn delete(
    batch: &DatabaseTransaction,
    groups: &BTreeMap<(Uuid, i16), Vec<String>>,
) -> std::result::Result<(), DbErr> {
    let conditions: Vec<Condition> = groups
        .iter()
        .flat_map(|((session, kind), names)| {
            names.chunks(rows::CHUNK).map(move |names| {
                let place = Condition::all().add(Column::SessionId.eq(*session)).add(Column::Kind.eq(*kind));
                place.add(Column::Name.is_in(names))
            })
        })
        .collect();
    for chunk in conditions.chunks(GROUPS) {
        let any = chunk.iter().cloned().fold(Condition::any(), Condition::add);
        Entity::delete_many().filter(any).exec(batch).await?;
    }
    Ok(())
}
