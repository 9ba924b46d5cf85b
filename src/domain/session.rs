//! A session as callers see it: its key, its status, and the lease under which it writes. Its life is in `life`.

pub mod life;
pub mod pairing_code;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::error::{Code, Refusal};
use super::event::time;
use super::id::{SessionId, TenantId};
use super::idempotency::Answer;
use super::name::is_name;
use super::pacing::Pacing;
use super::phone::Phone;
use super::proxy::Proxy;

/// The longest session key, in characters.
pub const SESSION_KEY_MAX: usize = 100;

/// The caller's own name for a session: 1 to 100 characters, unique within a tenant.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(try_from = "String", into = "String")]
#[schema(examples("my-session"))]
pub struct SessionKey(String);

#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "must be 1 to {SESSION_KEY_MAX} characters, none of them a control character, and one at least that can be seen"
)]
pub struct NotASessionKey;

impl SessionKey {
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// One that was taken in before, by the rules of then.
    pub const fn kept(text: String) -> Self {
        Self(text)
    }

    /// Why no other session can have it.
    pub fn taken(&self) -> Refusal {
        Refusal::new(Code::SessionKeyTaken, format!("A session with the key '{}' exists already.", self.0))
    }
}

impl TryFrom<String> for SessionKey {
    type Error = NotASessionKey;

    fn try_from(text: String) -> Result<Self, NotASessionKey> {
        if is_name(&text, SESSION_KEY_MAX) { Ok(Self(text)) } else { Err(NotASessionKey) }
    }
}

impl From<SessionKey> for String {
    fn from(key: SessionKey) -> Self {
        key.0
    }
}

/// A session that is asked for.
#[derive(Debug, Clone)]
pub struct NewSession {
    pub key: SessionKey,
    pub proxy: Option<Proxy>,
    pub pacing: Pacing,
}

impl From<SessionKey> for NewSession {
    fn from(key: SessionKey) -> Self {
        Self { key, proxy: None, pacing: Pacing::default() }
    }
}

/// What is to be different about a session.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Changes {
    /// None: it stays.
    pub key: Option<SessionKey>,
    pub proxy: Setting<Proxy>,
    pub per_minute: Setting<u32>,
    pub jitter: Setting<u32>,
    pub typing: Setting<bool>,
}

/// What is to become of something that a session may have.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Setting<T> {
    #[default]
    Keep,
    Remove,
    Set(T),
}

impl<T> Setting<T> {
    pub fn map<U>(self, to: impl FnOnce(T) -> U) -> Setting<U> {
        match self {
            Self::Keep => Setting::Keep,
            Self::Remove => Setting::Remove,
            Self::Set(value) => Setting::Set(to(value)),
        }
    }
}

/// The right to write as a session. Whoever starts a session raises its epoch, which makes every older lease worthless.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Lease {
    pub tenant: TenantId,
    pub session: SessionId,
    pub epoch: i64,
}

/// How a session is.
///
/// - `initializing`: being made ready; no QR code yet.
/// - `qr_ready`: a QR code waits to be scanned.
/// - `connecting`: linked, or just scanned, and on its way to the network.
/// - `connected`: it sends and receives.
/// - `disconnected`: the connection was lost, and the next attempt is on its way.
/// - `failed`: over, until a person does something; `errorMessage` says what.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[schema(as = SessionStatus)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// Being made ready; no QR code yet.
    Initializing,
    /// A QR code waits to be scanned.
    QrReady,
    /// Linked, or just scanned, and on its way to the network.
    Connecting,
    Connected,
    /// The connection was lost; the next attempt is on its way.
    Disconnected,
    /// Over, until a person does something.
    Failed,
}

impl Status {
    pub const ALL: [Self; 6] =
        [Self::Initializing, Self::QrReady, Self::Connecting, Self::Connected, Self::Disconnected, Self::Failed];

    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Initializing => "initializing",
            Self::QrReady => "qr_ready",
            Self::Connecting => "connecting",
            Self::Connected => "connected",
            Self::Disconnected => "disconnected",
            Self::Failed => "failed",
        }
    }

    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|s| s.as_str() == name)
    }

    /// What a row remembers. A word that is none of ours says nothing of how the session will stand: it is not connected, and tries.
    pub fn kept(name: &str) -> Self {
        Self::from_name(name).unwrap_or(Self::Disconnected)
    }
}

