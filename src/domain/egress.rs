//! Where the server may connect to when a tenant names the place: public addresses, and what the operator allows besides.
//!
//! A tenant's proxy or URL must not reach the operator's own network. What is judged is the address that is dialled, after the
//! name was resolved, at every attempt: a name may point elsewhere the next time.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::str::FromStr;

use ipnet::{IpNet, Ipv4Net, Ipv6Net};

/// IPv4 blocks that are no public host's (the IANA special-purpose registry, multicast and reserved space).
const NOT_PUBLIC_V4: [Ipv4Net; 17] = [
    v4([0, 0, 0, 0], 8),        // this network
    v4([10, 0, 0, 0], 8),       // private
    v4([100, 64, 0, 0], 10),    // carrier-grade NAT
    v4([127, 0, 0, 0], 8),      // loopback
    v4([168, 63, 129, 16], 32), // a public number that only Azure's machines reach: their platform's secrets
    v4([169, 254, 0, 0], 16),   // link-local; clouds serve their secrets here
    v4([172, 16, 0, 0], 12),    // private
    v4([192, 0, 0, 0], 24),     // protocol assignments
    v4([192, 0, 2, 0], 24),     // documentation
    v4([192, 88, 99, 0], 24),   // 6to4 relays, retired
    v4([192, 168, 0, 0], 16),   // private
    v4([198, 18, 0, 0], 15),    // benchmarks
    v4([198, 51, 100, 0], 24),  // documentation
    v4([203, 0, 113, 0], 24),   // documentation
    v4([224, 0, 0, 0], 4),      // multicast
    v4([240, 0, 0, 0], 4),      // reserved
    v4([255, 255, 255, 255], 32),
];

/// All public IPv6 hosts are in here, …
const GLOBAL_V6: Ipv6Net = v6(0x2000 << 112, 3);
/// … except these.
const NOT_PUBLIC_V6: [Ipv6Net; 3] = [
    v6(0x2001 << 112, 23),     // protocol assignments: Teredo, ORCHID, benchmarks
    v6(0x2001_0db8 << 96, 32), // documentation
    v6(0x3fff << 112, 20),     // documentation
];

/// IPv6 blocks whose addresses stand for an IPv4 address, and the byte at which that begins: it is the one that is reached.
const EMBEDDING: [(Ipv6Net, usize); 3] = [
    (v6(0xffff << 32, 96), 12),      // mapped
    (v6(0x0064_ff9b << 96, 96), 12), // NAT64
    (v6(0x2002 << 112, 16), 2),      // 6to4
];

const fn v4([a, b, c, d]: [u8; 4], prefix: u8) -> Ipv4Net {
    Ipv4Net::new_assert(Ipv4Addr::new(a, b, c, d), prefix)
}

const fn v6(address: u128, prefix: u8) -> Ipv6Net {
    Ipv6Net::new_assert(Ipv6Addr::from_bits(address), prefix)
}

/// Whether anybody on the internet can be meant by this address.
pub fn is_public(address: IpAddr) -> bool {
    match (address, embedded(address)) {
        (_, Some(inner)) => is_public_v4(inner),
        (IpAddr::V4(address), None) => is_public_v4(address),
        (IpAddr::V6(address), None) => {
            GLOBAL_V6.contains(&address) && !NOT_PUBLIC_V6.iter().any(|block| block.contains(&address))
        }
    }
}

fn is_public_v4(address: Ipv4Addr) -> bool {
    !NOT_PUBLIC_V4.iter().any(|block| block.contains(&address))
}

/// The IPv4 address that an IPv6 address stands for.
fn embedded(address: IpAddr) -> Option<Ipv4Addr> {
    let IpAddr::V6(address) = address else { return None };
    let at = EMBEDDING.iter().find(|(block, _)| block.contains(&address))?.1;
    let inner: [u8; 4] = address.octets().get(at..at + 4)?.try_into().ok()?;
    Some(inner.into())
}

/// Blocks of addresses, as the operator names them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Blocks(Vec<IpNet>);

/// What may be reached: every public address, and the blocks that the operator allows though they are private.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Egress {
    allowed: Blocks,
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("'{0}' is no CIDR block such as 10.1.0.0/16 or fd00::/8; several are separated by commas")]
pub struct NotABlock(String);

#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{0} is not a public address, and this server's operator has not allowed it")]
pub struct Forbidden(pub IpAddr);

impl Egress {
    pub fn check(&self, address: IpAddr) -> Result<(), Forbidden> {
        let inner = embedded(address).map_or(address, IpAddr::V4);
        let allowed = self.allowed.contains(address) || self.allowed.contains(inner);
        if allowed || is_public(address) { Ok(()) } else { Err(Forbidden(address)) }
    }
}

