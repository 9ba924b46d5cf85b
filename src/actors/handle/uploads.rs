//! What callers ask who send a file with their request.

use super::{Sending, System};
use crate::actors::media::uploads::{Upload, Uploading};
use crate::domain::access::Access;
use crate::domain::error::{Code, Refusal};
use crate::domain::idempotency::Once;
use crate::domain::media::SpoolName;
use crate::domain::message::Send;
use crate::domain::quota::{UPLOADS_WAITING_MAX, uploads_wait};
use crate::domain::request::Cause;

impl System {
    /// Leave to upload a file: a tenant has so many at a time, and so many that wait for their messages to go out.
    pub async fn uploading(&self, access: &Access) -> Result<Uploading, Refusal> {
        let Self { shared, .. } = self;
        let name = SpoolName(self.clock().id());
        let uploading = Uploading::new(&shared.uploads, shared.spool.clone(), access.tenant, name)?;
        if shared.store.uploads_waiting(access.tenant).await? >= UPLOADS_WAITING_MAX {
            return Err(uploads_wait());
        }
        Ok(uploading)
    }

    /// Accepts a message whose file was uploaded. The file goes at once if no row will name it.
    pub async fn accept_with(
        &self,
        access: &Access,
        cause: Cause,
        send: Send,
        once: Option<Once>,
        mut upload: Upload,
    ) -> Sending {
        // Whoever stops waiting leaves it to a sweep to find out what became of the message.
        upload.keep();
        let sending = self.accept(access, cause, send, once).await;
        if is_unneeded(&sending) {
            upload.discard();
        }
        sending
    }
}

/// Whether it is certain that no message was accepted just now.
fn is_unneeded(sending: &Sending) -> bool {
    match &sending.answer {
        Ok(answer) => answer.replayed,
        Err(refusal) => {
            !matches!(refusal.code, Code::InternalError | Code::NotReady | Code::Overloaded | Code::Stopping)
        }
    }
}
