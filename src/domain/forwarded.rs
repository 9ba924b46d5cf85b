//! Who asks, where a proxy stands in between: the proxies that are believed, and the address that they name.

use std::net::IpAddr;
use std::str::FromStr;

use super::egress::{Blocks, NotABlock};

/// The proxies whose `X-Forwarded-For` is believed. As it comes, those on this machine: anybody else may write what they like there,
/// and limits by address would hold nobody.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TrustedProxies(Blocks);

impl FromStr for TrustedProxies {
    type Err = NotABlock;

    /// Blocks, or single addresses, between commas; loopback is believed besides them.
    fn from_str(text: &str) -> Result<Self, NotABlock> {
        Ok(Self(text.parse()?))
    }
}

impl TrustedProxies {
    /// Who asks: the peer, or, where that is a trusted proxy, the last in the list of whom others asked for that is none. Each proxy
    /// adds at the end whom it heard, so what stands before the last stranger is that stranger's word alone.
    pub fn client<'a>(&self, peer: IpAddr, forwarded: impl DoubleEndedIterator<Item = &'a str>) -> IpAddr {
        let mut client = peer.to_canonical();
        for said in forwarded.rev() {
            let Some(next) = self.trusts(client).then(|| address(said)).flatten() else { return client };
            client = next;
        }
        client
    }

    pub fn trusts(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        address.is_loopback() || self.0.contains(address)
    }
}

/// An address as proxies write it: some add a port, and brackets around an IPv6 one.
fn address(said: &str) -> Option<IpAddr> {
    let said = said.trim();
    let plain = said.parse().ok().or_else(|| said.parse::<std::net::SocketAddr>().ok().map(|socket| socket.ip()));
    let bracketed = || said.strip_prefix('[')?.strip_suffix(']')?.parse().ok();
    plain.or_else(bracketed).map(|address: IpAddr| address.to_canonical())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_trusted_proxy_says_for_whom_it_asks() {
        let (plain, beside) = (TrustedProxies::default(), "10.0.0.0/8, 2001:db8::7".parse::<TrustedProxies>().unwrap());
        for (proxies, peer, said, who) in [
            (&plain, "127.0.0.1", "203.0.113.7", "203.0.113.7"),
            (&plain, "::1", "203.0.113.7", "203.0.113.7"),
            (&plain, "::ffff:127.0.0.1", "203.0.113.7", "203.0.113.7"),
            (&plain, "127.0.0.1", "", "127.0.0.1"),
            (&plain, "127.0.0.1", "nonsense", "127.0.0.1"),
            (&plain, "127.0.0.1", "6.6.6.6, 203.0.113.7", "203.0.113.7"),
            (&plain, "127.0.0.1", "203.0.113.7, nonsense", "127.0.0.1"),
            (&plain, "127.0.0.1", "6.6.6.6, 10.0.0.2", "10.0.0.2"),
            (&plain, "10.0.0.2", "203.0.113.7", "10.0.0.2"),
            (&plain, "198.51.100.1", "203.0.113.7", "198.51.100.1"),
            (&beside, "10.0.0.2", "203.0.113.7", "203.0.113.7"),
            (&beside, "127.0.0.1", "6.6.6.6, 203.0.113.7, 10.0.0.2", "203.0.113.7"),
            (&beside, "2001:db8::7", "[2001:db8::9]:4711", "2001:db8::9"),
            (&beside, "2001:db8::7", "[2001:db8::9]", "2001:db8::9"),
            (&beside, "10.0.0.2", "203.0.113.7:4711", "203.0.113.7"),
            (&beside, "10.0.0.2", "10.0.0.3", "10.0.0.3"),
        ] {
            let client = proxies.client(peer.parse().unwrap(), said.split(',').filter(|said| !said.is_empty()));
            assert_eq!(client, who.parse::<IpAddr>().unwrap(), "{peer} says {said:?}");
        }
    }

    #[test]
    fn what_is_no_block_is_told_so() {
        assert!("proxy.internal".parse::<TrustedProxies>().unwrap_err().to_string().contains("proxy.internal"));
    }
}
