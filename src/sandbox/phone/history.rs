//! What a phone tells a companion of the past: its chats as they are when the companion is linked.
//!
//! Companions that say they take the first part inside the message (`historySyncConfig` of their device props) get it
//! there; the parts that real phones upload as files have no place here before there are files.

use std::collections::BTreeMap;
use std::io::Write as _;

use flate2::Compression;
use flate2::write::ZlibEncoder;
use whatsapp_rust::buffa::{Message as _, MessageField};
use whatsapp_rust::waproto::codec::history_sync_to_vec;
use whatsapp_rust::waproto::whatsapp::history_sync::HistorySyncType;
use whatsapp_rust::waproto::whatsapp::message::protocol_message::Type;
use whatsapp_rust::waproto::whatsapp::message::{self, HistorySyncNotification, ProtocolMessage};
use whatsapp_rust::waproto::whatsapp::{
    Conversation, DeviceProps, HistorySync, HistorySyncMsg, Message, MessageKey, PhoneNumberToLIDMapping, Pushname,
    WebMessageInfo, web_message_info,
};

use super::draft::Draft;
use super::peer;
use crate::domain::phone::Phone;
use crate::sandbox::SandboxError;
use crate::sandbox::account::{Account, State};
use crate::sandbox::ledger::{Change, ScreenRow};
use crate::sandbox::media::Media;
use crate::sandbox::network::Network;
use crate::sandbox::screen::Status;

/// Messages that go along, the latest; a person scrolls for the rest.
const MESSAGES: i64 = 200;
/// Bytes of texts and thumbnails that go along; all of the past is one stanza.
const BYTES: usize = 512 * 1024;

/// Whether a companion takes the first part of the history inside a message.
pub(crate) fn taken(props: Option<&[u8]>) -> bool {
    let props = props.and_then(|props| DeviceProps::decode_from_slice(props).ok()).unwrap_or_default();
    props.history_sync_config.as_option().and_then(|config| config.inline_initial_payload_in_e2_ee_msg) == Some(true)
}

/// The past as a [`HistorySync`], compressed. Called without the account's lock: it looks at the chats' other ends.
pub(crate) async fn gather(network: &Network, account: &Account) -> Result<Vec<u8>, SandboxError> {
    let mut chats: BTreeMap<String, Vec<ScreenRow>> = BTreeMap::new();
    for row in fitting(network.ledger.latest(account.id, MESSAGES).await?) {
        chats.entry(row.chat.clone()).or_default().push(row);
    }
    let mut history = HistorySync {
        sync_type: HistorySyncType::INITIAL_BOOTSTRAP,
        chunk_order: Some(1),
        progress: Some(100),
        ..Default::default()
    };
    for (number, rows) in chats {
        let Ok(number) = Phone::from_digits(&number) else { continue };
        let Some(partner) = network.find(&number).await? else { continue };
        let name = partner.lock().await.name.clone();
        let (pn, lid) = (partner.pn(0).to_string(), partner.lid(0).to_string());
        history
            .phone_number_to_lid_mappings
            .push(PhoneNumberToLIDMapping { pn_jid: Some(pn.clone()), lid_jid: Some(lid.clone()) });
        history.pushnames.extend(name.map(|name| Pushname { id: Some(pn.clone()), pushname: Some(name) }));
        history.conversations.push(conversation(&network.media, &pn, &lid, &rows));
    }
    let mut packed = ZlibEncoder::new(Vec::new(), Compression::default());
    packed.write_all(&history_sync_to_vec(&history)).map_err(SandboxError::wire)?;
    packed.finish().map_err(SandboxError::wire)
}

/// As many of the latest as there is room for.
fn fitting(latest: Vec<ScreenRow>) -> impl Iterator<Item = ScreenRow> {
    latest.into_iter().scan(0, |bytes, row| {
        let thumbnail = row.medium.as_ref().and_then(|medium| medium.facts.thumbnail.as_ref());
        *bytes += row.text.len() + thumbnail.map_or(0, String::len);
        (*bytes <= BYTES).then_some(row)
    })
}

/// A chat, its latest message first.
fn conversation(servers: &Media, pn: &str, lid: &str, rows: &[ScreenRow]) -> Conversation {
    let unread = rows.iter().filter(|row| !row.from_me && row.status < Status::Read).count();
    let last = rows.first().map(|row| row.timestamp.unsigned_abs() / 1_000_000);
    Conversation {
        id: lid.to_owned(),
        lid_jid: Some(lid.to_owned()),
        pn_jid: Some(pn.to_owned()),
        messages: rows.iter().map(|row| past(servers, lid, row)).collect(),
        unread_count: u32::try_from(unread).ok(),
        last_msg_timestamp: last,
        conversation_timestamp: last,
        ..Default::default()
    }
}

fn past(servers: &Media, chat: &str, row: &ScreenRow) -> HistorySyncMsg {
    let status = match row.status {
        Status::Pending => web_message_info::Status::PENDING,
        Status::Sent => web_message_info::Status::SERVER_ACK,
        Status::Delivered => web_message_info::Status::DELIVERY_ACK,
        Status::Read => web_message_info::Status::READ,
    };
    let key = MessageKey {
        remote_jid: Some(chat.to_owned()),
        from_me: Some(row.from_me),
        id: Some(row.message_id.clone()),
        ..Default::default()
    };
    let draft = Draft { kind: row.kind, text: row.text.clone(), medium: row.medium.clone() };
    let message = WebMessageInfo {
        key: MessageField::some(key),
        message: MessageField::some(draft.message(servers)),
        message_timestamp: Some(row.timestamp.unsigned_abs() / 1_000_000),
        status: Some(status),
        ..Default::default()
    };
    HistorySyncMsg { message: MessageField::some(message), ..Default::default() }
}

/// Tells a companion of the past.
pub(crate) async fn share(
    network: &Network,
    account: &Account,
    state: &mut State,
    device: u16,
    history: Vec<u8>,
) -> Result<Vec<Change>, SandboxError> {
    let notification = HistorySyncNotification {
        file_length: Some(history.len() as u64),
        sync_type: Some(message::HistorySyncType::INITIAL_BOOTSTRAP),
        chunk_order: Some(1),
        progress: Some(100),
        initial_hist_bootstrap_inline_payload: Some(history),
        ..Default::default()
    };
    let message = Message {
        protocol_message: MessageField::some(ProtocolMessage {
            r#type: Some(Type::HISTORY_SYNC_NOTIFICATION),
            history_sync_notification: MessageField::some(notification),
            ..Default::default()
        }),
        ..Default::default()
    };
    peer::tell(network, account, state, device, &message).await
}
