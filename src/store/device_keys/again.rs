//! Sealing the device keys anew when the master key is rotated.

use std::collections::{BTreeSet, HashMap};

use entity::device_key::{Column, Entity};
use entity::session;
use sea_orm::sea_query::{Expr, ExprTrait};
use sea_orm::{ColumnTrait, DatabaseTransaction, EntityTrait, QueryFilter, QueryOrder, QuerySelect, QueryTrait};
use uuid::Uuid;

use super::{context, rows};
use crate::domain::id::TenantId;
use crate::store::StoreError;
use crate::store::seal::{After, Batch, Resealed, Turn};

/// The next rows after a place, in the order of their key.
pub(in crate::store) async fn seal_again(
    txn: &DatabaseTransaction,
    turn: &Turn,
    after: After,
) -> Result<Batch, StoreError> {
    let found = Entity::find().apply_if(after, |found, (session, kind, name)| {
        let place = [Column::SessionId, Column::Kind, Column::Name].map(Expr::col);
        found.filter(Expr::tuple(place).gt(Expr::tuple([Expr::value(session), Expr::value(kind), Expr::value(name)])))
    });
    let found = found.order_by_asc(Column::SessionId).order_by_asc(Column::Kind).order_by_asc(Column::Name);
    let found = found.limit(rows::CHUNK as u64).all(txn).await?;
    let full = found.len() == rows::CHUNK;
    let next = found.last().filter(|_| full).map(|row| (row.session_id, row.kind, row.name.clone()));
    let tenants = tenants(txn, found.iter().map(|row| row.session_id).collect()).await?;
    let sealers: HashMap<Uuid, _> = tenants.into_iter().map(|(id, tenant)| (id, turn.of(TenantId(tenant)))).collect();
    let mut batch = Batch { values: found.len() as u64, broken: 0, next };
    let mut changed = Vec::with_capacity(found.len());
    for mut row in found {
        let context = context(row.session_id, row.kind, &row.name);
        let resealed = match sealers.get(&row.session_id) {
            Some(sealers) => Resealed::of(sealers, &context, &row.value)?,
            None => Resealed::Broken,
        };
        match resealed {
            Resealed::Now(value) => {
                row.value = value;
                changed.push(row);
            }
            Resealed::Before => {}
            Resealed::Broken => batch.broken += 1,
        }
    }
    rows::insert_or_replace(txn, changed).await?;
    Ok(batch)
}

async fn tenants(txn: &DatabaseTransaction, sessions: BTreeSet<Uuid>) -> Result<Vec<(Uuid, Uuid)>, StoreError> {
    let owners = session::Entity::find().filter(session::Column::Id.is_in(sessions)).select_only();
    Ok(owners.column(session::Column::Id).column(session::Column::TenantId).into_tuple().all(txn).await?)
}
