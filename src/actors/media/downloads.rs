//! Media that callers download: a bounded number of them at a time, and none held open for a caller who takes nothing of it.

use std::collections::HashMap;
use std::fs::File;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use futures_util::Stream;
use futures_util::stream;
use tokio::io::AsyncReadExt;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};
use tokio::time::timeout;

use crate::domain::error::Refusal;
use crate::domain::id::{MessageId, SessionId, TenantId};
use crate::domain::media::{MimeType, Wanted};
use crate::domain::quota::{DOWNLOADS_MAX, DOWNLOADS_OF_ALL_MAX, DOWNLOADS_OF_TENANT_MAX, downloads_used_up};

/// Read at once, and handed over in one piece.
const CHUNK: usize = 64 * 1024;
/// A caller who takes nothing for so long is gone.
const STALLED: Duration = Duration::from_secs(30);
/// Bytes a second: whoever is slower on the whole is cut off.
const SLOWEST: u64 = 64 * 1024;

/// How many media each session is downloading, each tenant, and all of them.
#[derive(Debug)]
pub(crate) struct Downloads {
    all: Arc<Semaphore>,
    each: Mutex<HashMap<Whose, usize>>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Whose {
    Session(SessionId),
    Tenant(TenantId),
}

impl Whose {
    const fn most(self) -> usize {
        match self {
            Self::Session(_) => DOWNLOADS_MAX,
            Self::Tenant(_) => DOWNLOADS_OF_TENANT_MAX,
        }
    }
}

impl Default for Downloads {
    fn default() -> Self {
        Self { all: Arc::new(Semaphore::new(DOWNLOADS_OF_ALL_MAX)), each: Mutex::default() }
    }
}

/// A place among the downloads. It is free again when this is dropped.
#[derive(Debug)]
pub(crate) struct Place {
    downloads: Arc<Downloads>,
    whose: [Whose; 2],
    _all: OwnedSemaphorePermit,
}

impl Downloads {
    fn each(&self) -> MutexGuard<'_, HashMap<Whose, usize>> {
        self.each.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn begin(self: &Arc<Self>, tenant: TenantId, session: SessionId) -> Result<Place, Refusal> {
        let (mut each, whose) = (self.each(), [Whose::Session(session), Whose::Tenant(tenant)]);
        if whose.iter().any(|whose| each.get(whose).is_some_and(|downloads| *downloads >= whose.most())) {
            return Err(downloads_used_up());
        }
        let all = Arc::clone(&self.all).try_acquire_owned().map_err(|_| Refusal::overloaded())?;
        for whose in whose {
            *each.entry(whose).or_default() += 1;
        }
        Ok(Place { downloads: Arc::clone(self), whose, _all: all })
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut each = self.downloads.each();
        for whose in self.whose {
            if let Some(downloads) = each.get_mut(&whose) {
                *downloads -= 1;
            }
        }
        each.retain(|_, downloads| *downloads > 0);
    }
}

/// A medium that can be downloaded, as whoever asks is told before its bytes.
#[derive(Debug)]
pub struct Downloadable {
    pub message: MessageId,
    pub wanted: Wanted,
    /// As its sender said.
    pub mime: Option<MimeType>,
    /// Bytes; as its sender said, until it was fetched.
    pub size: Option<u64>,
}

/// A medium that was fetched, checked and decrypted, for the caller who asked for it.
#[derive(Debug)]
pub struct Download {
    pub medium: Downloadable,
    pub(crate) size: u64,
    pub(crate) file: File,
    pub(crate) place: Place,
}

impl Download {
    /// Its bytes, as fast as they are taken.
    pub fn body(self) -> impl Stream<Item = io::Result<Bytes>> + Send + 'static {
        self.for_who_takes_it_within(STALLED)
    }

