//! The code that a person types into the app to link a session ("link with phone number instead").

use std::fmt;
use std::str::FromStr;

use chrono::{DateTime, Utc};

use crate::domain::phone::Phone;

const LENGTH: usize = 8;

/// Eight letters and digits. Whoever types it into the app of the number it was asked for links the session to that account,
/// so it is never stored and never logged: `Debug` hides it, and only [`PairingCode::reveal`] and [`PairingCode::shown`] say it.
#[derive(Clone, PartialEq, Eq)]
pub struct PairingCode([u8; LENGTH]);

#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must be the 8 letters and digits of a pairing code, such as ABCD-EFGH")]
pub struct NotAPairingCode;

impl PairingCode {
    /// The eight characters, as both sides derive keys from them.
    pub fn reveal(&self) -> &str {
        std::str::from_utf8(&self.0).unwrap_or_default()
    }

    /// As the app asks for it: `ABCD-EFGH`.
    pub fn shown(&self) -> String {
        let (first, second) = self.reveal().split_at(LENGTH / 2);
        format!("{first}-{second}")
    }
}

impl FromStr for PairingCode {
    type Err = NotAPairingCode;

    /// Dashes and spaces between the characters do not count, and neither does case: the app drops them too. WhatsApp's own
    /// codes leave out characters that look alike, but clients may choose codes of their own.
    fn from_str(text: &str) -> Result<Self, NotAPairingCode> {
        let mut code = [0; LENGTH];
        let mut characters = text.bytes().filter(|byte| !matches!(byte, b'-' | b' '));
        for place in &mut code {
            *place = characters.next().filter(u8::is_ascii_alphanumeric).ok_or(NotAPairingCode)?.to_ascii_uppercase();
        }
        characters.next().is_none().then_some(Self(code)).ok_or(NotAPairingCode)
    }
}

impl fmt::Debug for PairingCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PairingCode(…)")
    }
}

/// A code, the number it links, and until when it does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ShownCode {
    pub code: PairingCode,
    pub phone: Phone,
    pub expires_at: DateTime<Utc>,
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_code_is_read_as_people_write_it_and_shown_as_the_app_asks_for_it() {
        for text in ["ABCD1234", "abcd-1234", " AbCd 1234 "] {
            let code: PairingCode = text.parse().unwrap();
            assert_eq!((code.reveal(), code.shown().as_str()), ("ABCD1234", "ABCD-1234"), "{text}");
        }
    }

    #[test]
    fn what_is_no_code_is_refused() {
        for text in ["", "ABCD123", "ABCD12345", "ABCD_123", "ABCD12É"] {
            assert_eq!(text.parse::<PairingCode>(), Err(NotAPairingCode), "{text}");
        }
    }

    #[test]
    fn a_code_does_not_show_itself() {
        let code: PairingCode = "ABCD1234".parse().unwrap();
        let expires_at = DateTime::from_timestamp(1_800_000_000, 0).unwrap();
        let shown = ShownCode { code, phone: "+237612345678".parse().unwrap(), expires_at };
        let debug = format!("{shown:?}");
        assert!(!debug.contains("ABCD") && !debug.contains("612345678"), "{debug}");
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic(text in ".*") {
            if let Ok(code) = text.parse::<PairingCode>() {
                prop_assert_eq!(code.shown().parse::<PairingCode>().unwrap(), code);
            }
        }
    }
}
