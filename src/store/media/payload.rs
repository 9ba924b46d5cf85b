//! Messages that name a medium, as they go over the wire: the keys that open the medium stand in them, so they are sealed.

use entity::media::{ActiveModel, Column, Entity};
use sea_orm::{
    ActiveModelTrait, ActiveValue::Set, ActiveValue::Unchanged, ColumnTrait, DatabaseTransaction, EntityTrait,
    QueryFilter, QueryOrder, QuerySelect, QueryTrait,
};
use uuid::Uuid;

use crate::domain::id::{MessageId, TenantId};
use crate::store::seal::{After, Batch, Resealed, Sealer, Turn};
use crate::store::{Store, StoreError};

/// Payloads sealed anew in one transaction.
const AT_ONCE: u64 = 200;

impl Store {
    pub(super) fn seal_payload(
        &self,
        tenant: TenantId,
        message: MessageId,
        payload: &[u8],
    ) -> Result<Vec<u8>, StoreError> {
        Ok(self.sealer(tenant).seal(&context(message.0), payload)?)
    }
}

pub(in crate::store) fn open(sealer: &Sealer, message: MessageId, payload: &[u8]) -> Result<Vec<u8>, StoreError> {
    Ok(sealer.open(&context(message.0), payload)?)
}

/// Binds a payload to its message, so that no row can stand in for another.
fn context(message: Uuid) -> Vec<u8> {
    [b"media/payload/".as_slice(), message.as_bytes()].concat()
}

/// Seals the payloads of the next messages after a place anew.
pub(in crate::store) async fn seal_again(
    txn: &DatabaseTransaction,
    turn: &Turn,
    after: After,
) -> Result<Batch, StoreError> {
    let found = Entity::find()
        .select_only()
        .columns([Column::MessageId, Column::TenantId, Column::Payload])
        .filter(Column::Payload.is_not_null())
        .apply_if(after, |found, (id, ..)| found.filter(Column::MessageId.gt(id)))
        .order_by_asc(Column::MessageId)
        .limit(AT_ONCE);
    let found: Vec<(Uuid, Uuid, Vec<u8>)> = found.into_tuple().all(txn).await?;
    let next = found.last().filter(|_| found.len() as u64 == AT_ONCE).map(|(id, ..)| (*id, 0, String::new()));
    let mut batch = Batch { values: found.len() as u64, broken: 0, next };
    for (id, tenant, sealed) in found {
        match Resealed::of(&turn.of(TenantId(tenant)), &context(id), &sealed)? {
            Resealed::Now(payload) => {
                let change =
                    ActiveModel { message_id: Unchanged(id), payload: Set(Some(payload)), ..Default::default() };
                change.update(txn).await?;
            }
            Resealed::Before => {}
            Resealed::Broken => batch.broken += 1,
        }
    }
    Ok(batch)
}
