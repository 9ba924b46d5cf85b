//! Mail to people: the secret in its links, where they lead, and what a letter says. Nothing that anybody typed goes into a letter:
//! it is made of words of ours and of links, so there is nothing to inject.

use std::fmt;
use std::str::FromStr;

use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use chrono::TimeDelta;
use url::{Position, Url};

use super::access::sha256;

/// What a link in a mail is for. It is good for nothing else.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// Makes an account whose address was confirmed.
    SignUp,
    /// Gives a person a new password.
    Reset,
}

impl Purpose {
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::SignUp => "sign_up",
            Self::Reset => "reset",
        }
    }

    /// How long a link is good. What gives a password away is good for a short time.
    pub const fn life(self) -> TimeDelta {
        match self {
            Self::SignUp => TimeDelta::hours(24),
            Self::Reset => TimeDelta::hours(1),
        }
    }

    /// The page that a link leads to.
    const fn page(self) -> &'static str {
        match self {
            Self::SignUp => "/confirm",
            Self::Reset => "/reset",
        }
    }
}

/// SHA-256 of a mail's token: all that is kept of it.
pub type MailHash = [u8; 32];

/// What a link in a mail holds: 43 characters of base64url, 256 random bits. Never logged.
#[derive(Clone, PartialEq, Eq)]
pub struct MailToken(String);

#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the token of a mail is 43 characters of base64url")]
pub struct NotAMailToken;

impl MailToken {
    pub fn new(secret: [u8; 32]) -> Self {
        Self(BASE64_URL_SAFE_NO_PAD.encode(secret))
    }

    pub fn hash(&self) -> MailHash {
        sha256(&self.0)
    }

    /// The secret itself, for the link and for the form behind it.
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl FromStr for MailToken {
    type Err = NotAMailToken;

    fn from_str(text: &str) -> Result<Self, NotAMailToken> {
        let whole = BASE64_URL_SAFE_NO_PAD.decode(text).is_ok_and(|bytes| bytes.len() == 32);
        whole.then(|| Self(text.to_owned())).ok_or(NotAMailToken)
    }
}

impl fmt::Debug for MailToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("MailToken(…)")
    }
}

/// Where people find this server: a scheme, a host and perhaps a port, since the pages stand at the root.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PublicUrl(Url);

#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "must be the address at which people open the pages, such as https://wamux.example or http://localhost:8080: http or https, \
     a host, and nothing after it"
)]
pub struct NotAPublicUrl;

impl PublicUrl {
    /// A page of ours as people reach it.
    pub fn page(&self, path: &str) -> String {
        format!("{}{path}", &self.0[..Position::AfterPort])
    }

    /// Where a link with this token leads.
    pub fn link(&self, purpose: Purpose, token: &MailToken) -> String {
        format!("{}?token={}", self.page(purpose.page()), token.reveal())
    }

    pub fn host(&self) -> &str {
        self.0.host_str().unwrap_or_default()
    }
}

impl FromStr for PublicUrl {
    type Err = NotAPublicUrl;

    fn from_str(text: &str) -> Result<Self, NotAPublicUrl> {
        let url: Url = text.parse().map_err(|_| NotAPublicUrl)?;
        let whole = matches!(url.scheme(), "http" | "https") && url.has_host();
        let plain = url.username().is_empty() && url.password().is_none() && &url[Position::AfterPort..] == "/";
        (whole && plain).then_some(Self(url)).ok_or(NotAPublicUrl)
    }
}

/// A letter's words: `{link}`, `{login}` and `{forgot}` stand in its text for where those lead.
#[derive(Debug)]
pub struct Letter {
    pub subject: &'static str,
    pub text: &'static str,
}

impl Letter {
    pub fn written(&self, site: &PublicUrl, link: Option<&str>) -> String {
        let text = self.text.replace("{login}", &site.page("/login")).replace("{forgot}", &site.page("/forgot"));
        text.replace("{link}", link.unwrap_or_default())
    }
}

/// The letters that people get, in one language.
#[derive(Debug)]
pub struct Letters {
    /// To whoever signs up: is the address theirs?
    pub confirm: Letter,
    /// To whoever has an account and signs up once more, or has somebody else do it.
    pub taken: Letter,
    pub reset: Letter,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_reads_back_and_hides_itself() {
        let token = MailToken::new([7; 32]);
        assert_eq!(token.reveal().parse().as_ref(), Ok(&token));
        assert!(!format!("{token:?}").contains(token.reveal()));
        for text in ["", &token.reveal()[1..], &format!("{}A", token.reveal()), "st_", "\r\nBcc: a@b"] {
            assert_eq!(text.parse::<MailToken>(), Err(NotAMailToken), "{text}");
        }
    }

    #[test]
    fn the_site_is_a_host_and_its_links_lead_there() {
        let token = MailToken::new([0; 32]);
        for (text, confirm) in [
            ("https://wamux.example", "https://wamux.example/confirm?token="),
            ("https://Wamux.example:443/", "https://wamux.example/confirm?token="),
            ("http://[::1]:8080", "http://[::1]:8080/confirm?token="),
        ] {
            let site: PublicUrl = text.parse().unwrap();
            assert_eq!(site.link(Purpose::SignUp, &token), format!("{confirm}{}", token.reveal()), "{text}");
        }
        for text in [
            "",
            "wamux.example",
            "ftp://wamux.example",
            "https://wamux.example/app",
            "https://wamux.example/?x",
            "https://wamux.example/#x",
            "https://me:secret@wamux.example",
            "mailto:me@wamux.example",
        ] {
            assert_eq!(text.parse::<PublicUrl>(), Err(NotAPublicUrl), "{text}");
        }
    }
}
