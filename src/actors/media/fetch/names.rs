//! From a name to the addresses that may be dialled: resolved once, each judged, and only the permitted ones handed on.
//!
//! The connector dials what it gets from here and asks nobody else, so a name that changes its mind between a check and the
//! connection gains nothing.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;

use async_trait::async_trait;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use tokio::net::lookup_host;

use crate::domain::egress::Egress;

/// How many addresses of one name are tried.
const ADDRESSES_MAX: usize = 8;
const LOOPBACK: [IpAddr; 2] = [IpAddr::V4(Ipv4Addr::LOCALHOST), IpAddr::V6(Ipv6Addr::LOCALHOST)];

/// Who knows what addresses a name has.
#[async_trait]
pub(super) trait Names: Send + Sync {
    async fn addresses(&self, name: &str) -> io::Result<Vec<IpAddr>>;
}

/// The machine's own resolver.
pub(super) struct Hosts;

#[async_trait]
impl Names for Hosts {
    async fn addresses(&self, name: &str) -> io::Result<Vec<IpAddr>> {
        Ok(lookup_host((name, 0)).await?.map(|address| address.ip()).collect())
    }
}

/// Why a name leads nowhere.
#[derive(Debug, thiserror::Error)]
pub(super) enum NoWay {
    #[error("the name leads only to where this server may not go")]
    Forbidden,
    #[error("the name has no address")]
    NoAddress,
    #[error("the name does not resolve: {0}")]
    Unresolved(io::Error),
}

/// The resolver that the HTTP client is given.
pub(super) struct Guarded {
    names: Arc<dyn Names>,
    egress: Arc<Egress>,
}

impl Guarded {
    pub(super) fn new(names: Arc<dyn Names>, egress: Arc<Egress>) -> Self {
        Self { names, egress }
    }
}

impl Resolve for Guarded {
    fn resolve(&self, name: Name) -> Resolving {
        let (names, egress) = (Arc::clone(&self.names), Arc::clone(&self.egress));
        Box::pin(async move {
            let permitted = permitted(name.as_str(), &*names, &egress).await?;
            Ok(Box::new(permitted.into_iter()) as Addrs)
        })
    }
}

/// The port is the URL's; the connector sets it.
async fn permitted(name: &str, names: &dyn Names, egress: &Egress) -> Result<Vec<SocketAddr>, NoWay> {
    let found = if is_this_machine(name) {
        LOOPBACK.to_vec()
    } else {
        names.addresses(name).await.map_err(NoWay::Unresolved)?
    };
    if found.is_empty() {
        return Err(NoWay::NoAddress);
    }
    let mut permitted = Vec::new();
    for address in found {
        match egress.check(address) {
            Ok(()) => permitted.push((address, 0).into()),
            // What a name means in the operator's network is not its tenants' to know: the address goes to the log alone.
            Err(forbidden) => {
                tracing::warn!(host = name, error = %forbidden, "a tenant's URL leads to where it may not");
            }
        }
    }
    permitted.truncate(ADDRESSES_MAX);
    if permitted.is_empty() { Err(NoWay::Forbidden) } else { Ok(permitted) }
}

/// `localhost` and all names under it are the loopback addresses (RFC 6761, 6.3); not every resolver knows, and some ask the
/// internet.
fn is_this_machine(name: &str) -> bool {
    let name = name.strip_suffix('.').unwrap_or(name);
    name.rsplit('.').next().is_some_and(|last| last.eq_ignore_ascii_case("localhost"))
}
