//! Which devices on the network a tenant's sessions are: what the simulated network aims its faults by.

use super::System;
use crate::domain::access::Access;
use crate::domain::error::{Code, Refusal};
use crate::domain::id::{SessionId, TenantId};
use crate::domain::phone::Phone;
use crate::whatsapp::linked_device;

impl System {
    /// The account and the device number of one session, or of every session of the tenant that is linked; never of none.
    pub async fn companions(&self, access: &Access, one: Option<SessionId>) -> Result<Vec<(Phone, u16)>, Refusal> {
        if let Some(session) = one {
            self.session(access, session).await?;
            let device = self.companion(access.tenant, session).await?;
            return device
                .map(|device| vec![device])
                .ok_or_else(|| not_linked("The session is not linked to a phone."));
        }
        let mut devices = Vec::new();
        for session in self.sessions(access).await?.into_iter().filter(|session| session.phone_number.is_some()) {
            devices.extend(self.companion(access.tenant, session.id).await?);
        }
        if devices.is_empty() { Err(not_linked("None of your sessions is linked to a phone.")) } else { Ok(devices) }
    }

    async fn companion(&self, tenant: TenantId, session: SessionId) -> Result<Option<(Phone, u16)>, Refusal> {
        linked_device(&self.shared.store, tenant, session).await.map_err(|error| {
            tracing::error!(%session, %error, "the device of a session could not be read");
            Refusal::internal()
        })
    }
}

fn not_linked(detail: &str) -> Refusal {
    Refusal::new(Code::SessionNotConnected, detail)
}
