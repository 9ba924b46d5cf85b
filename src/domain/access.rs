//! Who is calling: API keys, and what a caller may do with one.

use std::fmt;
use std::str::FromStr;

use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize, Serializer};
use utoipa::ToSchema;

use super::id::{KeyId, SignInId, TenantId};
use super::idempotency::Answer;
use super::quota::Plan;

/// Which network a key is for: the sandbox's keys are test keys, the real network's are live ones.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Mode {
    Live,
    Test,
}

impl Mode {
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Live => "live",
            Self::Test => "test",
        }
    }

    const fn prefix(self) -> &'static str {
        match self {
            Self::Live => "sk_live_",
            Self::Test => "sk_test_",
        }
    }
}

/// SHA-256 of a whole key: all that is ever stored of it. A key holds 256 random bits, so a slow hash would add nothing.
pub type KeyHash = [u8; 32];

/// A whole API key: `sk_live_` or `sk_test_` and 43 characters of base64url. Shown once, never logged.
#[derive(Clone, PartialEq, Eq)]
pub struct ApiKey {
    mode: Mode,
    text: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("an API key is sk_live_ or sk_test_ and 43 more characters")]
pub struct NotAKey;

impl ApiKey {
    pub fn new(mode: Mode, secret: [u8; 32]) -> Self {
        Self { mode, text: format!("{}{}", mode.prefix(), BASE64_URL_SAFE_NO_PAD.encode(secret)) }
    }

    pub const fn mode(&self) -> Mode {
        self.mode
    }

    pub fn hash(&self) -> KeyHash {
        sha256(&self.text)
    }

    /// What a person may see to tell keys apart.
    pub fn visible_prefix(&self) -> String {
        self.text.chars().take(12).collect()
    }

    /// The secret itself, for the one answer that shows it.
    pub fn reveal(&self) -> &str {
        &self.text
    }
}

impl FromStr for ApiKey {
    type Err = NotAKey;

    fn from_str(text: &str) -> Result<Self, NotAKey> {
        let mode = [Mode::Live, Mode::Test].into_iter().find(|m| text.starts_with(m.prefix())).ok_or(NotAKey)?;
        let secret = text.strip_prefix(mode.prefix()).ok_or(NotAKey)?;
        match BASE64_URL_SAFE_NO_PAD.decode(secret) {
            Ok(bytes) if bytes.len() == 32 => Ok(Self { mode, text: text.to_owned() }),
            _ => Err(NotAKey),
        }
    }
}

impl fmt::Debug for ApiKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}…", self.visible_prefix())
    }
}

/// What somebody was let in with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Bearer {
    Key(KeyId),
    /// A browser in which the tenant's person is signed in.
    SignIn(SignInId),
}

/// What a valid key, or a browser's cookie, gives its bearer.
#[derive(Debug, Clone)]
pub struct Access {
    pub tenant: TenantId,
    pub bearer: Bearer,
    /// Of the key, or of the browser's cookie.
    pub hash: KeyHash,
    pub plan: Plan,
    pub expires_at: Option<DateTime<Utc>>,
}

/// How long a stream ticket is good without a stream that it opened.
pub const TICKET_LIFE: TimeDelta = TimeDelta::seconds(60);

/// SHA-256 of a stream ticket: all that is kept of it.
pub type TicketHash = [u8; 32];

/// Opens one session's stream for whoever cannot send a header, as a browser's `EventSource` cannot: `st_` and 43 characters of
/// base64url. It stands in a query, so it is worth little and not for long. Shown once, never logged.
#[derive(Clone, PartialEq, Eq)]
pub struct StreamTicket(String);

#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a stream ticket is st_ and 43 more characters")]
pub struct NotATicket;

impl StreamTicket {
    const PREFIX: &str = "st_";

    pub fn new(secret: [u8; 32]) -> Self {
        Self(format!("{}{}", Self::PREFIX, BASE64_URL_SAFE_NO_PAD.encode(secret)))
    }

    pub fn hash(&self) -> TicketHash {
        sha256(&self.0)
    }

    /// The secret itself, for the one answer that shows it.
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl FromStr for StreamTicket {
    type Err = NotATicket;

    fn from_str(text: &str) -> Result<Self, NotATicket> {
        let secret = text.strip_prefix(Self::PREFIX).ok_or(NotATicket)?;
        let whole = BASE64_URL_SAFE_NO_PAD.decode(secret).is_ok_and(|bytes| bytes.len() == 32);
        whole.then(|| Self(text.to_owned())).ok_or(NotATicket)
    }
}

impl fmt::Debug for StreamTicket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("StreamTicket(…)")
    }
}

