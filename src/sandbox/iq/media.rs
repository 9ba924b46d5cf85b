//! Where media go up and come down, and what a companion shows there (`wacore/src/iq/mediaconn.rs`).

use whatsapp_rust::wacore::iq::mediaconn::{HostType, MediaConnHostExtended, MediaConnResponseExtended};
use whatsapp_rust::wacore::protocol::ProtocolNode;
use whatsapp_rust::wacore_binary::Node;

use super::Ask;
use crate::sandbox::media::{AUTH, USUAL_HOST};
use crate::sandbox::stanza;

/// For how many seconds a companion goes by this answer; as on the real network.
const TTL: u64 = 300;
const BUCKETS: u64 = 12;

/// The servers stand where the network does: a client that came over TCP is sent back to the very host and port that it named.
pub(super) fn connection(ask: &Ask<'_>) -> Node {
    let hostname = ask.host.unwrap_or(USUAL_HOST).to_owned();
    let host = MediaConnHostExtended {
        upload: true,
        download: true,
        ..MediaConnHostExtended::simple(hostname, HostType::Primary)
    };
    let connection = MediaConnResponseExtended {
        auth: ask.network.media.auth(ask.me),
        ttl: TTL,
        auth_ttl: Some(AUTH.unsigned_abs()),
        max_buckets: Some(BUCKETS),
        ip_token: None,
        set_ip_token: None,
        hosts: vec![host],
    };
    stanza::result(ask.id).children([connection.into_node()]).build()
}