impl Blocks {
    pub fn contains(&self, address: IpAddr) -> bool {
        self.0.iter().any(|block| block.contains(&address))
    }
}

impl FromStr for Egress {
    type Err = NotABlock;

    fn from_str(text: &str) -> Result<Self, NotABlock> {
        Ok(Self { allowed: text.parse()? })
    }
}

impl FromStr for Blocks {
    type Err = NotABlock;

    /// Blocks, or single addresses, between commas.
    fn from_str(text: &str) -> Result<Self, NotABlock> {
        let blocks = text.split([',', ' ']).map(str::trim).filter(|block| !block.is_empty());
        let read = |block: &str| {
            let net = block.parse::<IpNet>().or_else(|_| block.parse::<IpAddr>().map(IpNet::from));
            net.map_err(|_| NotABlock(block.chars().take(60).collect()))
        };
        Ok(Self(blocks.map(read).collect::<Result<_, _>>()?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_hosts_of_the_internet_are_public() {
        let public = [
            "1.1.1.1",
            "8.8.8.8",
            "9.255.255.255",
            "11.0.0.0",
            "100.63.255.255",
            "100.128.0.0",
            "126.255.255.255",
            "128.0.0.0",
            "168.63.129.15",
            "168.63.129.17",
            "169.253.255.255",
            "169.255.0.0",
            "172.15.255.255",
            "172.32.0.0",
            "192.0.1.0",
            "192.88.98.255",
            "192.167.255.255",
            "192.169.0.0",
            "198.17.255.255",
            "198.20.0.0",
            "203.0.112.255",
            "203.0.114.0",
            "223.255.255.255",
            "2606:4700::1111",
            "2a00:1450:4001::200e",
            "2001:4860:4860::8888",
            "2400:cb00::1",
            "::ffff:8.8.8.8",
            "64:ff9b::8.8.8.8",
            "2002:808:808::1",
        ];
        let private = [
            "0.0.0.0",
            "0.1.2.3",
            "10.0.0.1",
            "10.255.255.255",
            "100.64.0.0",
            "100.127.255.255",
            "127.0.0.1",
            "127.255.255.255",
            "168.63.129.16",
            "169.254.169.254",
            "172.16.0.0",
            "172.31.255.255",
            "192.0.0.8",
            "192.0.2.1",
            "192.88.99.1",
            "192.168.1.1",
            "198.18.0.1",
            "198.19.255.255",
            "198.51.100.7",
            "203.0.113.9",
            "224.0.0.1",
            "239.255.255.250",
            "240.0.0.1",
            "255.255.255.255",
            "::",
            "::1",
            "::7f00:1",
            "::ffff:127.0.0.1",
            "::ffff:10.0.0.1",
            "::ffff:169.254.169.254",
            "64:ff9b::10.0.0.1",
            "64:ff9b::a9fe:a9fe",
            "64:ff9b:1::1",
            "100::1",
            "2001::1",
            "2001:2::1",
            "2001:20::1",
            "2001:db8::1",
            "2002:7f00:1::1",
            "2002:a00:1::",
            "2002:c0a8:101::1",
            "3fff::1",
            "5f00::1",
            "fc00::1",
            "fd12:3456::1",
            "fe80::1",
            "fec0::1",
            "ff02::1",
            "4000::1",
            "1fff::1",
        ];
        for (addresses, want) in [(&public[..], true), (&private[..], false)] {
            for address in addresses {
                let address = address.parse().unwrap();
                assert_eq!(is_public(address), want, "{address}");
                assert_eq!(Egress::default().check(address).is_ok(), want, "{address}");
            }
        }
    }

    #[test]
    fn an_operator_may_allow_what_is_private_and_nothing_else_comes_with_it() {
        let egress: Egress = "10.1.0.0/16, 127.0.0.1,fd00::/8".parse().unwrap();
        for (address, want) in [
            ("10.1.2.3", true),
            ("::ffff:10.1.2.3", true),
            ("64:ff9b::10.1.2.3", true),
            ("10.2.0.1", false),
            ("127.0.0.1", true),
            ("127.0.0.2", false),
            ("fd00::7", true),
            ("fe80::7", false),
            ("8.8.8.8", true),
        ] {
            assert_eq!(egress.check(address.parse().unwrap()).is_ok(), want, "{address}");
        }
        assert_eq!("".parse(), Ok(Egress::default()));
        for wrong in ["10.1.0.0/33", "intranet", "10.1", "10.0.0.0/8;fd00::/8"] {
            assert!(wrong.parse::<Egress>().is_err(), "{wrong}");
        }
    }
}
