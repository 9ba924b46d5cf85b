//! How one medium stands now, and the end of one that will never be sent.

use futures_util::FutureExt;
use sea_orm::{ColumnTrait, QueryFilter};

use super::{Column, Waiting, on_their_way, waiting};
use crate::domain::id::MessageId;
use crate::domain::media::{Fault, Stage};
use crate::domain::message::{Mark, Status};
use crate::domain::session::Lease;
use crate::store::{Store, StoreError};

impl Store {
    /// A medium that waits, as it stands now; none if it does not, or not under this lease.
    pub async fn media_that_waits(&self, lease: Lease, message: MessageId) -> Result<Option<Waiting>, StoreError> {
        if !self.is_newest(lease).await? {
            return Ok(None);
        }
        let found = on_their_way(lease, Stage::Waiting, 1).filter(Column::MessageId.eq(message.0));
        found.all(self.reader()).await?.pop().map(waiting).transpose()
    }

    /// Fails the message of a medium that came no further than this stage, and returns when that is committed: whoever reads the
    /// store afterwards finds it so. False if it has come further, or nobody waits for it any more.
    pub async fn fail_medium(
        &self,
        lease: Lease,
        message: MessageId,
        stage: Stage,
        fault: &Fault,
    ) -> Result<bool, StoreError> {
        if !self.is_newest(lease).await? {
            return Err(StoreError::LeaseLost);
        }
        let found = on_their_way(lease, stage, 1).filter(Column::MessageId.eq(message.0));
        let Some((_, Some(row))) = found.all(self.reader()).await?.pop() else { return Ok(false) };
        let (at, error) = (self.clock().now(), Some((fault.failure(), fault.sentence())));
        self.mark(lease, Mark { wire_id: row.wire_id, status: Status::Failed, at, error }).await?;
        // The writer's queue is first come, first served: what comes after the mark is committed with it, or later.
        self.write(|_| async { Ok(()) }.boxed()).await?;
        Ok(true)
    }
}
