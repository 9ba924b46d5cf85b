//! What callers ask who want a medium that a session received.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::timeout;

use super::{PROMPT, System};
use crate::actors::media::downloads::{Download, Downloadable};
use crate::actors::tenants::tenant;
use crate::domain::access::Access;
use crate::domain::error::{Code, Refusal};
use crate::domain::id::{MessageId, TenantId};
use crate::domain::media::{DOWNLOAD_MAX, Reference, too_large};
use crate::store::media::received::{Found, Kept};
use crate::whatsapp::{Asked, DownloadError, Link, Opened};

/// Enough for 100 MB over a line of five megabits a second; whoever asks waits for the first byte as long.
const WITHIN: Duration = Duration::from_mins(3);

impl System {
    /// What is known of the medium of a received message that could be fetched now. Nothing is fetched, and nobody is asked.
    pub async fn downloadable(&self, access: &Access, id: MessageId) -> Result<Downloadable, Refusal> {
        let (kept, _, _) = self.found(access.tenant, id).await?;
        Ok(Downloadable { message: id, wanted: kept.wanted, mime: kept.mime, size: kept.size })
    }

    /// Fetches the medium of a received message through its session, and checks it; then its bytes can be sent on.
    pub async fn download(&self, access: &Access, id: MessageId) -> Result<Download, Refusal> {
        let Self { shared, .. } = self;
        let (kept, reference, link) = self.found(access.tenant, id).await?;
        let place = shared.downloads.begin(access.tenant, kept.session)?;
        let folder = shared.spool.job_folder(id).map_err(|error| refused(DownloadError::Disk(error)))?;
        let fetching = self.fetch(access.tenant, id, &kept, reference, &link, folder.path());
        let opened = timeout(WITHIN, fetching).await.unwrap_or_else(|_| Err(late()))?;
        let Opened { file, size } = opened;
        let medium = Downloadable { message: id, wanted: kept.wanted, mime: kept.mime, size: Some(size) };
        Ok(Download { medium, size, file, place })
    }

    /// The medium, where it lies, and the link to fetch it through.
    async fn found(&self, tenant: TenantId, id: MessageId) -> Result<(Kept, Reference, Arc<Link>), Refusal> {
        let found = self.shared.store.medium_of(tenant, id).await?.ok_or_else(Refusal::not_found)?;
        let (kept, reference) = fetchable(found)?;
        let link = self.ask(tenant, PROMPT, |reply| tenant::Msg::Link(kept.session, reply)).await?;
        let link = link.map_err(|refusal| match refusal.code {
            Code::NotFound => Refusal::new(Code::SessionNotConnected, "The session that received this was deleted."),
            _ => refusal,
        })?;
        Ok((kept, reference, link))
    }

    /// What the media servers have no longer is put up again by the account's own phone, if that has it.
    async fn fetch(
        &self,
        tenant: TenantId,
        id: MessageId,
        kept: &Kept,
        mut reference: Reference,
        link: &Arc<Link>,
        folder: &Path,
    ) -> Result<Opened, Refusal> {
        match link.download(&reference, folder).await {
            Err(DownloadError::Expired) => {}
            other => return other.map_err(refused),
        }
        match link.ask_for_medium(&reference, &kept.wire_id).await {
            Asked::Moved(path) => reference.path = path,
            Asked::Gone => return Err(expired("and the account's phone does not have it either")),
            Asked::Silent => {
                let why = "and the account's phone did not put it up again; try again when it is online";
                return Err(expired(why));
            }
        }
        self.shared.store.medium_moved(tenant, id, &reference).await?;
        link.download(&reference, folder).await.map_err(refused)
    }
}

fn fetchable(found: Found) -> Result<(Kept, Reference), Refusal> {
    let none = |detail: &str| Err(Refusal::new(Code::NotFound, detail));
    match found {
        Found::NoMedium => none("This message has no medium."),
        Found::Sent => none("This message was sent and not received: its medium is with whoever gave it."),
        Found::Received(mut kept) => match kept.reference.take() {
            None => none("This message does not say where its medium lies."),
            Some(_) if kept.size.is_some_and(|size| size > DOWNLOAD_MAX) => Err(refused(DownloadError::TooLarge)),
            Some(reference) => Ok((*kept, reference)),
        },
    }
}

fn expired(why: &str) -> Refusal {
    Refusal::new(Code::MediaExpired, format!("WhatsApp's media servers have this medium no longer, {why}."))
}

fn late() -> Refusal {
    refused(DownloadError::Temporary("it took too long".to_owned()))
}

fn refused(error: DownloadError) -> Refusal {
    match error {
        DownloadError::NotConnected => {
            Refusal::new(Code::SessionNotConnected, "The session lost its connection; try again when it is back.")
        }
        DownloadError::Expired => expired("and what the account's phone put up again is not there"),
        DownloadError::TooLarge => {
            let Refusal { detail, .. } = too_large("A medium that is downloaded", DOWNLOAD_MAX);
            Refusal::new(Code::MediaTooLarge, detail)
        }
        DownloadError::Corrupt(why) => {
            Refusal::new(Code::MediaCorrupt, format!("The medium is refused, since it is not what was sent: {why}."))
        }
        DownloadError::Temporary(why) => {
            let detail = format!("The medium could not be fetched just now: {why}. Try again shortly.");
            Refusal::new(Code::WhatsAppUnanswered, detail).after(Duration::from_secs(5))
        }
        DownloadError::Disk(error) => {
            tracing::error!(%error, "a medium was not downloaded");
            Refusal::internal()
        }
    }
}
