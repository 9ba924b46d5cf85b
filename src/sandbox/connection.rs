//! A socket from its first byte to its last: handshake, then a companion that registers or one that logs in.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::timeout;

use super::network::Network;
use super::wire::{RawWire, Stream};
use super::{SandboxError, login, pairing};

/// From the connect to the end of the handshake.
const HANDSHAKE: Duration = Duration::from_secs(20);

/// Where a connection stands when it comes to us.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Upgrade {
    Due,
    /// By somebody whom the client called so.
    Done(Option<Box<str>>),
}

/// Serves one connection until it ends.
pub(crate) async fn serve(network: Arc<Network>, stream: Box<dyn Stream>, upgrade: Upgrade) {
    let Some(_place) = network.admit() else {
        tracing::warn!("too many connections; one more is refused");
        return;
    };
    match Box::pin(talk(&network, stream, upgrade)).await {
        // Sockets end in every way there is; that is the daily life of a network.
        Err(error @ (SandboxError::Wire(_) | SandboxError::Broken(_))) => {
            tracing::debug!(%error, "a connection ended");
        }
        Err(error) if network.is_closed() => tracing::debug!(%error, "a connection ended with the network"),
        Err(error) => tracing::warn!(%error, "a connection failed"),
        Ok(()) => {}
    }
}

async fn talk(network: &Arc<Network>, stream: Box<dyn Stream>, upgrade: Upgrade) -> Result<(), SandboxError> {
    let shake = Box::pin(async {
        let wire = match upgrade {
            Upgrade::Due => RawWire::accept(stream, &network.certificate).await?,
            Upgrade::Done(host) => RawWire::upgraded(stream, host),
        };
        wire.shake(&network.certificate).await
    });
    let (wire, caller) = timeout(HANDSHAKE, shake).await.map_err(SandboxError::wire)??;
    if caller.payload.device_pairing_data.is_set() {
        Box::pin(pairing::register(network, wire, caller)).await
    } else {
        Box::pin(login::log_in(network, wire, caller)).await
    }
}
