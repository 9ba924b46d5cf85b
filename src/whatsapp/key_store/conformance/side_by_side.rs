//! Our store and the protocol crate's own, side by side: any sequence of calls has the same answers.

use std::sync::Arc;

use proptest::prelude::*;
use whatsapp_rust::bytes::Bytes;
use whatsapp_rust::traits::{
    AppStateSyncKey, Backend, DeviceInfo, DeviceListRecord, DeviceStore, LidPnMappingEntry, MsgSecretEntry,
    PendingInboundKey, PendingInboundRow, TcTokenEntry,
};
use whatsapp_rust::wacore::appstate::hash::HashState;
use whatsapp_rust::wacore::appstate::processor::AppStateMutationMAC;
use whatsapp_rust::wacore::store::{Device, InMemoryBackend};
use whatsapp_rust::wacore::time::now_secs;

use super::ours;

/// A call: which one, two names out of a few, and a byte to make values of.
type Call = (u8, usize, usize, u8);

const NAMES: [&str; 4] =
    ["15550000001@s.whatsapp.net", "15550000001:7@s.whatsapp.net", "100000000000002@lid", "an\0odd id@lid"];
const CALLS: u8 = 44;

fn calls() -> impl Strategy<Value = Vec<Call>> {
    proptest::collection::vec((0..CALLS, 0..NAMES.len(), 0..NAMES.len(), any::<u8>()), 1..60)
}

fn times(byte: u8) -> i64 {
    i64::from(byte % 16)
}

fn sync_key(byte: u8) -> AppStateSyncKey {
    AppStateSyncKey { key_data: vec![byte; 32], fingerprint: vec![byte], timestamp: times(byte) }
}

fn devices(user: &str, byte: u8) -> DeviceListRecord {
    let devices = vec![DeviceInfo::new(0, None), DeviceInfo::new(byte.into(), Some(1))];
    DeviceListRecord { user: user.to_owned(), devices, timestamp: times(byte), phash: None, raw_id: Some(byte.into()) }
}

fn macs(byte: u8) -> Vec<AppStateMutationMAC> {
    let mac = |n: u8| AppStateMutationMAC { index_mac: vec![n % 4; 32], value_mac: vec![byte, n] };
    (byte % 4..byte % 4 + 2).map(mac).collect()
}

fn secret(chat: &str, sender: &str, byte: u8) -> MsgSecretEntry {
    MsgSecretEntry {
        chat: chat.into(),
        sender: sender.into(),
        msg_id: "id".into(),
        secret: [byte; 32],
        expires_at: times(byte),
        message_ts: times(byte >> 4),
    }
}

fn sorted<T: Ord>(mut all: Vec<T>) -> Vec<T> {
    all.sort();
    all
}

