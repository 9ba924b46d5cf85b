//! Who is let in: a companion that its phone knows, and that no fault stands in the way of.

use std::sync::Arc;

use super::account::Account;
use super::faults::{TurnedAway, turned_away};
use super::ledger::Device;
use super::network::Network;
use super::noise::Caller;
use super::switchboard::Line;
use super::{SandboxError, pairing};
use crate::domain::phone::Phone;

/// Whether a companion that asks for it is let in.
pub(crate) enum Admitted {
    In(Arc<Account>, Line, Device),
    /// Its phone does not know it (any more).
    Unknown,
    TurnedAway(TurnedAway),
}

/// The account and the line of a companion, if its phone knows it by this key.
pub(crate) async fn admit(network: &Network, caller: &Caller) -> Result<Admitted, SandboxError> {
    let user = caller.payload.username.map(|user| user.to_string()).unwrap_or_default();
    let device = u16::try_from(caller.payload.device.unwrap_or(0)).unwrap_or(0);
    let Ok(phone) = Phone::from_digits(&user) else { return Ok(Admitted::Unknown) };
    let Some(account) = network.find(&phone).await? else { return Ok(Admitted::Unknown) };
    let mut state = account.lock().await;
    let Some(companion) = state.companions.get(&device).filter(|row| row.noise == caller.noise_key) else {
        return Ok(Admitted::Unknown);
    };
    if let Some(away) = turned_away(&network.faults, account.device(device)) {
        return Ok(Admitted::TurnedAway(away));
    }
    let unfinished = (!companion.signed).then(|| companion.device_identity.clone());
    let me = account.device(device);
    state.call(device, caller.payload.push_name.as_deref().unwrap_or_default());
    // Under the account's lock, so that a companion that is being unlinked is not let in after it.
    let line = network.switchboard.connect(me);
    drop(state);
    if let Some(device_identity) = unfinished {
        // Everything was killed between the companion's word and the commit: it counts all the same.
        // What it said of itself is forgotten by then, so it hears nothing of the past.
        pairing::admit(network, &account, device, device_identity, false).await?;
    }
    Ok(Admitted::In(account, line, me))
}
