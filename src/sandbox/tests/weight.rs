//! What a companion and a phone weigh, and how fast messages go through. Run by hand:
//! `cargo test --release --lib sandbox::tests::weight -- --ignored --nocapture`.

use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::AtomicU32;

use whatsapp_rust::handshake::do_handshake;
use whatsapp_rust::socket::NoiseSocket;
use whatsapp_rust::store::persistence_manager::PersistenceManager;
use whatsapp_rust::transport::{TransportEvent, TransportFactory as _};
use whatsapp_rust::wacore::libsignal::protocol::KeyPair;
use whatsapp_rust::wacore::store::{DeviceCommand, InMemoryBackend};
use whatsapp_rust::wacore_binary::marshal::marshal;
use whatsapp_rust::{NodeBuilder, TokioRuntime, async_channel};

use super::harness::{Dial, Net, phone};
use crate::clock;
use crate::sandbox::connection;
use crate::sandbox::ledger::{CompanionRow, SignedPreKey};

/// Resident memory of this process, in kB.
fn resident() -> usize {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).unwrap_or_default();
    line.split_whitespace().nth(1).and_then(|kb| kb.parse().ok()).unwrap_or(0)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "a measurement, not a judgement"]
async fn companions_and_phones_by_weight() {
    let net = Net::new().await;
    let before = resident();
    for n in 0..5000 {
        net.sandbox.create_phone(&phone(&format!("+237700{n:06}")), None).await.unwrap();
    }
    println!("a phone: {} bytes", (resident() - before) * 1024 / 5000);
    let mut sockets = Vec::new();
    let mut before = 0;
    for n in 0..550 {
        sockets.push(bare(&net, &format!("+237600{n:06}")).await);
        if n == 49 {
            before = resident();
        }
    }
    println!("a connected companion, with a bare socket for a client: {} kB", (resident() - before) / 500);
    println!("of it, the task: {} bytes", size(&net));
}

/// Bytes of the future that serves a connection, without what it boxes.
fn size(net: &Net) -> usize {
    let (_, far) = tokio::io::duplex(1);
    std::mem::size_of_val(&connection::serve(Arc::clone(&net.sandbox.network), Box::new(far)))
}

type Bare = (Arc<NoiseSocket>, async_channel::Receiver<TransportEvent>);

/// A companion that is linked without a code and logs in without a client around it.
async fn bare(net: &Net, number: &str) -> Bare {
    let manager = PersistenceManager::new(Arc::new(InMemoryBackend::new())).await.unwrap();
    let device = manager.get_device_snapshot();
    let network = &net.sandbox.network;
    let account = network.reach(&phone(number)).await.unwrap().unwrap();
    let key = |pair: &KeyPair| crate::sandbox::root::public(pair).unwrap();
    let row = CompanionRow {
        device: 1,
        noise: key(&device.noise_key),
        identity: key(&device.identity_key),
        device_identity: vec![0; 180],
        signed: true,
        registration: device.registration_id,
        signed_prekey: SignedPreKey { id: 1, key: key(&device.signed_pre_key), signature: vec![0; 64] },
        linked: 0,
    };
    account.lock().await.companions.insert(1, row);
    manager.process_command(DeviceCommand::SetId(Some(account.pn(1)))).await;
    let (transport, mut events) = Dial(net.sandbox.clone()).create_transport().await.unwrap();
    let failures = AtomicU32::new(0);
    let shake = do_handshake(Arc::new(TokioRuntime), &manager, &failures, transport, &mut events, None);
    let socket = shake.await.unwrap();
    let active = NodeBuilder::new("active").build();
    let iq = NodeBuilder::new("iq").attr("type", "set").attr("xmlns", "passive").attr("id", "1").children([active]);
    socket.encrypt_and_send(marshal(&iq.build()).unwrap().into()).await.unwrap();
    // Success, the answer, and the end of what waited.
    for _ in 0..3 {
        events.recv().await.unwrap();
    }
    (socket, events)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "a measurement, not a judgement"]
async fn messages_a_second() {
    let net = Net::new().await;
    let companion = net.linked("+237611111111").await;
    companion.send("+237622222222", "warm").await;
    companion.receipt().await;
    let began = clock::instant();
    let mut due = HashSet::new();
    for n in 0..2000 {
        due.insert(companion.send("+237622222222", &format!("text {n}")).await);
    }
    while !due.is_empty() {
        for id in companion.receipt().await.message_ids {
            due.remove(&id);
        }
    }
    println!("2000 texts, one sender, one phone: {:?}", began.elapsed());
}
