//! Files that come with requests: a bounded number of them at a time, and none that stays without its message.

use std::collections::HashMap;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use futures_util::Stream;

use super::spool::{Received, Spool, SpoolError};
use crate::domain::error::{Code, Refusal};
use crate::domain::id::TenantId;
use crate::domain::media::{SpoolName, too_large};
use crate::domain::quota::{UPLOADS_MAX, uploads_used_up};

/// How many files each tenant is uploading.
#[derive(Debug, Default)]
pub(crate) struct Uploads(Mutex<HashMap<TenantId, usize>>);

/// A place among the tenant's uploads. It is free again when this is dropped.
#[derive(Debug)]
struct Place {
    uploads: Arc<Uploads>,
    tenant: TenantId,
}

impl Uploads {
    fn count(&self) -> MutexGuard<'_, HashMap<TenantId, usize>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn begin(self: &Arc<Self>, tenant: TenantId) -> Result<Place, Refusal> {
        let mut count = self.count();
        let uploads = count.entry(tenant).or_default();
        if *uploads >= UPLOADS_MAX {
            return Err(uploads_used_up());
        }
        *uploads += 1;
        Ok(Place { uploads: Arc::clone(self), tenant })
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut count = self.uploads.count();
        if let Some(uploads) = count.get_mut(&self.tenant) {
            *uploads -= 1;
            if *uploads == 0 {
                count.remove(&self.tenant);
            }
        }
    }
}

/// Leave to upload one file.
#[derive(Debug)]
pub struct Uploading {
    spool: Spool,
    name: SpoolName,
    place: Place,
}

/// A file that is in the spool. It goes away with this, unless it is kept.
#[derive(Debug)]
pub struct Upload {
    spool: Spool,
    name: SpoolName,
    received: Received,
    kept: bool,
    _place: Place,
}

impl Uploading {
    pub(crate) fn new(
        uploads: &Arc<Uploads>,
        spool: Spool,
        tenant: TenantId,
        name: SpoolName,
    ) -> Result<Self, Refusal> {
        Ok(Self { spool, name, place: uploads.begin(tenant)? })
    }

    /// Takes the file in, as it arrives.
    pub async fn receive(
        self,
        chunks: impl Stream<Item = Result<Bytes, Refusal>> + Send,
        limit: u64,
    ) -> Result<Upload, Refusal> {
        let Self { spool, name, place } = self;
        let received = spool.receive(name, chunks, limit).await.map_err(|error| match error {
            SpoolError::Source(refusal) => refusal,
            SpoolError::TooLarge { limit } => too_large("The file", limit),
            SpoolError::Disk(error) => disk(&error),
        })?;
        Ok(Upload { spool, name, received, kept: false, _place: place })
    }
}

fn disk(error: &io::Error) -> Refusal {
    tracing::error!(%error, "an upload was not kept");
    match error.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
            let detail = "This server's disk is full; nothing was done. Tell its operator, and try again later.";
            Refusal::new(Code::Overloaded, detail).after(std::time::Duration::from_mins(1))
        }
        _ => Refusal::internal(),
    }
}

impl Upload {
    pub const fn name(&self) -> SpoolName {
        self.name
    }

    pub const fn size(&self) -> u64 {
        self.received.size
    }

    pub const fn sha256(&self) -> &[u8; 32] {
        &self.received.sha256
    }

    /// From here on rows say whether it is needed, and a sweep of the spool asks them.
    pub(crate) const fn keep(&mut self) {
        self.kept = true;
    }

    /// No row will name it.
    pub(crate) fn discard(mut self) {
        self.kept = false;
    }
}

impl Drop for Upload {
    fn drop(&mut self) {
        if !self.kept
            && let Err(error) = self.spool.discard(self.name)
        {
            tracing::warn!(%error, "an upload was not removed; it is swept later");
        }
    }
}

/// Leave to upload a file into this folder.
#[cfg(test)]
pub(crate) fn uploading_into(folder: &std::path::Path) -> Uploading {
    let spool = Spool::open(folder.to_owned()).unwrap();
    let (tenant, name) = (TenantId(uuid::Uuid::nil()), SpoolName(uuid::Uuid::from_u128(1)));
    Uploading::new(&Arc::default(), spool, tenant, name).unwrap()
}

#[cfg(test)]
mod tests {
    use futures_util::stream;
    use uuid::Uuid;

    use super::*;

    fn one() -> impl Stream<Item = Result<Bytes, Refusal>> {
        stream::iter([Ok(Bytes::from_static(b"hello"))])
    }

    #[tokio::test]
    async fn an_upload_that_is_not_kept_leaves_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let (spool, uploads) = (Spool::open(folder.path().join("media")).unwrap(), Arc::new(Uploads::default()));
        let upload = async |n, limit| {
            let name = SpoolName(Uuid::from_u128(n));
            Uploading::new(&uploads, spool.clone(), TenantId(Uuid::nil()), name)?.receive(one(), limit).await
        };
        let (mut kept, dropped, mut both) =
            (upload(1, 5).await.unwrap(), upload(2, 5).await.unwrap(), upload(3, 5).await.unwrap());
        let paths = [1, 2, 3].map(|n| spool.path(SpoolName(Uuid::from_u128(n))));
        assert!(paths.iter().all(|path| path.exists()));
        kept.keep();
        both.keep();
        drop((kept, dropped));
        both.discard();
        assert_eq!(paths.map(|path| path.exists()), [true, false, false]);
        assert_eq!(upload(4, 4).await.unwrap_err().code, Code::BodyTooLarge);
        assert!(uploads.count().is_empty());
    }

    #[tokio::test]
    async fn a_tenant_has_so_many_uploads_at_a_time_and_no_other_notices() {
        let folder = tempfile::tempdir().unwrap();
        let (spool, uploads) = (Spool::open(folder.path().join("media")).unwrap(), Arc::new(Uploads::default()));
        let begin = |tenant| {
            let (tenant, name) = (TenantId(Uuid::from_u128(tenant)), SpoolName(Uuid::from_u128(1)));
            Uploading::new(&uploads, spool.clone(), tenant, name)
        };
        let mut held: Vec<_> = (0..UPLOADS_MAX).map(|_| begin(1).unwrap()).collect();
        let refusal = begin(1).unwrap_err();
        assert_eq!(refusal.code, Code::UploadLimitReached);
        assert!(refusal.retry_after.is_some());
        begin(2).unwrap();
        held.pop();
        begin(1).unwrap();
    }
}
