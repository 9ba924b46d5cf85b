//! What of media is sealed, since the keys that open them stand in it: messages that name one, as they go over the wire, and what
//! was received of where one lies.

use entity::media::{ActiveModel, Column, Entity};
use sea_orm::{
    ActiveModelTrait, ActiveValue::Set, ActiveValue::Unchanged, ColumnTrait, DatabaseTransaction, EntityTrait,
    QueryFilter, QueryOrder, QuerySelect, QueryTrait,
};
use uuid::Uuid;

use crate::domain::id::{MessageId, TenantId};
use crate::domain::media::Reference;
use crate::store::seal::{After, Batch, Resealed, Sealer, Turn};
use crate::store::{Store, StoreError};

/// Values sealed anew in one transaction.
const AT_ONCE: u64 = 200;

/// A sealed column of a medium's row.
#[derive(Debug, Clone, Copy)]
pub(in crate::store) enum Sealed {
    Payload,
    Reference,
}

impl Sealed {
    const fn column(self) -> Column {
        match self {
            Self::Payload => Column::Payload,
            Self::Reference => Column::Reference,
        }
    }

    /// Binds a value to its message and its column, so that none can stand in for another.
    fn context(self, message: Uuid) -> Vec<u8> {
        let column = match self {
            Self::Payload => b"media/payload/".as_slice(),
            Self::Reference => b"media/reference/",
        };
        [column, message.as_bytes()].concat()
    }

    fn change(self, value: Vec<u8>) -> ActiveModel {
        match self {
            Self::Payload => ActiveModel { payload: Set(Some(value)), ..Default::default() },
            Self::Reference => ActiveModel { reference: Set(Some(value)), ..Default::default() },
        }
    }
}

impl Store {
    pub(super) fn seal_payload(
        &self,
        tenant: TenantId,
        message: MessageId,
        payload: &[u8],
    ) -> Result<Vec<u8>, StoreError> {
        Ok(self.sealer(tenant).seal(&Sealed::Payload.context(message.0), payload)?)
    }

    pub(in crate::store) fn seal_reference(
        &self,
        tenant: TenantId,
        message: MessageId,
        reference: &Reference,
    ) -> Result<Vec<u8>, StoreError> {
        let plain = serde_json::to_vec(reference).map_err(|_| StoreError::Corrupt("media reference"))?;
        Ok(self.sealer(tenant).seal(&Sealed::Reference.context(message.0), &plain)?)
    }

    pub(super) fn open_reference(
        &self,
        tenant: TenantId,
        message: MessageId,
        sealed: &[u8],
    ) -> Result<Reference, StoreError> {
        let plain = self.sealer(tenant).open(&Sealed::Reference.context(message.0), sealed)?;
        serde_json::from_slice(&plain).map_err(|_| StoreError::Corrupt("media reference"))
    }
}

pub(in crate::store) fn open(sealer: &Sealer, message: MessageId, payload: &[u8]) -> Result<Vec<u8>, StoreError> {
    Ok(sealer.open(&Sealed::Payload.context(message.0), payload)?)
}

/// Seals what this column holds for the next messages after a place anew.
pub(in crate::store) async fn seal_again(
    txn: &DatabaseTransaction,
    turn: &Turn,
    after: After,
    what: Sealed,
) -> Result<Batch, StoreError> {
    let found = Entity::find()
        .select_only()
        .columns([Column::MessageId, Column::TenantId, what.column()])
        .filter(what.column().is_not_null())
        .apply_if(after, |found, (id, ..)| found.filter(Column::MessageId.gt(id)))
        .order_by_asc(Column::MessageId)
        .limit(AT_ONCE);
    let found: Vec<(Uuid, Uuid, Vec<u8>)> = found.into_tuple().all(txn).await?;
    let next = found.last().filter(|_| found.len() as u64 == AT_ONCE).map(|(id, ..)| (*id, 0, String::new()));
    let mut batch = Batch { values: found.len() as u64, broken: 0, next };
    for (id, tenant, sealed) in found {
        match Resealed::of(&turn.of(TenantId(tenant)), &what.context(id), &sealed)? {
            Resealed::Now(value) => {
                let change = ActiveModel { message_id: Unchanged(id), ..what.change(value) };
                change.update(txn).await?;
            }
            Resealed::Before => {}
            Resealed::Broken => batch.broken += 1,
        }
    }
    Ok(batch)
}