    fn for_who_takes_it_within(self, patience: Duration) -> impl Stream<Item = io::Result<Bytes>> + Send + 'static {
        let Self { file, place, size, .. } = self;
        // Whoever takes it byte by byte may not hold a place for hours.
        let within = STALLED + Duration::from_secs(size / SLOWEST);
        let (tell, told) = mpsc::channel(1);
        let read = async move {
            // The file and the place are let go with this task, whatever the connection does.
            let _place = place;
            let mut file = tokio::fs::File::from_std(file);
            loop {
                let mut chunk = BytesMut::with_capacity(CHUNK);
                let read = file.read_buf(&mut chunk).await;
                if matches!(read, Ok(0)) {
                    return;
                }
                let failed = read.is_err();
                let told = timeout(patience, tell.send(read.map(|_| chunk.freeze()))).await;
                if failed || !matches!(told, Ok(Ok(()))) {
                    return;
                }
            }
        };
        tokio::spawn(timeout(within, read));
        stream::unfold(told, |mut told| async move { Some((told.recv().await?, told)) })
    }
}

#[cfg(test)]
mod tests {
    use std::io::{Seek, Write};

    use futures_util::TryStreamExt;
    use uuid::Uuid;

    use super::*;
    use crate::domain::error::Code;

    fn begin(downloads: &Arc<Downloads>, tenant: u128, session: u128) -> Result<Place, Code> {
        let (tenant, session) = (TenantId(Uuid::from_u128(tenant)), SessionId(Uuid::from_u128(session)));
        downloads.begin(tenant, session).map_err(|refusal| refusal.code)
    }

    #[test]
    fn sessions_tenants_and_servers_have_so_many_downloads_at_a_time() {
        let downloads = Arc::<Downloads>::default();
        let limited = Some(Code::DownloadLimitReached);
        let mut held: Vec<_> = (0..DOWNLOADS_MAX).map(|_| begin(&downloads, 0, 0).unwrap()).collect();
        assert_eq!(begin(&downloads, 0, 0).err(), limited);
        held.extend((1..).map_while(|session| begin(&downloads, 0, session).ok()));
        assert_eq!((held.len(), begin(&downloads, 0, 99).err()), (DOWNLOADS_OF_TENANT_MAX, limited));
        held.extend((1..).map_while(|tenant| begin(&downloads, tenant, tenant).ok()));
        assert_eq!((held.len(), begin(&downloads, 99, 99).err()), (DOWNLOADS_OF_ALL_MAX, Some(Code::Overloaded)));
        held.pop();
        begin(&downloads, 99, 99).unwrap();
        held.clear();
        assert!(downloads.each().is_empty());
        assert_eq!(downloads.all.available_permits(), DOWNLOADS_OF_ALL_MAX);
    }

    #[tokio::test]
    async fn whoever_takes_nothing_holds_no_place() {
        let downloads = Arc::<Downloads>::default();
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(&vec![7; 20 * CHUNK]).unwrap();
        let download = |mut file: File| {
            file.rewind().unwrap();
            let (message, place) = (MessageId(Uuid::nil()), begin(&downloads, 1, 1).unwrap());
            let size = 20 * CHUNK as u64;
            let medium = Downloadable { message, wanted: Wanted::Image, mime: None, size: Some(size) };
            Download { medium, size, file, place }
        };
        let whole: Vec<Bytes> = download(file.try_clone().unwrap()).body().try_collect().await.unwrap();
        assert_eq!(whole.iter().map(Bytes::len).sum::<usize>(), 20 * CHUNK);
        let idle = download(file).for_who_takes_it_within(Duration::from_millis(20));
        // Its place is free again when all of them can be had.
        let all = u32::try_from(DOWNLOADS_OF_ALL_MAX).unwrap();
        drop(timeout(STALLED, downloads.all.acquire_many(all)).await.unwrap().unwrap());
        let rest: Vec<Bytes> = idle.try_collect().await.unwrap();
        assert!(rest.iter().map(Bytes::len).sum::<usize>() < 20 * CHUNK, "it is cut off");
    }
}