/// Makes a call; its answer as text. The number of the call grows, as time does.
#[allow(clippy::too_many_lines, reason = "a table of calls, a line or a few for each")]
async fn call(store: &dyn Backend, number: i64, (which, x, y, byte): Call) -> String {
    let (a, b, value) = (NAMES[x], NAMES[y], vec![byte; usize::from(byte % 5)]);
    let both = |value: &[u8]| -> [(Arc<str>, Bytes); 2] { [(a.into(), value.to_vec().into()), (b.into(), "b".into())] };
    let (id, index) = (u32::from(byte % 8) + 1, [byte % 4; 32]);
    match which {
        0 => format!("{:?}", store.put_identity(a, [byte; 32]).await.is_ok()),
        1 => format!("{:?}", store.put_identities_batch(&[(a.into(), [byte; 32]), (b.into(), [1; 32])]).await.is_ok()),
        2 => format!("{:?}", store.delete_identity(a).await.is_ok()),
        3 => format!("{:?}", store.put_session(a, &value).await.is_ok()),
        4 => format!("{:?}", store.put_sessions_batch(&both(&value)).await.is_ok()),
        5 => format!("{:?}", store.delete_session(a).await.is_ok()),
        6 => format!("{:?}", store.store_prekey(id, &value, byte > 99).await.is_ok()),
        7 => {
            let keys: Vec<_> = (id..id + 3).map(|id| (id, Bytes::from(value.clone()))).collect();
            format!("{:?}", store.store_prekeys_batch(&keys, false).await.is_ok())
        }
        8 => format!("{:?}", store.mark_prekeys_uploaded(&[id, id + 1]).await.is_ok()),
        9 => format!("{:?}", store.remove_prekey(id).await.is_ok()),
        10 => format!("{:?}", store.store_signed_prekey(id, &value).await.is_ok()),
        11 => format!("{:?}", store.remove_signed_prekey(id).await.is_ok()),
        12 => format!("{:?}", store.put_sender_key(a, &value).await.is_ok()),
        13 => format!("{:?}", store.put_sender_keys_batch(&both(&value)).await.is_ok()),
        14 => format!("{:?}", store.delete_sender_key(a).await.is_ok()),
        15 => format!("{:?}", store.set_sync_key(&[byte % 4], sync_key(byte)).await.is_ok()),
        16 => {
            let state = HashState { version: byte.into(), hash: [byte; 128], ..HashState::default() };
            format!("{:?}", store.set_version(a, state).await.is_ok())
        }
        17 => format!("{:?}", store.put_mutation_macs(a, 1, &macs(byte)).await.is_ok()),
        18 => format!("{:?}", store.delete_mutation_macs(a, &[index.to_vec()]).await.is_ok()),
        19 => format!("{:?}", store.clear_mutation_macs(a).await.is_ok()),
        20 => format!("{:?}", store.set_sender_key_status(a, &[(b, byte > 99), ("other", true)]).await.is_ok()),
        21 => format!("{:?}", store.clear_sender_key_devices(a).await.is_ok()),
        22 => format!("{:?}", store.delete_sender_key_device_rows(&[b]).await.is_ok()),
        23 if byte > 200 => format!("{:?}", store.clear_all_sender_key_devices().await.is_ok()),
        24 | 25 => {
            // A LID keeps its number: the stores differ in what a number means whose LID has moved on.
            let mapping = |lid: usize| LidPnMappingEntry {
                lid: format!("lid{lid}"),
                phone_number: format!("phone{}", lid % 2),
                created_at: 1,
                updated_at: number * 2 + i64::from(lid == y),
                learning_source: "usync".to_owned(),
            };
            let put = if which == 24 {
                store.put_lid_mapping(&mapping(x)).await
            } else {
                store.put_lid_mappings(&[mapping(x), mapping(y)]).await
            };
            format!("{:?}", put.is_ok())
        }
        26 => format!("{:?}", store.save_base_key(a, b, &value).await.is_ok()),
        27 => format!("{:?}", store.delete_base_key(a, b).await.is_ok()),
        28 => format!("{:?}", store.update_device_lists(vec![devices(a, byte), devices(b, 3)]).await.is_ok()),
        29 => format!("{:?}", store.update_device_list(devices(a, byte)).await.is_ok()),
        30 => format!("{:?}", store.delete_devices(a).await.is_ok()),
        31 => format!("{:?}", store.put_group_metadata(a, &value).await.is_ok()),
        32 => format!("{:?}", store.delete_group_metadata(a).await.is_ok()),
        33 => {
            let entry = TcTokenEntry { token: value, token_timestamp: times(byte), sender_timestamp: None };
            format!("{:?}", store.put_tc_token(a, &entry).await.is_ok())
        }
        34 => format!("{:?}", store.touch_tc_token_sender_timestamp(a, times(byte)).await.is_ok()),
        35 => format!("{:?}", store.store_received_tc_token(a, &[byte], times(byte)).await.is_ok()),
        36 => format!("{:?}", store.delete_tc_token(a).await.is_ok()),
        37 => format!("{:?}", store.delete_expired_tc_tokens(times(byte), times(byte >> 4)).await.unwrap()),
        38 => format!("{:?}", store.store_sent_message(a, b, &value).await.is_ok()),
        39 => format!("{:?}", store.take_sent_message(a, b).await.unwrap()),
        40 => {
            let rows = [(a, &value[..]), (b, b"b")].map(|(sender, message)| PendingInboundRow {
                chat: a,
                sender,
                id: b,
                message,
            });
            format!("{:?}", store.store_pending_inbound_batch(&rows).await.is_ok())
        }
        41 => {
            let keys = [a, b].map(|sender| PendingInboundKey { chat: a, sender, id: b });
            format!("{:?}", store.delete_pending_inbound_batch(&keys[..usize::from(byte % 3)]).await.is_ok())
        }
        42 => {
            format!("{:?}", store.put_msg_secrets(vec![secret(a, b, byte), secret(b, a, byte ^ 0x55)]).await.unwrap())
        }
        43 => format!("{:?}", store.delete_expired_msg_secrets(times(byte)).await.unwrap()),
        _ => format!("{:?}", store.delete_expired_pending_inbound(now_secs() - 600).await.unwrap()),
    }
}

