//! Answers under idempotency keys: kept in the transaction of what they speak of, sealed because one may show a secret, and given
//! again for a day.

use chrono::{DateTime, TimeDelta, Utc};
use entity::idempotency::{ActiveModel, Column, Entity, Model};
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use sea_orm::sea_query::{Expr, ExprTrait, OnConflict};
use sea_orm::{
    ActiveModelTrait, ActiveValue::Set, ActiveValue::Unchanged, ColumnTrait, DatabaseTransaction, DbErr, EntityTrait,
    QueryFilter, QueryOrder, QuerySelect, QueryTrait,
};

use super::seal::{After, Batch, Resealed, Sealer, Turn};
use super::tenants::is_gone;
use super::{Store, StoreError};
use crate::domain::error::Refusal;
use crate::domain::id::TenantId;
use crate::domain::idempotency::{Answer, IdempotencyKey, Once, reused};

/// An answer is kept this long.
const REMEMBERED: TimeDelta = TimeDelta::hours(24);
/// Answers sealed anew in one transaction.
const AT_ONCE: u64 = 200;

/// What became of something that was to be made once.
#[derive(Debug)]
pub enum Made<T> {
    /// It is there, and this answers whoever asked for it.
    Now(T, Answer),
    /// The same request made it before: the answer that it got.
    Before(Answer),
    /// The idempotency key belongs to another request.
    KeyReused,
    Refused(Refusal),
}

impl<T> Made<T> {
    /// What was made, if it was made now.
    pub fn now(self) -> Result<T, Refusal> {
        match self {
            Self::Now(what, _) => Ok(what),
            Self::Refused(refusal) => Err(refusal),
            Self::Before(_) | Self::KeyReused => Err(reused()),
        }
    }

    /// What whoever asked for it is told.
    pub fn answer(self) -> Result<Answer, Refusal> {
        match self {
            Self::Now(_, answer) | Self::Before(answer) => Ok(answer),
            Self::KeyReused => Err(reused()),
            Self::Refused(refusal) => Err(refusal),
        }
    }
}

/// What a key already stands for.
pub(super) enum Known<'a> {
    Same(&'a Model),
    Another,
}

impl Store {
    /// Drops the answers whose day is over.
    pub async fn forget_answers(&self) -> Result<(), StoreError> {
        let old = self.clock().now() - REMEMBERED;
        self.write(move |batch| {
            async move { Entity::delete_many().filter(Column::CreatedAt.lt(old)).exec(batch).await.map(|_| ()) }.boxed()
        })
        .await
    }

    /// Makes something of a tenant's and keeps the answer with it, unless this request was answered before. The job says why not, if
    /// it does not make it.
    pub(super) async fn make<T, F>(
        &self,
        tenant: TenantId,
        once: Option<Once>,
        (what, answer): (T, Answer),
        job: F,
    ) -> Result<Made<T>, StoreError>
    where
        F: for<'t> FnOnce(&'t DatabaseTransaction) -> BoxFuture<'t, Result<Option<Refusal>, DbErr>> + Send + 'static,
    {
        enum Found {
            Nothing,
            Same(Model),
            Another,
            Refused(Refusal),
        }
        let (sealer, at) = (self.sealer(tenant), self.clock().now());
        let keeping = match once {
            Some(once) => Some((row(&sealer, tenant, &once, &answer, at)?, once)),
            None => None,
        };
        let found = self.write_for(tenant, move |batch| {
            async move {
                if let Some((_, once)) = &keeping {
                    let kept = Entity::find_by_id((tenant.0, once.key.as_str().to_owned())).one(batch).await?;
                    match known(kept.as_ref(), once, at) {
                        Some(Known::Same(first)) => return Ok(Found::Same(first.clone())),
                        Some(Known::Another) => return Ok(Found::Another),
                        None => {}
                    }
                }
                if is_gone(batch, tenant).await? {
                    return Ok(Found::Refused(Refusal::not_found()));
                }
                if let Some(refusal) = job(batch).await? {
                    return Ok(Found::Refused(refusal));
                }
                keep(batch, keeping.into_iter().map(|(row, _)| row).collect()).await?;
                Ok(Found::Nothing)
            }
            .boxed()
        });
        Ok(match found.await? {
            Found::Nothing => Made::Now(what, answer),
            Found::Same(first) => Made::Before(Answer {
                body: open(&sealer, &first.key, first.answer)?,
                location: first.location,
                replayed: true,
            }),
            Found::Another => Made::KeyReused,
            Found::Refused(refusal) => Made::Refused(refusal),
        })
    }
}

