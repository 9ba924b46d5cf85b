//! The master key of a server: given by a variable or kept in a file, and rotated in either place.

use std::io;

use super::StartError;
use crate::config::Config;
use crate::store::rotation::{Progress, Rotation};
use crate::store::seal::{KeyFile, MasterKey, MasterSecret};
use crate::store::{Store, StoreError};

/// The key in the data folder's file counts unless one is given.
pub(super) fn given(config: &Config) -> Result<MasterKey, StartError> {
    match &config.master {
        Some(master) => Ok(master.clone()),
        None => Ok(KeyFile::in_folder(&config.data_dir).load_or_make()?.key()),
    }
}

/// What a rotation tells of itself while it runs.
pub enum Step<'r> {
    /// The key that will be in force. Nothing is sealed under it yet.
    Towards(&'r MasterSecret),
    Sealed(Progress),
}

/// Seals everything anew, under `new` or a fresh key, and keeps the key where the old one was if that was in the file. Whoever is
/// told the new key can stop it before anything depends on it.
pub async fn rotate(
    config: &Config,
    new: Option<MasterSecret>,
    mut tell: impl FnMut(Step<'_>) -> io::Result<()>,
) -> Result<Progress, StartError> {
    let failed = |error| StartError::store(config, error);
    let rotation = Rotation::begin(&config.database, given(config)?, new).await.map_err(failed)?;
    let rotated = async {
        let untold = |error: io::Error| StoreError::Unusable(format!("the new master key could not be told: {error}"));
        tell(Step::Towards(rotation.new_secret())).map_err(untold).map_err(failed)?;
        let progress = rotation.run(|progress| drop(tell(Step::Sealed(progress)))).await.map_err(failed)?;
        if config.master.is_none() {
            KeyFile::in_folder(&config.data_dir).replace(rotation.new_secret())?;
            rotation.forget_old().await.map_err(failed)?;
        }
        Ok(progress)
    };
    let rotated = rotated.await;
    rotation.close().await;
    rotated
}

/// Puts the key in force where it will be found, if a rotation ended before that; by a variable only the operator can.
pub(super) async fn settle(config: &Config, store: &Store) -> Result<(), StartError> {
    let Some(new) = store.successor() else { return Ok(()) };
    if config.master.is_some() {
        tracing::warn!(
            "the master key was rotated, and the one given is the old one; put the new one in WAMUX_MASTER_KEY: \
             `wamux keys rotate-master` prints it again"
        );
        return Ok(());
    }
    let file = KeyFile::in_folder(&config.data_dir);
    if let Err(error) = file.replace(new) {
        // The database hands the new key to whoever has the old one, so nothing is lost but that the old one still opens it.
        let file = file.path().display();
        tracing::warn!(
            %error,
            %file,
            "the master key was rotated, and the new one cannot be put in its file; put it there, or make the folder writable: \
             until then the old key still opens the database"
        );
        return Ok(());
    }
    store.forget_old_key().await.map_err(|error| StartError::store(config, error))
}