/// A session as its tenant sees it.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Session {
    pub id: SessionId,
    pub session_key: SessionKey,
    pub status: Status,
    /// The number of the WhatsApp account, once it is linked.
    pub phone_number: Option<String>,
    /// Why it is not connected: a stable word, such as `logged_out`, `banned` or `connection_lost`.
    pub error_code: Option<String>,
    /// The same in a sentence that says what to do.
    pub error_message: Option<String>,
    /// How many attempts have failed in a row since it was last connected, or asked to restart.
    pub reconnect_attempts: u32,
    /// The proxy that it goes through, with `***` in place of the password.
    pub proxy_url: Option<String>,
    /// How many messages a minute it sends at most; 0: as fast as it can. Null: as is the default of the network.
    pub messages_per_minute: Option<u32>,
    /// By how many percent of the time between two messages the next one comes later, at most and by chance. Null: the default.
    pub message_jitter: Option<u32>,
    /// Whether chats show that a text is being typed before it comes. Null: the default.
    pub simulate_typing: Option<bool>,
    #[serde(serialize_with = "time::option")]
    pub connected_at: Option<DateTime<Utc>>,
    #[serde(serialize_with = "time::option")]
    pub last_activity_at: Option<DateTime<Utc>>,
    #[serde(serialize_with = "time::always")]
    pub created_at: DateTime<Utc>,
    /// Where its stream of events is: the path to call on this server.
    pub stream_url: String,
}

impl Session {
    /// What whoever made it is told.
    pub fn made(&self) -> Answer {
        // Ids, times and text: there is nothing in it that JSON cannot say.
        Answer::created(format!("/api/v1/sessions/{}", self.id), serde_json::to_vec(self).unwrap_or_default())
    }
}

/// What the tenant's actor knows of a session when it chooses one for a send.
#[derive(Debug, Clone)]
pub struct Facts {
    pub id: SessionId,
    pub key: SessionKey,
    pub status: Status,
    /// The account's number, once linked.
    pub phone: Option<Phone>,
    pub created_at: DateTime<Utc>,
}

impl Facts {
    /// Whether a send that names this session is accepted: it is connected, or linked and on its way back.
    pub const fn accepts(&self) -> bool {
        match self.status {
            Status::Connected => true,
            Status::Connecting | Status::Disconnected => self.phone.is_some(),
            Status::Initializing | Status::QrReady | Status::Failed => false,
        }
    }
}

/// The session a send goes through, or why there is none.
pub fn choose<'a>(
    sessions: impl Iterator<Item = &'a Facts> + Clone,
    via: &super::message::Via,
) -> Result<&'a Facts, Refusal> {
    use super::message::Via;
    let named = match via {
        Via::Id(id) => sessions.clone().find(|s| s.id == *id).ok_or_else(Refusal::not_found)?,
        Via::Key(key) => sessions.clone().find(|s| s.key == *key).ok_or_else(Refusal::not_found)?,
        Via::Latest => {
            let connected = sessions.filter(|s| s.status == Status::Connected);
            return connected.max_by_key(|s| (s.created_at, s.id)).ok_or_else(|| {
                Refusal::new(Code::SessionNotConnected, "No session is connected. Link one by scanning its QR code.")
            });
        }
    };
    if named.accepts() {
        return Ok(named);
    }
    let detail = format!("Session '{}' is {}; link it first.", named.key.as_str(), named.status.as_str());
    Err(Refusal::new(Code::SessionNotConnected, detail))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::error::Code;
    use crate::domain::message::Via;

    fn facts(n: u128, status: Status, linked: bool) -> Facts {
        let created_at = DateTime::from_timestamp(i64::try_from(n).unwrap(), 0).unwrap();
        let key = SessionKey::try_from(format!("s{n}")).unwrap();
        let phone = linked.then(|| "+237600000001".parse().unwrap());
        Facts { id: SessionId(uuid::Uuid::from_u128(n)), key, status, phone, created_at }
    }

    #[test]
    fn without_a_name_the_connected_session_created_last_sends() {
        let all =
            [facts(1, Status::Connected, true), facts(2, Status::Connected, true), facts(3, Status::Connecting, true)];
        assert_eq!(choose(all.iter(), &Via::Latest).unwrap().id, all[1].id);
    }

    #[test]
    fn a_named_session_accepts_while_it_is_on_its_way_back_and_only_then() {
        for (status, linked, accepts) in [
            (Status::Initializing, false, false),
            (Status::QrReady, false, false),
            (Status::Connecting, false, false),
            (Status::Connecting, true, true),
            (Status::Connected, true, true),
            (Status::Disconnected, true, true),
            (Status::Failed, true, false),
        ] {
            let all = [facts(7, status, linked)];
            let got = choose(all.iter(), &Via::Id(all[0].id)).map_err(|r| r.code).map(|_| ());
            assert_eq!(got, if accepts { Ok(()) } else { Err(Code::SessionNotConnected) }, "{status:?} {linked}");
        }
    }

    #[test]
    fn a_session_of_nobody_is_not_found() {
        let all = [facts(7, Status::Connected, true)];
        let other = Via::Id(SessionId(uuid::Uuid::from_u128(8)));
        assert_eq!(choose(all.iter(), &other).unwrap_err().code, Code::NotFound);
    }
}
