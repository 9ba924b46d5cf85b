//! Whom an account has blocked (`wacore/src/iq/blocklist.rs`): what they send is acknowledged and reaches none of its devices.
//! Its other companions hear of a change (whatsmeow, `handleBlocklist`).

use whatsapp_rust::NodeBuilder;
use whatsapp_rust::wacore::messages::MessageUtils;
use whatsapp_rust::wacore_binary::Node;

use super::Ask;
use crate::domain::phone::Phone;
use crate::sandbox::account::{self, Account, State};
use crate::sandbox::ledger::{BLOCKED as FAMILY, Change, Setting};
use crate::sandbox::network::Network;
use crate::sandbox::stanza::{self, address, child, text};
use crate::sandbox::{SandboxError, device_list};

/// People on one list.
const MOST: usize = 1000;

pub(super) async fn answer(ask: &Ask<'_>, kind: &str) -> Result<Node, SandboxError> {
    if kind == "set" {
        let Some(item) = child(ask.iq, "item") else { return Ok(stanza::error(ask.id, 400, "bad-request")) };
        if let Some(refused) = change(ask, item).await? {
            return Ok(refused);
        }
    }
    let mut items = Vec::new();
    for (id, since) in ask.network.ledger.settings(ask.account.id, FAMILY).await? {
        let Ok(id) = id.parse() else { continue };
        let Some(blocked) = ask.network.by_id(id).await? else { continue };
        let item = NodeBuilder::new("item").attr("jid", blocked.lid(0)).attr("pn_jid", blocked.pn(0)).attr("t", since);
        items.push(item.build());
    }
    let list = NodeBuilder::new("list").attr("dhash", hash(&*ask.account.lock().await)?).children(items);
    Ok(stanza::result(ask.id).children([list.build()]).build())
}

/// What a list comes to, for companions to see whether theirs is the same.
fn hash(state: &State) -> Result<String, SandboxError> {
    let people: Vec<_> = state.blocked.iter().map(|id| account::lid_of(*id)).collect();
    MessageUtils::participant_list_hash(&people).map_err(SandboxError::wire)
}

/// Blocks, or lets in again; a refusal, if that cannot be.
async fn change(ask: &Ask<'_>, item: &Node) -> Result<Option<Node>, SandboxError> {
    let person = match address(item, "jid") {
        Some(jid) => {
            // Who was never heard of can be blocked, and is not on the list.
            let block = text(item, "action") == "block";
            let person = if block { ask.network.resolve(&jid).await? } else { ask.network.look_up(&jid).await? };
            person.filter(|person| person.id != ask.account.id)
        }
        None => None,
    };
    let Some(person) = person else { return Ok(Some(stanza::error(ask.id, 404, "item-not-found"))) };
    let block = match text(item, "action").as_str() {
        "block" => true,
        "unblock" => false,
        _ => return Ok(Some(stanza::error(ask.id, 400, "bad-request"))),
    };
    let done = set(ask.network, ask.account, ask.me.device, &person, block).await?;
    Ok((!done).then(|| stanza::error(ask.id, 406, "not-acceptable")))
}

/// The person blocks somebody on the phone, or lets them in again.
pub(crate) async fn on_phone(network: &Network, phone: &Phone, other: &Phone, block: bool) -> Result<(), SandboxError> {
    let account = network.find(phone).await?.ok_or(SandboxError::NoSuchPhone)?;
    if account.lock().await.away.is_some() {
        return Err(SandboxError::Offline);
    }
    let person = if block { network.reach(other).await? } else { network.find(other).await? };
    match person {
        // Nobody keeps himself out.
        Some(person) if person.id == account.id => Ok(()),
        Some(person) => set(network, &account, 0, &person, block).await?.then_some(()).ok_or(SandboxError::Full),
        None if block => Err(SandboxError::NotOnWhatsApp),
        None => Ok(()),
    }
}

/// Changes an account's list, as one of its devices wants it, and tells the other companions. False if there is no room.
async fn set(
    network: &Network,
    account: &Account,
    by: u16,
    person: &Account,
    block: bool,
) -> Result<bool, SandboxError> {
    let mut state = account.lock().await;
    let before = hash(&state)?;
    if block {
        if state.blocked.len() >= MOST {
            return Ok(false);
        }
        state.blocked.insert(person.id);
    } else {
        state.blocked.remove(&person.id);
    }
    let value = block.then(|| network.seconds().to_string());
    let setting = Setting { account: account.id, family: FAMILY, name: person.id.to_string(), value };
    let action = if block { "block" } else { "unblock" };
    let item = NodeBuilder::new("item").attr("jid", person.lid(0)).attr("action", action).build();
    let word = NodeBuilder::new("blocklist").attr("dhash", hash(&state)?).attr("prev_dhash", before);
    let word = word.children([item]).build();
    let mut changes = device_list::account_sync(network, account, &state, by, word)?;
    changes.push(Change::Set(setting));
    let ticket = network.ledger.submit(changes).await?;
    drop(state);
    ticket.committed().await?;
    Ok(true)
}
