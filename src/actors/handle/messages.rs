//! What callers ask of messages.

use chrono::{DateTime, Utc};

use super::{COMMIT, System};
use crate::actors::tenants::tenant;
use crate::domain::access::Access;
use crate::domain::error::Refusal;
use crate::domain::id::MessageId;
use crate::domain::idempotency::{Answer, Once};
use crate::domain::message::{Failure, Filter, Message, Page, Send, Status, Stretch};
use crate::domain::quota::Usage;
use crate::domain::request::Cause;

/// What became of a send, and how the tenant's day stands as far as it is known.
#[derive(Debug)]
pub struct Sending {
    pub usage: Option<Usage>,
    pub answer: Result<Answer, Refusal>,
}

impl System {
    pub async fn accept(&self, access: &Access, cause: Cause, send: Send, once: Option<Once>) -> Sending {
        let asked = self.ask(access.tenant, COMMIT, |reply| tenant::Msg::Accept(send, cause, once, reply)).await;
        asked.unwrap_or_else(|refusal| Sending { usage: None, answer: Err(refusal) })
    }

    /// How the tenant's day stands.
    pub async fn usage(&self, access: &Access) -> Result<Usage, Refusal> {
        Ok(self.shared.store.usage(access.tenant, self.clock().now()).await?)
    }

    pub async fn message(&self, access: &Access, id: MessageId) -> Result<Message, Refusal> {
        self.shared.store.message(access.tenant, id).await?.ok_or_else(Refusal::not_found)
    }

    /// When a message failed, as far as that is still known.
    pub async fn failed_at(&self, access: &Access, message: &Message) -> Result<Option<DateTime<Utc>>, Refusal> {
        if message.status != Status::Failed {
            return Ok(None);
        }
        // What expired did so then; anything else most likely soon.
        let expired = message.error_code.as_deref() == Some(Failure::Expired.as_str());
        let from = if expired { self.shared.ages.expiry.of(message.created_at) } else { message.created_at };
        Ok(self.shared.store.failed_at(access.tenant, message.id, from).await?)
    }

    pub async fn messages(&self, access: &Access, filter: Filter) -> Result<Page, Refusal> {
        Ok(self.shared.store.messages(access.tenant, &filter).await?)
    }
    /// The same without a count of all that matches.
    pub async fn stretch(&self, access: &Access, filter: Filter) -> Result<Stretch, Refusal> {
        Ok(self.shared.store.stretch(access.tenant, &filter).await?)
    }
}