pub(super) fn sha256(text: &str) -> [u8; 32] {
    let mut hash = [0; 32];
    hash.copy_from_slice(ring::digest::digest(&ring::digest::SHA256, text.as_bytes()).as_ref());
    hash
}

/// The secret that makes its bearer an operator. Only a digest of it is kept, so that nothing can show it.
#[derive(Clone)]
pub struct OperatorToken(ring::hmac::Tag);

#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("an operator token is one or more visible ASCII characters without spaces")]
pub struct NotAToken;

impl OperatorToken {
    const PURPOSE: &[u8] = b"wamux/operator/1";
    const FORMS: &[u8] = b"wamux/operator/form/1";

    /// Compares in constant time.
    pub fn is(&self, given: &str) -> bool {
        ring::hmac::verify(&Self::key(given), Self::PURPOSE, self.0.as_ref()).is_ok()
    }

    /// What the operator's browser keeps in place of the token, good until then: it says when, and proves that we said so.
    pub fn pass(&self, until: DateTime<Utc>) -> String {
        let until = until.timestamp().to_string();
        format!("{until}.{}", BASE64_URL_SAFE_NO_PAD.encode(ring::hmac::sign(&self.pass_key(), until.as_bytes())))
    }

    /// Whether a browser shows such a pass, and in time.
    pub fn is_pass(&self, given: &str, now: DateTime<Utc>) -> bool {
        let Some((until, proof)) = given.split_once('.') else { return false };
        let proof = BASE64_URL_SAFE_NO_PAD.decode(proof).unwrap_or_default();
        let ours = ring::hmac::verify(&self.pass_key(), until.as_bytes(), &proof).is_ok();
        ours && until.parse::<i64>().is_ok_and(|until| until > now.timestamp())
    }

    /// What the operator's forms hold, so that no other site can have one sent.
    pub fn form_token(&self) -> String {
        BASE64_URL_SAFE_NO_PAD.encode(ring::hmac::sign(&self.pass_key(), Self::FORMS))
    }

    /// Whether a form holds that. Compares in constant time.
    pub fn is_of_form(&self, given: &str) -> bool {
        let given = BASE64_URL_SAFE_NO_PAD.decode(given).unwrap_or_default();
        ring::hmac::verify(&self.pass_key(), Self::FORMS, &given).is_ok()
    }

    fn pass_key(&self) -> ring::hmac::Key {
        ring::hmac::Key::new(ring::hmac::HMAC_SHA256, self.0.as_ref())
    }

    fn key(token: &str) -> ring::hmac::Key {
        ring::hmac::Key::new(ring::hmac::HMAC_SHA256, token.as_bytes())
    }
}

impl FromStr for OperatorToken {
    type Err = NotAToken;

    fn from_str(text: &str) -> Result<Self, NotAToken> {
        let fits = !text.is_empty() && text.bytes().all(|b| b.is_ascii_graphic());
        fits.then(|| Self(ring::hmac::sign(&Self::key(text), Self::PURPOSE))).ok_or(NotAToken)
    }
}

impl fmt::Debug for OperatorToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("OperatorToken(…)")
    }
}

/// A key as its tenant sees it in a list.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(as = Key)]
#[serde(rename_all = "camelCase")]
pub struct KeyView {
    pub id: KeyId,
    /// What people tell it by.
    pub name: String,
    pub description: Option<String>,
    pub mode: Mode,
    /// How the key begins, so that it is recognised where it is kept. The rest cannot be shown again.
    pub key_prefix: String,
    /// How many calls were made with it. The figure follows a little later than the calls.
    pub request_count: i64,
    #[serde(serialize_with = "super::event::time::option")]
    pub last_used_at: Option<DateTime<Utc>>,
    /// When it stops working; null if it does not.
    #[serde(serialize_with = "super::event::time::option")]
    pub expires_at: Option<DateTime<Utc>>,
    #[serde(serialize_with = "super::event::time::always")]
    pub created_at: DateTime<Utc>,
}

/// A key in the one answer that shows all of it.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(as = MadeKey)]
#[serde(rename_all = "camelCase")]
pub struct ShownKey {
    #[serde(flatten)]
    pub view: KeyView,
    /// The whole key. Keep it: it is in this answer and nowhere else.
    #[serde(serialize_with = "reveal")]
    #[schema(value_type = String)]
    pub api_key: ApiKey,
}

