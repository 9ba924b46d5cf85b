//! Injecting: a fault is put into the list, and what it does at once to connections that are there is done.

use std::collections::HashSet;
use std::sync::Arc;

use super::fault::{Fault, FaultId, FaultKind};
use super::list::{Active, Aim, Party};
use crate::sandbox::iq::companion;
use crate::sandbox::ledger::{AccountId, Device};
use crate::sandbox::network::Network;
use crate::sandbox::switchboard::Farewell;
use crate::sandbox::{FaultInfo, Sandbox, SandboxError, to_the_end};

impl Sandbox {
    /// Makes something go wrong, from now on and until it is used up, over or healed. What it does to connections that are
    /// there has been done when this returns.
    pub async fn inject(&self, fault: Fault) -> Result<FaultId, SandboxError> {
        fault.check()?;
        let sandbox = self.clone();
        to_the_end(async move { sandbox.take(fault).await }).await
    }

    async fn take(&self, fault: Fault) -> Result<FaultId, SandboxError> {
        let network = &self.network;
        let aim = aim(network, &fault).await?;
        let peer = match &fault.peer {
            Some(peer) => Some(Party::of(&*network.reach(peer).await?.ok_or(SandboxError::NotOnWhatsApp)?)),
            None => None,
        };
        let id = FaultId(network.clock.id());
        let lasts = fault.seconds.is_some() || fault.count.is_some();
        let active = Active::new(id, fault, aim, peer, network.clock.now());
        let active =
            if active.fault.kind.is_momentary() && !lasts { Arc::new(active) } else { network.faults.add(active)? };
        at_once(network, &active).await?;
        Ok(id)
    }

    /// Ends a fault, or all of them: those of one owner, or anybody's. How many there were. What a fault has done stays
    /// done: who was logged out has to link again.
    pub fn heal(&self, id: Option<FaultId>, owner: Option<&str>) -> usize {
        self.network.faults.heal(id, owner)
    }

    /// The faults in force, of one owner or of all, the oldest first.
    pub fn faults(&self, owner: Option<&str>) -> Vec<FaultInfo> {
        self.network.faults.infos(owner)
    }
}

async fn aim(network: &Network, fault: &Fault) -> Result<Aim, SandboxError> {
    if let Some(phone) = &fault.account {
        let account = network.find(phone).await?.ok_or(SandboxError::NoSuchPhone)?;
        return Ok(Aim::Account(account.id));
    }
    if fault.devices.is_empty() {
        return Ok(Aim::Everyone);
    }
    let mut devices = HashSet::new();
    for (phone, device) in &fault.devices {
        let account = network.find(phone).await?.ok_or(SandboxError::NoSuchPhone)?;
        devices.insert(account.device(*device));
    }
    Ok(Aim::Devices(devices))
}

async fn at_once(network: &Arc<Network>, active: &Active) -> Result<(), SandboxError> {
    match active.fault.kind {
        FaultKind::DropConnection => {
            end(network, &active.aim, Farewell::Dropped, || active.strikes());
        }
        FaultKind::Replace => end(network, &active.aim, Farewell::Replaced, || true),
        // They hear why when they come back, as from the real network.
        FaultKind::Ban | FaultKind::OutdatedClient => end(network, &active.aim, Farewell::Dropped, || true),
        FaultKind::LogOut => log_out(network, &active.aim).await?,
        FaultKind::RefuseConnections
        | FaultKind::LoseAcks
        | FaultKind::DelayAcks
        | FaultKind::RepeatStanzas
        | FaultKind::ReorderStanzas
        | FaultKind::LoseReceipts
        | FaultKind::Silence => {}
    }
    Ok(())
}

fn end(network: &Network, aim: &Aim, why: Farewell, strikes: impl Fn() -> bool) {
    let connected = network.switchboard.connected();
    connected
        .into_iter()
        .filter(|device| aim.is_at(*device) && strikes())
        .for_each(|device| network.switchboard.end(device, why));
}

/// Takes every companion that is aimed at out of its account, connected or not.
async fn log_out(network: &Arc<Network>, aim: &Aim) -> Result<(), SandboxError> {
    let accounts: HashSet<AccountId> = match aim {
        Aim::Everyone => network.ledger.linked_accounts().await?.into_iter().collect(),
        Aim::Account(account) => HashSet::from([*account]),
        Aim::Devices(devices) => devices.iter().map(|device| device.account).collect(),
    };
    for id in accounts {
        let Some(account) = network.by_id(id).await? else { continue };
        let linked: Vec<Device> =
            account.lock().await.companions.keys().map(|device| account.device(*device)).collect();
        for device in linked.into_iter().filter(|device| aim.is_at(*device)) {
            companion::unlink(network, &account, device.device).await?;
        }
    }
    Ok(())
}
