//! The network outside: the simulated one that this process carries, or the real one, as the build has it.

#[cfg(not(feature = "sandbox"))]
pub(super) use live::Outside;
#[cfg(feature = "sandbox")]
pub(super) use simulated::Outside;

#[cfg(feature = "sandbox")]
mod simulated {
    use std::fs::{File, TryLockError};
    use std::path::Path;
    use std::sync::Arc;

    use super::super::StartError;
    use crate::clock::Clock;
    use crate::config::Config;
    use crate::sandbox::{Sandbox, Settings};
    use crate::whatsapp::Wire;

    /// The simulated network lives in this process's memory, so its file has one process at a time. (The database needs no such
    /// lock: sessions write under leases.)
    pub(in crate::server) struct Outside {
        pub(in crate::server) sandbox: Sandbox,
        _alone: File,
    }

    impl Outside {
        pub(in crate::server) async fn open(config: &Config, clock: Clock) -> Result<(Self, Wire), StartError> {
            let alone = alone(&config.data_dir)?;
            let sandbox = Sandbox::open(Settings { file: config.data_dir.join("sandbox.db") }, clock).await?;
            let network = sandbox.clone();
            Ok((Self { sandbox, _alone: alone }, Wire::sandbox(Arc::new(move || network.dial()))))
        }

        pub(in crate::server) async fn close(&self) {
            self.sandbox.close().await;
        }
    }

    fn alone(folder: &Path) -> Result<File, StartError> {
        let failed = |error| StartError::Folder(folder.display().to_string(), error);
        let file = File::create(folder.join("sandbox.lock")).map_err(failed)?;
        match file.try_lock() {
            Ok(()) => Ok(file),
            Err(TryLockError::WouldBlock) => Err(StartError::NetworkInUse(folder.display().to_string())),
            Err(TryLockError::Error(error)) => Err(failed(error)),
        }
    }
}

#[cfg(not(feature = "sandbox"))]
mod live {
    use super::super::StartError;
    use crate::clock::Clock;
    use crate::config::Config;
    use crate::whatsapp::Wire;

    pub(in crate::server) struct Outside;

    #[allow(clippy::unused_async, reason = "the other build opens and closes a network here")]
    impl Outside {
        pub(in crate::server) async fn open(_: &Config, _: Clock) -> Result<(Self, Wire), StartError> {
            Ok((Self, Wire::whatsapp()?))
        }

        pub(in crate::server) async fn close(&self) {}
    }
}
