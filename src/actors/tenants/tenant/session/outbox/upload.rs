//! One upload: a file of the spool goes to the media servers, and the message that names it is kept, sealed, until it is sent.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::timeout;

use super::progress::TRIES;
use crate::actors::system::Shared;
use crate::actors::system::patience::patiently;
use crate::domain::media::{Fault, Stage};
use crate::domain::session::Lease;
use crate::store::StoreError;
use crate::store::media::Ready;
use crate::whatsapp::{Link, Outgoing, UploadError};

/// Enough for 64 MB over a line of one megabit a second, and half as much again.
const WITHIN: Duration = Duration::from_mins(15);

/// How an upload came to its end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in super::super) enum Uploaded {
    /// It is on the media servers, or its message failed: nothing more is to be done.
    Settled,
    /// To be tried again after a pause.
    Again(String),
    /// The connection went away.
    Disconnected,
    /// The store says what is to be done now.
    Anew,
}

pub(super) struct Upload {
    pub(super) shared: Arc<Shared>,
    pub(super) lease: Lease,
    pub(super) link: Arc<Link>,
    pub(super) ready: Ready,
    /// How often it was tried before.
    pub(super) tries: u32,
}

impl Upload {
    pub(super) async fn run(self) -> Uploaded {
        if self.tries >= TRIES {
            // The last one broke off.
            return self.fail(&Fault::UploadFailed("this server failed at it".to_owned())).await;
        }
        let error = match self.upload().await {
            Ok(payload) => return self.keep(payload).await,
            Err(error) => error,
        };
        match error {
            UploadError::NotConnected => Uploaded::Disconnected,
            UploadError::FileGone if self.ready.has_url => self.fetch_anew().await,
            UploadError::FileGone => self.fail(&Fault::SourceLost).await,
            UploadError::Temporary(why) if self.tries + 1 < TRIES => Uploaded::Again(why),
            UploadError::Temporary(why) | UploadError::Refused(why) => self.fail(&Fault::UploadFailed(why)).await,
        }
    }

    async fn upload(&self) -> Result<Vec<u8>, UploadError> {
        // The wait for a place is no fault of the medium's, so the clock starts when it has one.
        let _place = self.shared.uploading.take(self.lease.tenant).await;
        let spool = &self.shared.spool;
        let full = |error: std::io::Error| UploadError::Temporary(format!("this server's disk failed: {error}"));
        let folder = spool.job_folder(self.ready.message).map_err(full)?;
        let medium = Outgoing {
            file: spool.path(self.ready.spool),
            wanted: self.ready.wanted,
            facts: self.ready.facts.clone(),
            caption: self.ready.caption.clone(),
        };
        let uploading = self.link.upload(medium, folder.path());
        let late = |_| Err(UploadError::Temporary("it took too long".to_owned()));
        let step = self.shared.store.metrics().media_step("upload", timeout(WITHIN, uploading));
        step.await.unwrap_or_else(late)
    }

    async fn keep(&self, payload: Vec<u8>) -> Uploaded {
        let Self { shared, lease, ready, .. } = self;
        match patiently(|| shared.store.media_uploaded(*lease, ready.message, &payload)).await {
            Ok(true) => {
                if let Err(error) = shared.spool.remove(ready.spool).await {
                    tracing::warn!(%error, "a file of the spool was not removed; it is swept later");
                }
                Uploaded::Settled
            }
            // Nobody waits for it any more.
            Ok(false) => Uploaded::Settled,
            Err(error) => unwritten(&error),
        }
    }

    /// The file is gone, and can be had again from where it came from.
    async fn fetch_anew(&self) -> Uploaded {
        let Self { shared, lease, ready, .. } = self;
        match patiently(|| shared.store.media_anew(*lease, ready.message)).await {
            Ok(_) => Uploaded::Anew,
            Err(error) => unwritten(&error),
        }
    }

    async fn fail(&self, fault: &Fault) -> Uploaded {
        let Self { shared, lease, ready, .. } = self;
        match patiently(|| shared.store.fail_medium(*lease, ready.message, Stage::Ready, fault)).await {
            Ok(true) => {
                let _ = shared.spool.remove(ready.spool).await;
                Uploaded::Settled
            }
            // It was read before the last upload was over.
            Ok(false) => Uploaded::Anew,
            Err(error) => unwritten(&error),
        }
    }
}

/// What was not written down is done again, unless the session is somebody else's by now.
fn unwritten(error: &StoreError) -> Uploaded {
    match error {
        StoreError::LeaseLost | StoreError::Closed => Uploaded::Anew,
        other => Uploaded::Again(other.to_string()),
    }
}