impl ShownKey {
    /// What whoever made it is told.
    pub fn made(&self) -> Answer {
        // Ids, times and text: there is nothing in it that JSON cannot say.
        Answer::created(format!("/api/v1/keys/{}", self.view.id), serde_json::to_vec(self).unwrap_or_default())
    }
}

fn reveal<S: Serializer>(key: &ApiKey, to: S) -> Result<S::Ok, S::Error> {
    to.serialize_str(key.reveal())
}

/// An e-mail address as far as it matters here: something, `@`, a domain; kept in lower case.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Email(String);

#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must be an e-mail address such as you@example.com")]
pub struct NotAnEmail;

impl Email {
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Email {
    type Err = NotAnEmail;

    fn from_str(text: &str) -> Result<Self, NotAnEmail> {
        let (user, domain) = text.split_once('@').ok_or(NotAnEmail)?;
        let odd = text.chars().any(|c| c.is_whitespace() || c.is_control()) || domain.contains('@');
        if user.is_empty() || domain.is_empty() || text.len() > 254 || odd {
            return Err(NotAnEmail);
        }
        Ok(Self(text.to_lowercase()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_reads_back_and_hides_itself() {
        let key = ApiKey::new(Mode::Test, [7; 32]);
        assert_eq!(key.reveal().len(), 8 + 43);
        assert_eq!(key.reveal().parse::<ApiKey>().as_ref(), Ok(&key));
        assert!(!format!("{key:?}").contains(&key.reveal()[12..]));
    }

    #[test]
    fn what_is_no_key_is_refused() {
        let good = ApiKey::new(Mode::Live, [7; 32]).reveal().to_owned();
        for text in
            ["", "sk_live_", "sk_test_short", &good[1..], &good[..good.len() - 1], &format!("{good}A"), "Bearer"]
        {
            assert_eq!(text.parse::<ApiKey>(), Err(NotAKey), "{text}");
        }
    }

    #[test]
    fn a_ticket_reads_back_and_hides_itself() {
        let ticket = StreamTicket::new([7; 32]);
        assert_eq!(ticket.reveal().parse().as_ref(), Ok(&ticket));
        assert_ne!(ticket.hash(), StreamTicket::new([8; 32]).hash());
        assert!(!format!("{ticket:?}").contains("Bw"));
        let key = ApiKey::new(Mode::Live, [7; 32]);
        for text in ["", "st_", &ticket.reveal()[1..], &format!("{}A", ticket.reveal()), key.reveal()] {
            assert_eq!(text.parse::<StreamTicket>(), Err(NotATicket), "{text}");
        }
    }

    #[test]
    fn only_the_operator_s_own_token_is_taken() {
        let token: OperatorToken = "let-me-in".parse().unwrap();
        assert!(token.is("let-me-in"));
        for other in ["", "let-me-i", "let-me-in ", "LET-ME-IN"] {
            assert!(!token.is(other), "{other}");
        }
        for text in ["", "a b", "é", "a\n"] {
            assert!(text.parse::<OperatorToken>().is_err(), "{text}");
        }
    }

    #[test]
    fn a_browser_s_pass_is_good_for_its_time_and_for_no_other_token() {
        let token: OperatorToken = "let-me-in".parse().unwrap();
        let now = DateTime::from_timestamp(1_800_000_000, 0).unwrap();
        let pass = token.pass(now + TimeDelta::hours(1));
        assert!(token.is_pass(&pass, now) && !pass.contains("let-me-in"));
        assert!(!token.is_pass(&pass, now + TimeDelta::hours(1)));
        assert!(!"another".parse::<OperatorToken>().unwrap().is_pass(&pass, now));
        let later = pass.replacen("18000036", "18000037", 1);
        for forged in ["", ".", "1800003600.", later.as_str()] {
            assert!(!token.is_pass(forged, now), "{forged}");
        }
        assert!(token.is_of_form(&token.form_token()) && !token.is_of_form(""));
    }

    #[test]
    fn addresses_are_kept_in_lower_case() {
        assert_eq!("You@Example.com".parse(), Ok(Email("you@example.com".into())));
        for text in ["", "you", "@example.com", "you@", "a b@example.com", "a@b@c", "a@b\n"] {
            assert_eq!(text.parse::<Email>(), Err(NotAnEmail), "{text}");
        }
    }
}
