//! What a person does with a phone: makes it, looks at it, writes, reads, links devices and takes them away.

use std::fs::File;
use std::io::{Seek, SeekFrom};
use std::ops::Range;
use std::sync::Arc;

use super::account;
use super::ledger::{self, Fetched, LedgerError};
use super::phone::draft::{self, Attachment, Draft};
use super::phone::{away, fetching, inbox, outbox};
use super::screen::{self, Page, Shown};
use super::switchboard::Farewell;
use super::{Sandbox, SandboxError, iq, media, pairing, to_the_end};
use crate::domain::content::Text;
use crate::domain::phone::Phone;
use crate::domain::session::pairing_code::PairingCode;

/// The most messages that one look at a screen shows.
pub const PAGE_MAX: u32 = ledger::PAGE_LINES;

/// A phone's copy of a medium.
pub struct Copy {
    /// As its sender put it: not to be trusted.
    pub mime: Option<String>,
    pub size: u64,
    file: File,
}

impl Copy {
    /// Some of its bytes, or all of them, as a body that streams.
    pub fn body(mut self, bytes: Range<u64>) -> Result<reqwest::Body, SandboxError> {
        self.file.seek(SeekFrom::Start(bytes.start)).map_err(LedgerError::from)?;
        Ok(reqwest::Body::wrap_stream(media::chunks(self.file, bytes.end.saturating_sub(bytes.start))))
    }
}

/// A phone as the sandbox knows it.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize, utoipa::ToSchema)]
#[schema(as = SimulatedPhone)]
#[serde(rename_all = "camelCase")]
pub struct PhoneInfo {
    pub phone: Phone,
    pub name: Option<String>,
    /// It reads at once what it shows.
    pub auto_read: bool,
    pub online: bool,
    /// How many devices are linked to its account: sessions, of whomever. There can be four.
    pub linked_devices: usize,
}

fn info(phone: &Phone, state: &account::State) -> PhoneInfo {
    let (auto_read, online) = (state.reads_at_once, state.away.is_none());
    PhoneInfo {
        phone: phone.clone(),
        name: state.name.clone(),
        auto_read,
        online,
        linked_devices: state.companions.len(),
    }
}

impl Sandbox {
    /// Makes a phone, or finds it; a name is given to it either way.
    pub async fn create_phone(&self, phone: &Phone, name: Option<&str>) -> Result<PhoneInfo, SandboxError> {
        let account = self.network.reach(phone).await?.ok_or(SandboxError::NotOnWhatsApp)?;
        let mut state = account.lock().await;
        if let Some(name) = name.filter(|name| state.name.as_deref() != Some(name)) {
            state.name = Some(name.to_owned());
            let renamed = ledger::Change::Rename { account: account.id, name: name.to_owned() };
            self.network.ledger.write(vec![renamed]).await?;
        }
        Ok(info(phone, &state))
    }

    /// How a phone is.
    pub async fn phone(&self, phone: &Phone) -> Result<PhoneInfo, SandboxError> {
        let account = self.network.find(phone).await?.ok_or(SandboxError::NoSuchPhone)?;
        let state = account.lock().await;
        Ok(info(phone, &state))
    }

    /// Whether the person of a phone reads at once what it shows from now on.
    pub async fn read_at_once(&self, phone: &Phone, at_once: bool) -> Result<PhoneInfo, SandboxError> {
        let account = self.network.find(phone).await?.ok_or(SandboxError::NoSuchPhone)?;
        let mut state = account.lock().await;
        if state.reads_at_once != at_once {
            let chosen = ledger::Setting::of_phone(account.id, ledger::AUTO_READ, at_once);
            self.network.ledger.write(vec![ledger::Change::Set(chosen)]).await?;
            state.reads_at_once = at_once;
        }
        Ok(info(phone, &state))
    }

    /// The phone is cut off: it receives nothing and says nothing, across restarts, until it comes back.
    pub async fn go_offline(&self, phone: &Phone) -> Result<(), SandboxError> {
        away::leave(&self.network, phone).await
    }

    /// The phone is back, and has received what waited for it, when this returns.
    pub async fn come_online(&self, phone: &Phone) -> Result<(), SandboxError> {
        away::come_back(&self.network, phone).await
    }

    /// The phone scans the code: the companion that shows it is linked when this returns.
    pub async fn scan(&self, phone: &Phone, qr: &str) -> Result<(), SandboxError> {
        let (here, phone, qr) = (self.clone(), phone.clone(), qr.to_owned());
        to_the_end(async move {
            here.at_hand(&phone).await?;
            pairing::scan(&here.network, &phone, &qr).await
        })
        .await
    }

    /// The person types in the code that a companion shows: it is linked when this returns. A wrong code is one of three tries.
    pub async fn enter_code(&self, phone: &Phone, code: &PairingCode) -> Result<(), SandboxError> {
        let (here, phone, code) = (self.clone(), phone.clone(), code.clone());
        to_the_end(async move {
            here.at_hand(&phone).await?;
            pairing::enter(&here.network, &phone, &code).await
        })
        .await
    }

    /// A phone links devices over the network.
    async fn at_hand(&self, phone: &Phone) -> Result<(), SandboxError> {
        match self.network.find(phone).await? {
            Some(account) if account.lock().await.away.is_some() => Err(SandboxError::Offline),
            _ => Ok(()),
        }
    }

    /// What the phone's screen shows, oldest first: all of it, or the first ten thousand messages.
    pub async fn screen(&self, phone: &Phone) -> Result<Vec<Shown>, SandboxError> {
        Ok(self.page(phone, None, PAGE_MAX).await?.messages)
    }

