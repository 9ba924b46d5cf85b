//! A pool of connections that another takes the place of when it is spoilt. A host that vanished without a word would hold its
//! connections until the kernel gives them up, which takes a quarter of an hour.

use std::sync::{PoisonError, RwLock};

use sea_orm::{ConnectOptions, Database, DatabaseConnection};

pub(in crate::store) struct Pool {
    state: RwLock<State>,
    options: ConnectOptions,
}

struct State {
    number: u64,
    present: DatabaseConnection,
    /// For good: nothing takes its place any more.
    closed: bool,
}

impl Pool {
    pub(super) const fn new(connected: DatabaseConnection, options: ConnectOptions) -> Self {
        Self { state: RwLock::new(State { number: 0, present: connected, closed: false }), options }
    }

    /// The present connections, and the number of the pool that they are from.
    pub(in crate::store) fn present(&self) -> (u64, DatabaseConnection) {
        let state = self.state.read().unwrap_or_else(PoisonError::into_inner);
        (state.number, state.present.clone())
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
            let mut state = self.state.write().unwrap_or_else(PoisonError::into_inner);
            if state.closed || state.number != number {
                return;
            }
            state.number += 1;
            std::mem::replace(&mut state.present, fresh)
        };
        tracing::warn!("connections to the database are spoilt; others take their place");
        // This may take as long as the kernel does, and nobody waits for it.
        tokio::spawn(async move {
            let _ = spoilt.close().await;
        });
    }

    pub(in crate::store) async fn close(&self) {
        let last = {
            let mut state = self.state.write().unwrap_or_else(PoisonError::into_inner);
            state.closed = true;
            state.present.clone()
        };
        if let Err(error) = last.close().await {
            tracing::warn!(%error, "a connection did not close");
        }
    }
}
