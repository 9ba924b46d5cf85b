//! What callers ask of API keys.

use std::time::Duration;

use chrono::TimeDelta;

use super::System;
use crate::clock;
use crate::domain::access::{Access, ApiKey, KeyView, Mode};
use crate::domain::error::{Code, Refusal};
use crate::domain::id::{KeyId, TenantId};
use crate::domain::quota::KEYS_MAX;
use crate::store::Store;
use crate::store::keys::NewKey;

/// A key that is asked for.
#[derive(Debug, Clone)]
pub struct NewKeyRequest {
    pub name: String,
    pub description: Option<String>,
    pub expires_in_days: Option<u16>,
}

impl System {
    pub async fn create_key(&self, access: &Access, new: NewKeyRequest) -> Result<(KeyView, ApiKey), Refusal> {
        create_key(&self.shared.store, self.shared.doorkeeper.mode(), access.tenant, new).await
    }

    pub async fn keys(&self, access: &Access) -> Result<Vec<KeyView>, Refusal> {
        // What was counted in memory belongs in the answer.
        self.shared.doorkeeper.write_uses().await?;
        Ok(self.shared.store.keys(access.tenant).await?)
    }

    pub async fn delete_key(&self, access: &Access, id: KeyId) -> Result<(), Refusal> {
        let hash = self.shared.store.delete_key(access.tenant, id).await?.ok_or_else(Refusal::not_found)?;
        self.shared.doorkeeper.revoke(&hash);
        self.shared.streams.end(id);
        Ok(())
    }
}

/// Makes a key for a tenant: the server's calls and the command line both end here.
pub async fn create_key(
    store: &Store,
    mode: Mode,
    tenant: TenantId,
    new: NewKeyRequest,
) -> Result<(KeyView, ApiKey), Refusal> {
    let secret = clock::entropy().map_err(|_| Refusal::internal())?;
    let key = ApiKey::new(mode, secret);
    let (id, now) = (KeyId(store.clock().id()), store.clock().now());
    let expires_at = new.expires_in_days.map(|days| now + TimeDelta::days(days.into()));
    let row = NewKey {
        id,
        name: new.name,
        description: new.description,
        mode,
        prefix: key.visible_prefix(),
        hash: key.hash(),
        expires_at,
        created_at: now,
    };
    let view = KeyView {
        id,
        name: row.name.clone(),
        description: row.description.clone(),
        mode,
        key_prefix: row.prefix.clone(),
        request_count: 0,
        last_used_at: None,
        expires_at,
        created_at: now,
    };
    if store.insert_key(tenant, row, KEYS_MAX).await? {
        return Ok((view, key));
    }
    let detail = format!("A tenant may have {KEYS_MAX} keys at once; revoke one first.");
    Err(Refusal::new(Code::KeyLimitReached, detail).after(Duration::from_mins(1)))
}
