//! Every column that holds sealed values. A rotation of the master key goes through this table, so whatever is sealed stands here:
//! the tests look for columns of bytes, and for files that seal, which do not.

use futures_util::future::BoxFuture;
use sea_orm::DatabaseTransaction;
use uuid::Uuid;

use super::{MasterKey, Sealer};
use crate::domain::id::TenantId;
use crate::store::{StoreError, answers, device_keys, media, sessions};

/// Where sealed values live.
pub(in crate::store) struct Home {
    pub(in crate::store) table: &'static str,
    pub(in crate::store) column: &'static str,
    /// The file, under `src`, whose code seals it: a test holds this against the sources.
    #[cfg_attr(not(test), allow(dead_code, reason = "for the tests"))]
    pub(in crate::store) sealed_in: &'static str,
    /// Seals the next batch of its values anew.
    pub(in crate::store) again: for<'t> fn(&'t DatabaseTransaction, &'t Turn, After) -> BoxFuture<'t, Done>,
}

pub(in crate::store) const COLUMNS: [Home; 5] = [
    Home {
        table: "device_key",
        column: "value",
        sealed_in: "store/device_keys.rs",
        again: |txn, turn, after| Box::pin(device_keys::seal_again(txn, turn, after)),
    },
    Home {
        table: "media",
        column: "payload",
        sealed_in: "store/media/sealed.rs",
        again: |txn, turn, after| Box::pin(media::seal_again(txn, turn, after, media::Sealed::Payload)),
    },
    Home {
        table: "media",
        column: "reference",
        sealed_in: "store/media/sealed.rs",
        again: |txn, turn, after| Box::pin(media::seal_again(txn, turn, after, media::Sealed::Reference)),
    },
    Home {
        table: "session",
        column: "proxy",
        sealed_in: "store/sessions/settings.rs",
        again: |txn, turn, after| Box::pin(sessions::seal_again(txn, turn, after)),
    },
    Home {
        table: "idempotency",
        column: "answer",
        sealed_in: "store/answers.rs",
        again: |txn, turn, after| Box::pin(answers::seal_again(txn, turn, after)),
    },
];

/// The place of the last row that was looked at; none at the beginning.
pub(in crate::store) type After = Option<(Uuid, i16, String)>;

type Done = Result<Batch, StoreError>;

/// What became of a batch.
#[derive(Debug, Default)]
pub(in crate::store) struct Batch {
    pub(in crate::store) values: u64,
    /// Of these, the ones that open under neither key: they were lost before, and stay as they are.
    pub(in crate::store) broken: u64,
    /// Where the next batch begins; none at the end.
    pub(in crate::store) next: After,
}

/// From one master key to another.
pub(in crate::store) struct Turn {
    pub(in crate::store) old: MasterKey,
    pub(in crate::store) new: MasterKey,
}

pub(in crate::store) enum Resealed {
    Now(Vec<u8>),
    /// Done in a rotation that was cut short.
    Before,
    Broken,
}

impl Turn {
    /// The two sealers of a tenant.
    pub(in crate::store) fn of(&self, tenant: TenantId) -> (Sealer, Sealer) {
        (self.old.sealer(tenant), self.new.sealer(tenant))
    }
}

impl Resealed {
    /// The value of this place, sealed anew.
    pub(in crate::store) fn of(
        (old, new): &(Sealer, Sealer),
        context: &[u8],
        sealed: &[u8],
    ) -> Result<Self, StoreError> {
        match old.open(context, sealed) {
            Ok(plain) => Ok(Self::Now(new.seal(context, &plain)?)),
            Err(_) if new.open(context, sealed).is_ok() => Ok(Self::Before),
            Err(_) => Ok(Self::Broken),
        }
    }
}