/// What a row says of a request under its key; an answer older than a day gives its key free.
pub(super) fn known<'a>(kept: Option<&'a Model>, once: &Once, at: DateTime<Utc>) -> Option<Known<'a>> {
    let kept = kept.filter(|kept| at - kept.created_at < REMEMBERED)?;
    Some(if kept.request == once.request { Known::Same(kept) } else { Known::Another })
}

pub(super) async fn keep(batch: &DatabaseTransaction, answers: Vec<ActiveModel>) -> Result<(), DbErr> {
    if answers.is_empty() {
        return Ok(());
    }
    let again = OnConflict::columns([Column::TenantId, Column::Key])
        .update_columns([Column::Request, Column::Answer, Column::Location, Column::CreatedAt])
        .to_owned();
    Entity::insert_many(answers).on_conflict(again).exec_without_returning(batch).await.map(|_| ())
}

fn row(
    sealer: &Sealer,
    tenant: TenantId,
    once: &Once,
    answer: &Answer,
    at: DateTime<Utc>,
) -> Result<ActiveModel, StoreError> {
    Ok(ActiveModel {
        tenant_id: Set(tenant.0),
        key: Set(once.key.as_str().to_owned()),
        request: Set(once.request.to_vec()),
        answer: Set(seal(sealer, &once.key, &answer.body)?),
        location: Set(answer.location.clone()),
        created_at: Set(at),
    })
}

pub(super) fn seal(sealer: &Sealer, key: &IdempotencyKey, body: &[u8]) -> Result<Vec<u8>, StoreError> {
    Ok(sealer.seal(&context(key.as_str()), body)?)
}

pub(super) fn open(sealer: &Sealer, key: &str, kept: Vec<u8>) -> Result<Vec<u8>, StoreError> {
    if is_plain(&kept) { Ok(kept) } else { Ok(sealer.open(&context(key), &kept)?) }
}

/// Versions before the fifth migration kept bodies as they were; a day after it there are none of these left. A body is a JSON
/// object, and nothing sealed begins like one.
fn is_plain(kept: &[u8]) -> bool {
    kept.first() == Some(&b'{')
}

/// Binds a body to its key, so that no row can stand in for another.
fn context(key: &str) -> Vec<u8> {
    [b"idempotency/answer/".as_slice(), key.as_bytes()].concat()
}

/// The next answers after a place, in the order of their key.
pub(super) async fn seal_again(txn: &DatabaseTransaction, turn: &Turn, after: After) -> Result<Batch, StoreError> {
    let found = Entity::find().apply_if(after, |found, (tenant, _, key)| {
        let place = [Column::TenantId, Column::Key].map(Expr::col);
        found.filter(Expr::tuple(place).gt(Expr::tuple([Expr::value(tenant), Expr::value(key)])))
    });
    let found = found.order_by_asc(Column::TenantId).order_by_asc(Column::Key).limit(AT_ONCE).all(txn).await?;
    let next = found.last().filter(|_| found.len() as u64 == AT_ONCE).map(|row| (row.tenant_id, 0, row.key.clone()));
    let mut batch = Batch { values: found.len() as u64, broken: 0, next };
    for row in found.into_iter().filter(|row| !is_plain(&row.answer)) {
        let sealers = turn.of(TenantId(row.tenant_id));
        match Resealed::of(&sealers, &context(&row.key), &row.answer)? {
            Resealed::Now(answer) => {
                let change = ActiveModel {
                    tenant_id: Unchanged(row.tenant_id),
                    key: Unchanged(row.key),
                    answer: Set(answer),
                    ..Default::default()
                };
                change.update(txn).await?;
            }
            Resealed::Before => {}
            Resealed::Broken => batch.broken += 1,
        }
    }
    Ok(batch)
}

#[cfg(test)]
mod tests;
