//! Mappings, device lists, groups and tokens.

use whatsapp_rust::traits::{Backend, DeviceInfo, DeviceListRecord, LidPnMappingEntry, TcTokenEntry};

fn mapping(lid: &str, phone: &str, updated_at: i64) -> LidPnMappingEntry {
    LidPnMappingEntry {
        lid: lid.to_owned(),
        phone_number: phone.to_owned(),
        created_at: 1,
        updated_at,
        learning_source: "usync".to_owned(),
    }
}

pub(super) async fn a_number_maps_to_its_newest_lid(store: &dyn Backend) {
    let lid_of = async |phone| store.get_pn_mapping(phone).await.unwrap().map(|found| found.lid);
    assert_eq!(lid_of("15550000001").await, None);
    store.put_lid_mapping(&mapping("100", "15550000001", 10)).await.unwrap();
    store.put_lid_mappings(&[mapping("200", "15550000001", 20), mapping("300", "15550000003", 30)]).await.unwrap();
    assert_eq!(lid_of("15550000001").await.as_deref(), Some("200"));
    assert_eq!(store.get_lid_mapping("100").await.unwrap().unwrap().phone_number, "15550000001");
    store.put_lid_mapping(&mapping("300", "15550000004", 40)).await.unwrap();
    assert_eq!(lid_of("15550000003").await, None, "a LID that moved leaves its old number");
    assert_eq!(lid_of("15550000004").await.as_deref(), Some("300"));
    assert_eq!(store.get_all_lid_mappings().await.unwrap().len(), 3);
}

pub(super) async fn device_lists_and_group_metadata_come_back(store: &dyn Backend) {
    let record = |user: &str, timestamp| DeviceListRecord {
        user: user.to_owned(),
        devices: vec![DeviceInfo::new(0, None), DeviceInfo::new(7, Some(2)).with_hosting(true)],
        timestamp,
        phash: Some("2:abc".to_owned()),
        raw_id: Some(77),
    };
    store.update_device_list(record("1555", 1)).await.unwrap();
    store.update_device_lists(vec![record("1555", 2), record("1666", 3)]).await.unwrap();
    let found = store.get_devices("1555").await.unwrap().unwrap();
    assert_eq!((found.timestamp, found.raw_id, found.phash.as_deref()), (2, Some(77), Some("2:abc")));
    assert!(found.devices[1].is_hosted && found.devices[1].key_index == Some(2));
    store.delete_devices("1555").await.unwrap();
    assert!(store.get_devices("1555").await.unwrap().is_none() && store.get_devices("1666").await.unwrap().is_some());

    store.put_group_metadata("120363@g.us", b"first").await.unwrap();
    store.put_group_metadata("120363@g.us", b"second").await.unwrap();
    assert_eq!(store.get_group_metadata("120363@g.us").await.unwrap().unwrap(), b"second");
    store.delete_group_metadata("120363@g.us").await.unwrap();
    assert_eq!(store.get_group_metadata("120363@g.us").await.unwrap(), None);
}

pub(super) async fn group_key_holders_are_kept_per_group(store: &dyn Backend) {
    let holders = async |group| {
        let mut holders = store.get_sender_key_devices(group).await.unwrap();
        holders.sort();
        holders
    };
    let owned = |list: &[(&str, bool)]| list.iter().map(|(name, has)| ((*name).to_owned(), *has)).collect::<Vec<_>>();
    assert!(holders("g1").await.is_empty());
    store.set_sender_key_status("g1", &[("a", true), ("b", true)]).await.unwrap();
    store.set_sender_key_status("g2", &[("a", true), ("c", false)]).await.unwrap();
    store.set_sender_key_status("g1", &[("b", false), ("d", true)]).await.unwrap();
    assert_eq!(holders("g1").await, owned(&[("a", true), ("b", false), ("d", true)]));
    store.delete_sender_key_device_rows(&["a", "d", "nobody"]).await.unwrap();
    store.delete_sender_key_device_rows(&[]).await.unwrap();
    assert_eq!(holders("g1").await, owned(&[("b", false)]));
    assert_eq!(holders("g2").await, owned(&[("c", false)]));
    store.clear_sender_key_devices("g1").await.unwrap();
    assert!(holders("g1").await.is_empty() && !holders("g2").await.is_empty());
    store.clear_all_sender_key_devices().await.unwrap();
    assert!(holders("g2").await.is_empty());
}

type Token = (Vec<u8>, i64, Option<i64>);

async fn token(store: &dyn Backend, jid: &str) -> Option<Token> {
    let found = store.get_tc_token(jid).await.unwrap()?;
    Some((found.token, found.token_timestamp, found.sender_timestamp))
}

pub(super) async fn a_newer_token_wins_and_sender_times_only_move_forward(store: &dyn Backend) {
    store.touch_tc_token_sender_timestamp("a", 50).await.unwrap();
    assert_eq!(token(store, "a").await, Some((vec![], 50, Some(50))), "a place is kept for the token");
    store.touch_tc_token_sender_timestamp("a", 40).await.unwrap();
    store.store_received_tc_token("a", b"old", 10).await.unwrap();
    assert_eq!(token(store, "a").await, Some((b"old".to_vec(), 10, Some(50))), "an empty place never blocks a token");
    store.store_received_tc_token("a", b"new", 20).await.unwrap();
    store.store_received_tc_token("a", b"stale", 19).await.unwrap();
    store.store_received_tc_token("a", b"same", 20).await.unwrap();
    store.touch_tc_token_sender_timestamp("a", 60).await.unwrap();
    assert_eq!(token(store, "a").await, Some((b"same".to_vec(), 20, Some(60))));
    store.store_received_tc_token("b", b"first", 5).await.unwrap();
    assert_eq!(token(store, "b").await, Some((b"first".to_vec(), 5, None)));
    let mut jids = store.get_all_tc_token_jids().await.unwrap();
    jids.sort();
    assert_eq!(jids, ["a", "b"]);
    store.delete_tc_token("a").await.unwrap();
    assert_eq!(token(store, "a").await, None);
}

pub(super) async fn tokens_expire_when_both_their_times_have(store: &dyn Backend) {
    let entry =
        |token: &[u8], at, sent| TcTokenEntry { token: token.to_vec(), token_timestamp: at, sender_timestamp: sent };
    for (jid, token) in [
        ("fresh token", entry(b"t", 100, None)),
        ("fresh sender", entry(b"t", 1, Some(200))),
        ("both stale", entry(b"t", 99, Some(199))),
        ("stale token alone", entry(b"t", 99, None)),
        ("empty with a new time", entry(b"", 500, None)),
        ("empty, sender stale", entry(b"", 500, Some(199))),
    ] {
        store.put_tc_token(jid, &token).await.unwrap();
    }
    assert_eq!(store.delete_expired_tc_tokens(100, 200).await.unwrap(), 4);
    let mut left = store.get_all_tc_token_jids().await.unwrap();
    left.sort();
    assert_eq!(left, ["fresh sender", "fresh token"]);
    assert_eq!(store.delete_expired_tc_tokens(100, 200).await.unwrap(), 0);
}
