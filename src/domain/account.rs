//! Accounts: passwords as people choose them, and the secret of a browser in which somebody is signed in.

use std::fmt;
use std::str::FromStr;

use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use chrono::TimeDelta;

use super::access::{Email, KeyHash, sha256};

/// How long a browser stays signed in.
pub const SIGN_IN_LIFE: TimeDelta = TimeDelta::days(30);
/// In characters. NIST SP 800-63B-4, 3.1.1.2: at least 8 even where a second factor is asked for; nothing is asked of which they are.
pub const PASSWORD_MIN: usize = 10;
/// In bytes, so that nobody has the server hash a book.
pub const PASSWORD_MAX: usize = 256;

/// A password, new or to be compared. Never logged.
#[derive(Clone, PartialEq, Eq)]
pub struct Password(String);

#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum WeakPassword {
    #[error("must have at least {PASSWORD_MIN} characters")]
    Short,
    #[error("must have at most {PASSWORD_MAX} bytes")]
    Long,
    #[error("must be harder to guess than one character repeated, or your address")]
    Plain,
}

impl Password {
    /// What somebody claims is their password: whatever it is, it is compared.
    pub fn claimed(text: String) -> Self {
        Self(text)
    }

    /// A new one for whoever has this address.
    pub fn new(text: String, email: &Email) -> Result<Self, WeakPassword> {
        let first = text.chars().next();
        let (user, _) = email.as_str().split_once('@').unwrap_or_default();
        let lower = text.to_lowercase();
        match text.chars().count() {
            0..PASSWORD_MIN => Err(WeakPassword::Short),
            _ if text.len() > PASSWORD_MAX => Err(WeakPassword::Long),
            _ if text.chars().all(|c| Some(c) == first) => Err(WeakPassword::Plain),
            _ if lower == email.as_str() || lower == user => Err(WeakPassword::Plain),
            _ => Ok(Self(text)),
        }
    }

    /// For the one function that hashes it. What is longer than any password is none.
    pub fn bytes(&self) -> Option<&[u8]> {
        Some(self.0.as_bytes()).filter(|bytes| bytes.len() <= PASSWORD_MAX)
    }
}

impl fmt::Debug for Password {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Password(…)")
    }
}

/// What a browser's cookie holds: 43 characters of base64url. Only its SHA-256 is kept. Never logged.
#[derive(Clone, PartialEq, Eq)]
pub struct SignInToken(String);

#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a sign-in's token is 43 characters of base64url")]
pub struct NotASignIn;

impl SignInToken {
    const FORMS: &str = "wamux/form/1";

    pub fn new(secret: [u8; 32]) -> Self {
        Self(BASE64_URL_SAFE_NO_PAD.encode(secret))
    }

    pub fn hash(&self) -> KeyHash {
        sha256(&self.0)
    }

    /// What the forms of this browser hold, so that no other site can have one sent. It says nothing of the token.
    pub fn form_token(&self) -> String {
        BASE64_URL_SAFE_NO_PAD.encode(ring::hmac::sign(&self.form_key(), Self::FORMS.as_bytes()))
    }

    /// Whether a form holds that. Compares in constant time.
    pub fn is_of_form(&self, given: &str) -> bool {
        BASE64_URL_SAFE_NO_PAD
            .decode(given)
            .is_ok_and(|given| ring::hmac::verify(&self.form_key(), Self::FORMS.as_bytes(), &given).is_ok())
    }

    fn form_key(&self) -> ring::hmac::Key {
        ring::hmac::Key::new(ring::hmac::HMAC_SHA256, self.0.as_bytes())
    }

    /// The secret itself, for the cookie.
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl FromStr for SignInToken {
    type Err = NotASignIn;

    fn from_str(text: &str) -> Result<Self, NotASignIn> {
        let whole = BASE64_URL_SAFE_NO_PAD.decode(text).is_ok_and(|bytes| bytes.len() == 32);
        whole.then(|| Self(text.to_owned())).ok_or(NotASignIn)
    }
}

impl fmt::Debug for SignInToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SignInToken(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_new_password_is_long_and_not_plain() {
        let email: Email = "someone.long@example.com".parse().unwrap();
        let new = |text: &str| Password::new(text.to_owned(), &email);
        for (text, why) in [
            ("", WeakPassword::Short),
            ("ninechars", WeakPassword::Short),
            ("aaaaaaaaaaaa", WeakPassword::Plain),
            ("Someone.Long@example.com", WeakPassword::Plain),
            ("someone.LONG", WeakPassword::Plain),
            (&"é1".repeat(100), WeakPassword::Long),
        ] {
            assert_eq!(new(text).unwrap_err(), why, "{text}");
        }
        for text in ["correct horse", "pässwörd-ß", " leading and trailing "] {
            assert_eq!(new(text).unwrap().bytes(), Some(text.as_bytes()));
        }
    }

    #[test]
    fn what_is_claimed_is_taken_as_it_is_unless_it_could_be_no_password() {
        assert!(Password::claimed(String::new()).bytes().is_some());
        assert!(Password::claimed("x".repeat(PASSWORD_MAX + 1)).bytes().is_none());
        assert!(!format!("{:?}", Password::claimed("secret".into())).contains("secret"));
    }

    #[test]
    fn a_sign_in_reads_back_and_knows_its_forms() {
        let (one, other) = (SignInToken::new([7; 32]), SignInToken::new([8; 32]));
        assert_eq!(one.reveal().parse().as_ref(), Ok(&one));
        assert!(one.is_of_form(&one.form_token()) && !one.is_of_form(&other.form_token()));
        for given in ["", one.reveal(), "!"] {
            assert!(!one.is_of_form(given), "{given}");
        }
        assert!(!format!("{one:?}").contains(one.reveal()));
        for text in ["", "st_", &one.reveal()[1..], &format!("{}A", one.reveal())] {
            assert_eq!(text.parse::<SignInToken>(), Err(NotASignIn), "{text}");
        }
    }
}
