//! The command line's short commands. They open the database beside a running server, do one thing, and close it.

use std::io;
use std::path::Path;

use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;

use crate::actors::{self, NewKeyRequest};
use crate::clock::{self, Clock};
use crate::config::Config;
use crate::domain::access::{ApiKey, Email};
use crate::domain::account::Password;
use crate::domain::error::Refusal;
use crate::server::master::{self, Step};
use crate::server::{StartError, open_store};
use crate::store::answers::Made;
use crate::store::rotation::Progress;
use crate::store::seal::MasterSecret;
use crate::store::{BackupError, Store, StoreError, back_up};

#[derive(Debug, thiserror::Error)]
pub enum CommandError {
    #[error(transparent)]
    Start(#[from] StartError),
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Backup(#[from] BackupError),
    #[error("{0}")]
    Refused(String),
    #[error("there is no plan '{0}'; there are: {1}")]
    NoSuchPlan(String, String),
    #[error("there is no tenant with the address {0}; `wamux keys create --email {0}` makes one")]
    NoSuchTenant(String),
}

/// Makes a key for this network, and the account if there is none.
pub async fn create_key(config: &Config, email: &Email, name: String) -> Result<ApiKey, CommandError> {
    let store = open_store(config, Clock::default()).await?;
    let made = insert_key(&store, config, email, name).await;
    store.close().await;
    made
}

async fn insert_key(store: &Store, config: &Config, email: &Email, name: String) -> Result<ApiKey, CommandError> {
    let tenant = store.tenant_of(email).await?;
    let new = NewKeyRequest { name, description: None, expires_in_days: None };
    match actors::create_key(store, config.network.mode(), tenant, new, None).await.and_then(Made::now) {
        Ok(made) => Ok(made.api_key),
        Err(refusal) => Err(CommandError::Refused(refusal.detail)),
    }
}

/// Moves a tenant to another plan.
pub async fn set_plan(config: &Config, email: &Email, plan: &str) -> Result<(), CommandError> {
    let store = open_store(config, Clock::default()).await?;
    let done = change_plan(&store, email, plan).await;
    store.close().await;
    done
}

async fn change_plan(store: &Store, email: &Email, plan: &str) -> Result<(), CommandError> {
    let plans: Vec<String> = store.plans().await?.into_iter().map(|plan| plan.name).collect();
    if !plans.iter().any(|known| known == plan) {
        return Err(CommandError::NoSuchPlan(plan.to_owned(), plans.join(", ")));
    }
    if !store.set_plan(email, plan).await? {
        return Err(CommandError::NoSuchTenant(email.as_str().to_owned()));
    }
    Ok(())
}

/// A person's new password, and how many keys of the tenant work still.
pub struct Reset {
    pub password: String,
    pub keys: usize,
}

/// Gives the person of a tenant a new password, and signs them out everywhere.
pub async fn reset_password(config: &Config, email: &Email, revoke_keys: bool) -> Result<Reset, CommandError> {
    let store = open_store(config, Clock::default()).await?;
    let done = replace_password(&store, email, revoke_keys).await;
    store.close().await;
    done
}

async fn replace_password(store: &Store, email: &Email, revoke_keys: bool) -> Result<Reset, CommandError> {
    let Some(tenant) = store.tenant_with(email).await? else {
        return Err(CommandError::NoSuchTenant(email.as_str().to_owned()));
    };
    let refused = |refusal: Refusal| CommandError::Refused(refusal.detail);
    let secret: [u8; 12] = clock::entropy().map_err(|_| refused(Refusal::internal()))?;
    // 96 bits, in a form that people can type.
    let new: String = BASE64_URL_SAFE_NO_PAD.encode(secret);
    let kept = actors::Passwords::default().hash(Password::claimed(new.clone())).await.map_err(refused)?;
    store.set_password(tenant, kept, None).await?;
    let mut keys = store.keys(tenant).await?;
    if revoke_keys {
        for key in keys.drain(..) {
            store.delete_key(tenant, key.id).await?;
        }
    }
    Ok(Reset { password: new, keys: keys.len() })
}

/// Brings the database up to date, as opening it always does.
pub async fn migrate(config: &Config) -> Result<(), CommandError> {
    open_store(config, Clock::default()).await?.close().await;
    Ok(())
}

/// Copies the database, beside a running server or without one; how many bytes the copy has.
pub async fn backup(config: &Config, file: &Path) -> Result<u64, CommandError> {
    Ok(back_up(&config.database, file).await?)
}

/// Makes a new master key and seals everything under it; the key's file is replaced, if that is where the old one was.
pub async fn rotate_master(
    config: &Config,
    new: Option<MasterSecret>,
    tell: impl FnMut(Step<'_>) -> io::Result<()>,
) -> Result<Progress, CommandError> {
    Ok(master::rotate(config, new, tell).await?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_key_opens_the_account_that_it_made_and_a_second_one_the_same() {
        let folder = tempfile::tempdir().unwrap();
        let config = Config::in_folder(folder.path().join("data"));
        let email: Email = "you@example.com".parse().unwrap();
        let keys = [
            create_key(&config, &email, "one".into()).await.unwrap(),
            create_key(&config, &email, "two".into()).await.unwrap(),
        ];
        let store = open_store(&config, Clock::default()).await.unwrap();
        let mut tenants = Vec::new();
        for key in &keys {
            assert_eq!(key.mode(), config.network.mode());
            tenants.push(store.access(&key.hash(), key.mode()).await.unwrap().unwrap().tenant);
        }
        assert_eq!(tenants[0], tenants[1]);
        store.close().await;
    }

    #[tokio::test]
    async fn a_plan_is_changed_for_a_tenant_there_is_to_a_plan_there_is() {
        let folder = tempfile::tempdir().unwrap();
        let config = Config::in_folder(folder.path().to_owned());
        let email: Email = "you@example.com".parse().unwrap();
        let unknown = set_plan(&config, &email, "pro").await.unwrap_err();
        assert!(matches!(unknown, CommandError::NoSuchTenant(_)), "{unknown}");
        let key = create_key(&config, &email, "one".into()).await.unwrap();
        let unknown = set_plan(&config, &email, "gold").await.unwrap_err().to_string();
        assert!(unknown.contains("gold") && unknown.contains("free") && unknown.contains("pro"), "{unknown}");
        set_plan(&config, &email, "pro").await.unwrap();
        let store = open_store(&config, Clock::default()).await.unwrap();
        assert_eq!(store.access(&key.hash(), key.mode()).await.unwrap().unwrap().plan.name, "pro");
        store.close().await;
    }
}
