//! Sync keys, versions and mutation MACs.

use whatsapp_rust::traits::{AppStateSyncKey, Backend};
use whatsapp_rust::wacore::appstate::hash::HashState;
use whatsapp_rust::wacore::appstate::processor::AppStateMutationMAC;

fn key(byte: u8) -> AppStateSyncKey {
    AppStateSyncKey { key_data: vec![byte; 32], fingerprint: vec![byte], timestamp: i64::from(byte) }
}

pub(super) async fn the_latest_sync_key_is_the_one_set_last(store: &dyn Backend) {
    assert_eq!(store.get_latest_sync_key_id().await.unwrap(), None);
    for (id, byte) in [(&b"\xff\xff"[..], 9), (b"\x00\x01", 1), (b"\x00\x00", 5)] {
        store.set_sync_key(id, key(byte)).await.unwrap();
        assert_eq!(store.get_latest_sync_key_id().await.unwrap().unwrap(), id);
    }
    store.set_sync_key(b"\xff\xff", key(2)).await.unwrap();
    assert_eq!(store.get_latest_sync_key_id().await.unwrap().unwrap(), b"\xff\xff", "setting again counts");
    let found = store.get_sync_key(b"\xff\xff").await.unwrap().unwrap();
    assert_eq!((found.key_data, found.fingerprint, found.timestamp), (vec![2; 32], vec![2], 2));
    assert!(store.get_sync_key(b"\xff").await.unwrap().is_none());
}

pub(super) async fn versions_come_back_whole(store: &dyn Backend) {
    assert_eq!(store.get_version("regular").await.unwrap().version, 0, "an unknown collection is at its beginning");
    let mut state = HashState { version: u64::MAX, hash: [7; 128], mac_mismatch_fatal: true, ..HashState::default() };
    state.index_value_map.insert("index".to_owned(), vec![1, 2, 3]);
    store.set_version("regular", state).await.unwrap();
    let found = store.get_version("regular").await.unwrap();
    assert_eq!((found.version, found.hash, found.mac_mismatch_fatal), (u64::MAX, [7; 128], true));
    assert_eq!(found.index_value_map["index"], [1, 2, 3]);
    assert_eq!(store.get_version("regular_low").await.unwrap().version, 0);
}

pub(super) async fn mutation_macs_belong_to_their_collection(store: &dyn Backend) {
    let mac = |byte: u8| AppStateMutationMAC { index_mac: vec![byte; 32], value_mac: vec![byte, 1] };
    store.put_mutation_macs("a", 1, &[mac(1), mac(2), mac(3)]).await.unwrap();
    store.put_mutation_macs("b", 1, &[mac(1)]).await.unwrap();
    let other = AppStateMutationMAC { value_mac: vec![9], ..mac(2) };
    store.put_mutation_macs("a", 2, &[other]).await.unwrap();
    assert_eq!(store.get_mutation_mac("a", &[2; 32]).await.unwrap().unwrap(), [9]);
    let many = store.get_mutation_macs("a", &[[1; 32], [2; 32], [8; 32]]).await.unwrap();
    assert_eq!((many.len(), &many[&[1; 32]], &many[&[2; 32]]), (2, &vec![1, 1], &vec![9]));
    store.delete_mutation_macs("a", &[vec![1; 32], vec![8; 32]]).await.unwrap();
    assert_eq!(store.get_mutation_mac("a", &[1; 32]).await.unwrap(), None);
    store.clear_mutation_macs("a").await.unwrap();
    assert_eq!(store.get_mutation_mac("a", &[3; 32]).await.unwrap(), None);
    assert_eq!(store.get_mutation_mac("b", &[1; 32]).await.unwrap().unwrap(), [1, 1]);
}