/// Everything that can be asked about these few names.
async fn all(store: &dyn Backend) -> Vec<String> {
    let mut all = Vec::new();
    for a in NAMES {
        let identity = store.load_identity(a).await.unwrap();
        let session = (store.get_session(a).await.unwrap(), store.has_session(a).await.unwrap());
        let user = a.split(['@', ':']).next().unwrap();
        all.push(format!("{a} {identity:?} {session:?} {}", store.has_signal_state_for_user(user).await.unwrap()));
        let version = store.get_version(a).await.unwrap();
        all.push(format!("{:?} {} {:?}", store.get_sender_key(a).await.unwrap(), version.version, version.hash));
        all.push(format!("{:?}", sorted(store.get_sender_key_devices(a).await.unwrap())));
        let list = store.get_devices(a).await.unwrap();
        let list = list.map(|list| (list.timestamp, list.raw_id, list.devices.len()));
        all.push(format!("{list:?} {:?}", store.get_group_metadata(a).await.unwrap()));
        let token = store.get_tc_token(a).await.unwrap();
        let token = token.map(|token| (token.token, token.token_timestamp, token.sender_timestamp));
        all.push(format!("{token:?}"));
        let index: Vec<[u8; 32]> = (0..5).map(|n| [n; 32]).collect();
        all.push(format!("{:?}", sorted(store.get_mutation_macs(a, &index).await.unwrap().into_iter().collect())));
        for b in NAMES {
            let same = store.has_same_base_key(a, b, &[7, 7]).await.unwrap();
            let secret = store.get_msg_secret_with_ts(a, b, "id").await.unwrap();
            let mut pending = Vec::new();
            for sender in NAMES {
                pending.push(store.get_pending_inbound(a, sender, b).await.unwrap());
            }
            all.push(format!("{same} {secret:?} {pending:?}"));
        }
    }
    for n in 0..4usize {
        let lid = store.get_lid_mapping(&format!("lid{n}")).await.unwrap().map(|found| found.updated_at);
        let phone = store.get_pn_mapping(&format!("phone{n}")).await.unwrap().map(|found| found.lid);
        let key = store.get_sync_key(&[u8::try_from(n).unwrap()]).await.unwrap().map(|key| key.key_data);
        all.push(format!("{lid:?} {phone:?} {key:?}"));
    }
    let lids = store.get_all_lid_mappings().await.unwrap().into_iter().map(|found| found.lid).collect();
    all.push(format!("{:?} {:?}", sorted(lids), sorted(store.get_all_tc_token_jids().await.unwrap())));
    all.push(format!("{:?}", sorted(store.load_prekeys_batch(&(0..16).collect::<Vec<_>>()).await.unwrap())));
    all.push(format!("{:?}", sorted(store.load_all_signed_prekeys().await.unwrap())));
    all.push(format!("{:?}", store.get_max_prekey_id().await.unwrap()));
    all.push(format!("{:?}", store.get_latest_sync_key_id().await.unwrap()));
    let device = store.load().await.unwrap().map(|device| device.push_name);
    all.push(format!("{:?} {device:?}", store.exists().await.unwrap()));
    all
}

proptest! {
    // Each case is a database of its own, and each write a commit.
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    #[test]
    fn any_calls_are_answered_as_the_crates_own_store_answers_them(made in calls(), saved in any::<bool>()) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let folder = tempfile::tempdir().unwrap();
        runtime.block_on(async {
            let (ours, theirs) = (ours(folder.path()).await, InMemoryBackend::new());
            if saved {
                let mut device = Device::new();
                device.push_name = "Shop".to_owned();
                ours.save(&device).await.unwrap();
                theirs.save(&device).await.unwrap();
            }
            for (number, made) in made.into_iter().enumerate() {
                let number = i64::try_from(number).unwrap();
                let answers = (call(&ours, number, made).await, call(&theirs, number, made).await);
                prop_assert_eq!(answers.0, answers.1, "call {}: {:?}", number, made);
            }
            let (here, there) = (all(&ours).await, all(&theirs).await);
            for (here, there) in here.into_iter().zip(there) {
                prop_assert_eq!(here, there);
            }
            Ok(())
        })?;
    }
}
