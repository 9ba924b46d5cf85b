//! Identities, sessions, pre-keys, sender keys.

use std::sync::Arc;

use whatsapp_rust::bytes::Bytes;
use whatsapp_rust::traits::Backend;

const ALICE: &str = "15550000001:3@s.whatsapp.net";
const BOB: &str = "100000000000002@lid";

pub(super) async fn identities_and_sessions_come_back(store: &dyn Backend) {
    assert_eq!(store.load_identity(ALICE).await.unwrap(), None);
    store.put_identity(ALICE, [1; 32]).await.unwrap();
    store.put_identities_batch(&[(ALICE.into(), [2; 32]), (BOB.into(), [3; 32])]).await.unwrap();
    assert_eq!(store.load_identity(ALICE).await.unwrap(), Some([2; 32]));
    store.delete_identity(ALICE).await.unwrap();
    assert_eq!(store.load_identity(ALICE).await.unwrap(), None);
    assert_eq!(store.load_identity(BOB).await.unwrap(), Some([3; 32]));

    store.put_session(ALICE, b"first").await.unwrap();
    let both: [(Arc<str>, Bytes); 2] = [(ALICE.into(), "second".into()), (BOB.into(), Bytes::new())];
    store.put_sessions_batch(&both).await.unwrap();
    assert_eq!(store.get_session(ALICE).await.unwrap().unwrap(), "second");
    assert_eq!(store.get_session(BOB).await.unwrap().unwrap(), "", "an empty session is a session");
    store.delete_session(ALICE).await.unwrap();
    assert!(!store.has_session(ALICE).await.unwrap() && store.has_session(BOB).await.unwrap());
    store.delete_session(ALICE).await.unwrap();
}

pub(super) async fn a_user_with_any_signal_state_is_known(store: &dyn Backend) {
    store.put_session(ALICE, b"x").await.unwrap();
    store.put_identity(BOB, [1; 32]).await.unwrap();
    for (user, known) in [
        ("15550000001", true),
        ("100000000000002", true),
        ("1555000000", false),
        ("155500000011", false),
        ("%", false),
        ("", false),
    ] {
        assert_eq!(store.has_signal_state_for_user(user).await.unwrap(), known, "{user:?}");
    }
    store.delete_session(ALICE).await.unwrap();
    assert!(!store.has_signal_state_for_user("15550000001").await.unwrap());
}

pub(super) async fn pre_keys_are_kept_until_used(store: &dyn Backend) {
    assert_eq!(store.get_max_prekey_id().await.unwrap(), 0);
    let keys: Vec<_> = (1..=812u32).map(|id| (id, Bytes::from(vec![id.to_le_bytes()[0]; 40]))).collect();
    store.store_prekeys_batch(&keys, false).await.unwrap();
    store.store_prekey(0x00ff_fffe, b"last", true).await.unwrap();
    assert_eq!(store.get_max_prekey_id().await.unwrap(), 0x00ff_fffe);
    assert_eq!(store.load_prekey(5).await.unwrap().unwrap(), vec![5; 40]);
    let mut some = store.load_prekeys_batch(&[812, 9000, 1]).await.unwrap();
    some.sort();
    assert_eq!(some.iter().map(|(id, _)| *id).collect::<Vec<_>>(), [1, 812]);
    store.remove_prekey(0x00ff_fffe).await.unwrap();
    assert_eq!(store.get_max_prekey_id().await.unwrap(), 812);
    assert_eq!(store.load_prekey(0x00ff_fffe).await.unwrap(), None);
}

pub(super) async fn a_used_pre_key_is_not_resurrected(store: &dyn Backend) {
    let keys: Vec<_> = (1..=3).map(|id| (id, Bytes::from_static(b"key"))).collect();
    store.store_prekeys_batch(&keys, false).await.unwrap();
    store.remove_prekey(3).await.unwrap();
    for _ in 0..2 {
        store.mark_prekeys_uploaded(&[1, 2, 3]).await.unwrap();
        assert_eq!(store.load_prekey(3).await.unwrap(), None);
        assert_eq!(store.get_max_prekey_id().await.unwrap(), 2, "marking twice changes no id");
        assert_eq!(store.load_prekey(1).await.unwrap().unwrap(), "key");
    }
    store.mark_prekeys_uploaded(&[]).await.unwrap();
}

pub(super) async fn signed_pre_keys_and_sender_keys_come_back(store: &dyn Backend) {
    store.store_signed_prekey(1, b"one").await.unwrap();
    store.store_signed_prekey(2, b"two").await.unwrap();
    store.store_signed_prekey(2, b"zwei").await.unwrap();
    let mut all = store.load_all_signed_prekeys().await.unwrap();
    all.sort();
    assert_eq!(all, [(1, b"one".to_vec()), (2, b"zwei".to_vec())]);
    store.remove_signed_prekey(1).await.unwrap();
    assert_eq!(store.load_signed_prekey(1).await.unwrap(), None);
    assert_eq!(store.load_signed_prekey(2).await.unwrap().unwrap(), b"zwei");

    let address = "120363000000000001@g.us:15550000001:3@s.whatsapp.net";
    store.put_sender_key(address, b"first").await.unwrap();
    store.put_sender_keys_batch(&[(address.into(), "second".into())]).await.unwrap();
    assert_eq!(store.get_sender_key(address).await.unwrap().unwrap(), b"second");
    store.delete_sender_key(address).await.unwrap();
    assert_eq!(store.get_sender_key(address).await.unwrap(), None);
}
