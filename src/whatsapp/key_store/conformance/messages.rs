//! Sent and pending messages, their secrets, base keys, and the device.

use whatsapp_rust::traits::{Backend, MsgSecretEntry, PendingInboundKey, PendingInboundRow};
use whatsapp_rust::wacore::time::now_secs;

const CHAT: &str = "15550000001@s.whatsapp.net";

pub(super) async fn a_sent_message_is_taken_once(store: &dyn Backend) {
    store.store_sent_message(CHAT, "3EB01", b"first").await.unwrap();
    store.store_sent_message(CHAT, "3EB01", b"again").await.unwrap();
    store.store_sent_message(CHAT, "3EB02", b"other").await.unwrap();
    assert_eq!(store.take_sent_message(CHAT, "3EB01").await.unwrap().unwrap(), b"again");
    assert_eq!(store.take_sent_message(CHAT, "3EB01").await.unwrap(), None);
    assert_eq!(store.delete_expired_sent_messages(now_secs() - 60).await.unwrap(), 0);
    assert_eq!(store.delete_expired_sent_messages(now_secs() + 60).await.unwrap(), 1);
    assert_eq!(store.take_sent_message(CHAT, "3EB02").await.unwrap(), None);
}

pub(super) async fn base_keys_are_compared_and_forgotten(store: &dyn Backend) {
    assert!(!store.has_same_base_key(CHAT, "id", b"key").await.unwrap());
    store.save_base_key(CHAT, "id", b"key").await.unwrap();
    assert!(store.has_same_base_key(CHAT, "id", b"key").await.unwrap());
    assert!(!store.has_same_base_key(CHAT, "id", b"yek").await.unwrap());
    assert!(!store.has_same_base_key(CHAT, "di", b"key").await.unwrap());
    store.delete_base_key(CHAT, "id").await.unwrap();
    assert!(!store.has_same_base_key(CHAT, "id", b"key").await.unwrap());
}

pub(super) async fn pending_messages_are_told_apart_by_chat_and_sender(store: &dyn Backend) {
    let odd = "an id\nof \0 any kind, chosen by a stranger".repeat(40);
    let rows: Vec<_> = [("a", "b", "1"), ("a b", "", "1"), ("a", "b 1", ""), ("g", "b", odd.as_str())]
        .into_iter()
        .zip([&b"w"[..], b"x", b"y", b"z"])
        .map(|((chat, sender, id), message)| PendingInboundRow { chat, sender, id, message })
        .collect();
    store.store_pending_inbound_batch(&rows).await.unwrap();
    for row in &rows {
        let found = store.get_pending_inbound(row.chat, row.sender, row.id).await.unwrap().unwrap();
        assert_eq!(found, row.message, "{row:?}");
    }
    store.store_pending_inbound("a", "b", "1", b"again").await.unwrap();
    assert_eq!(store.get_pending_inbound("a", "b", "1").await.unwrap().unwrap(), b"again");
    let keys: Vec<_> =
        rows.iter().map(|row| PendingInboundKey { chat: row.chat, sender: row.sender, id: row.id }).collect();
    store.delete_pending_inbound_batch(&keys[2..]).await.unwrap();
    store.delete_pending_inbound("a", "b", "1").await.unwrap();
    assert_eq!(store.get_pending_inbound("a", "b", "1").await.unwrap(), None);
    assert_eq!(store.get_pending_inbound("g", "b", &odd).await.unwrap(), None);
    assert_eq!(store.delete_expired_pending_inbound(now_secs() - 60).await.unwrap(), 0);
    assert_eq!(store.delete_expired_pending_inbound(now_secs() + 60).await.unwrap(), 1);
}

fn secret(id: &str, byte: u8, expires_at: i64, message_ts: i64) -> MsgSecretEntry {
    MsgSecretEntry {
        chat: CHAT.into(),
        sender: CHAT.into(),
        msg_id: id.into(),
        secret: [byte; 32],
        expires_at,
        message_ts,
    }
}

pub(super) async fn secrets_merge_and_expire(store: &dyn Backend) {
    let first = vec![secret("a", 1, 100, 50), secret("b", 2, 0, 0), secret("c", 3, 100, 10), secret("c", 4, 90, 0)];
    assert_eq!(store.put_msg_secrets(first).await.unwrap(), 4);
    assert_eq!(store.put_msg_secrets(vec![]).await.unwrap(), 0);
    let found = async |id| store.get_msg_secret_with_ts(CHAT, CHAT, id).await.unwrap();
    assert_eq!(found("c").await, Some((vec![4; 32], 10)), "the last secret, the latest time");
    store.put_msg_secrets(vec![secret("a", 5, 60, 0), secret("b", 6, 10, 7)]).await.unwrap();
    assert_eq!(found("a").await, Some((vec![5; 32], 50)));
    assert_eq!(store.delete_expired_msg_secrets(99).await.unwrap(), 0, "no window shrinks");
    assert_eq!(store.delete_expired_msg_secrets(100).await.unwrap(), 2, "at the deadline it is over");
    assert_eq!(found("a").await, None);
    assert_eq!(store.delete_expired_msg_secrets(i64::MAX).await.unwrap(), 0);
    assert_eq!(found("b").await, Some((vec![6; 32], 7)), "never means never");
    store.put_msg_secret(CHAT, "someone", "d", &[9; 32]).await.unwrap();
    assert_eq!(store.get_msg_secret(CHAT, "someone", "d").await.unwrap().unwrap(), [9; 32]);
    assert_eq!(store.get_msg_secret(CHAT, CHAT, "d").await.unwrap(), None);
}

pub(super) async fn the_device_is_made_once_and_comes_back(store: &dyn Backend) {
    assert!(!store.exists().await.unwrap() && store.load().await.unwrap().is_none());
    assert_eq!(store.create().await.unwrap(), 1);
    let made = store.load().await.unwrap().unwrap();
    store.create().await.unwrap();
    let mut device = store.load().await.unwrap().unwrap();
    assert_eq!(device.registration_id, made.registration_id, "making it again changes nothing");
    device.push_name = "Shop".to_owned();
    device.pn = Some("15550000001:4@s.whatsapp.net".parse().unwrap());
    device.next_pre_key_id = 813;
    store.save(&device).await.unwrap();
    let found = store.load().await.unwrap().unwrap();
    assert_eq!((found.push_name.as_str(), &found.pn, found.next_pre_key_id), ("Shop", &device.pn, 813));
    assert_eq!(found.noise_key.public_key, made.noise_key.public_key);
    assert_eq!(found.identity_key.private_key.serialize(), made.identity_key.private_key.serialize());
    assert_eq!(found.signed_pre_key_signature, made.signed_pre_key_signature);
}