    /// A part of what the phone's screen shows: from the oldest, or from after the message with this id. A phone that is fetching
    /// media is looked at when it has them, or after ten seconds.
    pub async fn page(&self, phone: &Phone, after: Option<&str>, most: u32) -> Result<Page, SandboxError> {
        let account = self.network.find(phone).await?.ok_or(SandboxError::NoSuchPhone)?;
        fetching::settle(&self.network, account.id).await?;
        self.part(account.id, after, None, most).await
    }

    /// The latest lines of the screen, oldest first, as they are now: of a medium that the phone is fetching there is no copy yet.
    pub async fn latest(
        &self,
        phone: &Phone,
        after: Option<&str>,
        latest: u32,
        most: u32,
    ) -> Result<Page, SandboxError> {
        let account = self.network.find(phone).await?.ok_or(SandboxError::NoSuchPhone)?;
        self.part(account.id, after, Some(latest), most).await
    }

    async fn part(
        &self,
        account: ledger::AccountId,
        after: Option<&str>,
        latest: Option<u32>,
        most: u32,
    ) -> Result<Page, SandboxError> {
        let part = self.network.ledger.screen(account, after, latest, most.clamp(1, PAGE_MAX)).await?;
        let ledger::Part { rows, more } = part.ok_or(SandboxError::NoSuchLine)?;
        let next_after = rows.last().filter(|_| more).map(|row| row.id.clone());
        let messages = rows.into_iter().map(screen::shown).collect::<Result<_, _>>()?;
        Ok(Page { messages, next_after })
    }

    /// The phone's own copy of the medium in a message, decrypted.
    pub async fn copy(&self, phone: &Phone, message: &str) -> Result<Copy, SandboxError> {
        let medium = fetching::shown(&self.network, phone, message).await?;
        match medium.fetched {
            Fetched::Here { sha256, .. } => {
                let gone = || SandboxError::NotFetched("it had no room for it any more".to_owned());
                let (file, size) = self.network.media.copies.find(&sha256).ok_or_else(gone)?;
                Ok(Copy { mime: medium.facts.mime, size, file })
            }
            Fetched::Failed(why) => Err(SandboxError::NotFetched(why)),
            Fetched::Due => Err(SandboxError::NotFetched("it is still fetching it".to_owned())),
        }
    }

    /// The time of the medium in a message is over on the media servers: whoever comes for it from now on finds nothing. Phones
    /// that have it keep it.
    pub async fn expire(&self, phone: &Phone, message: &str) -> Result<(), SandboxError> {
        let medium = fetching::shown(&self.network, phone, message).await?;
        if let Some(reference) = medium.reference {
            self.network.media.expire(&reference.path);
        }
        Ok(())
    }

    /// The phone writes; a phone that does not exist yet does from here on.
    pub async fn write(&self, phone: &Phone, to: &Phone, text: &Text) -> Result<Shown, SandboxError> {
        let (network, phone, to, text) = (Arc::clone(&self.network), phone.clone(), to.clone(), text.clone());
        to_the_end(async move { outbox::write(&network, &phone, &to, Draft::text(text.as_str())).await }).await
    }

    /// The same with a medium.
    pub async fn post(&self, phone: &Phone, to: &Phone, attachment: Attachment) -> Result<Shown, SandboxError> {
        let (network, phone, to) = (Arc::clone(&self.network), phone.clone(), to.clone());
        to_the_end(async move {
            network.find(&phone).await?.ok_or(SandboxError::NoSuchPhone)?;
            let draft = draft::put_up(&network.media, attachment).await?;
            outbox::write(&network, &phone, &to, draft).await
        })
        .await
    }

    /// The person reads what is unread in a chat, and the senders learn of it.
    pub async fn read(&self, phone: &Phone, chat: &Phone) -> Result<(), SandboxError> {
        inbox::read(&self.network, phone, chat).await
    }

    /// The person blocks somebody, or lets them in again; the companions are told. What that one sends is acknowledged and reaches
    /// nobody.
    pub async fn block(&self, phone: &Phone, other: &Phone, block: bool) -> Result<(), SandboxError> {
        let (network, phone, other) = (Arc::clone(&self.network), phone.clone(), other.clone());
        to_the_end(async move { iq::blocklist::on_phone(&network, &phone, &other, block).await }).await
    }

    /// Closes the sockets of all companions of this phone's account, without a word.
    pub fn drop_connection(&self, phone: &Phone) {
        if let Some(account) = self.network.known(phone) {
            self.network.switchboard.end_account(account.id, Farewell::Dropped);
        }
    }

    /// The person takes a companion out of the linked devices; it is told so, now or when it comes back.
    pub async fn unlink_all(&self, phone: &Phone) -> Result<(), SandboxError> {
        let account = self.network.find(phone).await?.ok_or(SandboxError::NoSuchPhone)?;
        let devices: Vec<u16> = account.lock().await.companions.keys().copied().collect();
        for device in devices {
            iq::companion::unlink(&self.network, &account, device).await?;
        }
        Ok(())
    }

    /// How many companions the person sees in the list of linked devices.
    pub async fn linked(&self, phone: &Phone) -> Result<usize, SandboxError> {
        let account = self.network.find(phone).await?.ok_or(SandboxError::NoSuchPhone)?;
        Ok(account.lock().await.companions.len())
    }

    /// The phone loses what it shares with other devices, as when an app is restored from an old backup: it cannot read
    /// what comes next and asks for it again.
    pub async fn forget_sessions(&self, phone: &Phone) -> Result<(), SandboxError> {
        let account = self.network.find(phone).await?.ok_or(SandboxError::NoSuchPhone)?;
        let mut state = account.lock().await;
        state.sessions.clear();
        self.network.ledger.write(vec![ledger::Change::ForgetSessions { account: account.id }]).await?;
        Ok(())
    }
}
