//! A pool of connections that another takes the place of when it is spoilt. A host that vanished without a word would hold its
//! connections until the kernel gives them up, which takes a quarter of an hour.

use std::sync::{PoisonError, RwLock};

use sea_orm::{ConnectOptions, Database, DatabaseConnection};

pub(in crate::store) struct Pool {
    present: RwLock<(u64, DatabaseConnection)>,
    options: ConnectOptions,
}

impl Pool {
    pub(super) const fn new(connected: DatabaseConnection, options: ConnectOptions) -> Self {
        Self { present: RwLock::new((0, connected)), options }
    }

    /// The present connections, and the number of the pool that they are from.
    pub(in crate::store) fn present(&self) -> (u64, DatabaseConnection) {
        self.present.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Puts another in the place of the pool with this number, unless somebody did. It connects when it is asked for the first time.
    pub(in crate::store) async fn renew(&self, number: u64) {
        let mut options = self.options.clone();
        options.connect_lazy(true).min_connections(0);
        let fresh = match Database::connect(options).await {
            Ok(fresh) => fresh,
            Err(error) => return tracing::error!(%error, "connections to the database cannot be made anew"),
        };
        let spoilt = {
            let mut present = self.present.write().unwrap_or_else(PoisonError::into_inner);
            if present.0 != number {
                return;
            }
            std::mem::replace(&mut *present, (number + 1, fresh)).1
        };
        tracing::warn!("connections to the database are spoilt; others take their place");
        // This may take as long as the kernel does, and nobody waits for it.
        tokio::spawn(async move {
            let _ = spoilt.close().await;
        });
    }

    pub(in crate::store) async fn close(&self) {
        if let Err(error) = self.present().1.close().await {
            tracing::warn!(%error, "a connection did not close");
        }
    }
}
