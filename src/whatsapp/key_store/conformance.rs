//! What every backend of the protocol crate must do, asked of the crate's own and of ours, on SQLite and on PostgreSQL: one body
//! for all.

mod app_sync;
mod contacts;
mod messages;
#[path = "../../../tests/ground/postgres.rs"]
#[allow(unreachable_pub, clippy::ref_option, reason = "the integration tests own this file")]
mod postgres;
mod side_by_side;
mod signal;

use std::sync::Arc;

use whatsapp_rust::traits::Backend;
use whatsapp_rust::wacore::store::InMemoryBackend;

use super::KeyStore;
use crate::store::device_keys::{DeviceKeys, new_lease, store_at, store_with_session};
use postgres::Postgres;

/// Makes a test of each suite, and one that runs them all on one PostgreSQL. The folder outlives our store.
macro_rules! on_all {
    ($($suite:path => $name:ident),* $(,)?) => {
        $(
            #[tokio::test]
            async fn $name() {
                $suite(&InMemoryBackend::new()).await;
                let folder = tempfile::tempdir().unwrap();
                $suite(&ours(folder.path()).await).await;
            }
        )*

        #[tokio::test]
        async fn all_of_it_holds_on_postgresql() {
            let postgres = Postgres::start();
            let store = store_at(&postgres.url().parse().unwrap()).await;
            $(
                let lease = new_lease(&store, stringify!($name)).await;
                $suite(&KeyStore::new(DeviceKeys::new(store.clone(), lease))).await;
            )*
            store.close().await;
        }
    };
}

async fn ours(folder: &std::path::Path) -> KeyStore {
    let (store, lease) = store_with_session(folder).await;
    KeyStore::new(DeviceKeys::new(store, lease))
}

on_all! {
    signal::identities_and_sessions_come_back => identities_and_sessions_come_back,
    signal::a_user_with_any_signal_state_is_known => a_user_with_any_signal_state_is_known,
    signal::pre_keys_are_kept_until_used => pre_keys_are_kept_until_used,
    signal::a_used_pre_key_is_not_resurrected => a_used_pre_key_is_not_resurrected,
    signal::signed_pre_keys_and_sender_keys_come_back => signed_pre_keys_and_sender_keys_come_back,
    app_sync::the_latest_sync_key_is_the_one_set_last => the_latest_sync_key_is_the_one_set_last,
    app_sync::versions_come_back_whole => versions_come_back_whole,
    app_sync::mutation_macs_belong_to_their_collection => mutation_macs_belong_to_their_collection,
    contacts::a_number_maps_to_its_newest_lid => a_number_maps_to_its_newest_lid,
    contacts::device_lists_and_group_metadata_come_back => device_lists_and_group_metadata_come_back,
    contacts::group_key_holders_are_kept_per_group => group_key_holders_are_kept_per_group,
    contacts::a_newer_token_wins_and_sender_times_only_move_forward => a_newer_token_wins_and_sender_times_only_move_forward,
    contacts::tokens_expire_when_both_their_times_have => tokens_expire_when_both_their_times_have,
    messages::a_sent_message_is_taken_once => a_sent_message_is_taken_once,
    messages::base_keys_are_compared_and_forgotten => base_keys_are_compared_and_forgotten,
    messages::pending_messages_are_told_apart_by_chat_and_sender => pending_messages_are_told_apart_by_chat_and_sender,
    messages::secrets_merge_and_expire => secrets_merge_and_expire,
    messages::the_device_is_made_once_and_comes_back => the_device_is_made_once_and_comes_back,
}

#[tokio::test]
async fn ours_is_a_backend_for_a_client() {
    let folder = tempfile::tempdir().unwrap();
    let store: Arc<dyn Backend> = Arc::new(ours(folder.path()).await);
    assert!(!store.exists().await.unwrap());
}
