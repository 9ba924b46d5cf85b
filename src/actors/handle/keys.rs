//! What callers ask of API keys.

use chrono::TimeDelta;

use super::{COMMIT, System};
use crate::actors::tenants::tenant;
use crate::clock;
use crate::domain::access::{Access, ApiKey, Bearer, KeyView, Mode, ShownKey};
use crate::domain::error::Refusal;
use crate::domain::id::{KeyId, TenantId};
use crate::domain::idempotency::{Answer, Once};
use crate::store::Store;
use crate::store::answers::Made;

/// A key that is asked for.
#[derive(Debug, Clone)]
pub struct NewKeyRequest {
    pub name: String,
    pub description: Option<String>,
    pub expires_in_days: Option<u16>,
}

impl System {
    pub async fn create_key(&self, access: &Access, new: NewKeyRequest, once: Option<Once>) -> Result<Answer, Refusal> {
        self.ask(access.tenant, COMMIT, |reply| tenant::Msg::CreateKey(new, once, reply)).await?
    }

    pub async fn keys(&self, access: &Access) -> Result<Vec<KeyView>, Refusal> {
        // What was counted in memory belongs in the answer.
        self.shared.doorkeeper.write_uses().await?;
        Ok(self.shared.store.keys(access.tenant).await?)
    }

    /// The same as they are kept: the newest uses are counted a little later.
    pub async fn kept_keys(&self, access: &Access) -> Result<Vec<KeyView>, Refusal> {
        Ok(self.shared.store.keys(access.tenant).await?)
    }

    pub async fn delete_key(&self, access: &Access, id: KeyId) -> Result<(), Refusal> {
        let hash = self.shared.store.delete_key(access.tenant, id).await?.ok_or_else(Refusal::not_found)?;
        self.shared.doorkeeper.revoke(&hash);
        self.shared.streams.end(Bearer::Key(id));
        Ok(())
    }
}

/// Makes a key for a tenant: the server's calls and the command line both end here.
pub async fn create_key(
    store: &Store,
    mode: Mode,
    tenant: TenantId,
    new: NewKeyRequest,
    once: Option<Once>,
) -> Result<Made<ShownKey>, Refusal> {
    let api_key = ApiKey::new(mode, clock::entropy().map_err(|_| Refusal::internal())?);
    let created_at = store.clock().now();
    let view = KeyView {
        id: KeyId(store.clock().id()),
        name: new.name,
        description: new.description,
        mode,
        key_prefix: api_key.visible_prefix(),
        request_count: 0,
        last_used_at: None,
        expires_at: new.expires_in_days.map(|days| created_at + TimeDelta::days(days.into())),
        created_at,
    };
    Ok(store.create_key(tenant, ShownKey { view, api_key }, once).await?)
}
