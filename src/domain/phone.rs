//! A phone number in international form: what callers write, what WhatsApp knows an account by.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// An international number: 8 to 15 digits, kept without the `+` and shown with it (ITU-T E.164).
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
#[serde(try_from = "String", into = "String")]
#[schema(value_type = String, pattern = r"^\+[0-9]{8,15}$", examples("+237612345678"))]
pub struct Phone(Box<str>);

/// Why a text is not a phone number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PhoneError {
    #[error("must be an international number that starts with +, such as +237612345678")]
    NoPlus,
    #[error("must have 8 to 15 digits after the +")]
    Length,
    #[error("may hold only digits, spaces, dots, dashes and brackets after the +")]
    Character,
}

impl Phone {
    /// The digits without the `+`: the user part of a WhatsApp address.
    pub fn digits(&self) -> &str {
        &self.0
    }

    /// From the user part of a WhatsApp address, which carries no `+`.
    pub fn from_digits(digits: &str) -> Result<Self, PhoneError> {
        if !digits.bytes().all(|b| b.is_ascii_digit()) {
            return Err(PhoneError::Character);
        }
        if !(8..=15).contains(&digits.len()) {
            return Err(PhoneError::Length);
        }
        Ok(Self(digits.into()))
    }
}

impl FromStr for Phone {
    type Err = PhoneError;

    /// Drops spaces, dots, dashes and brackets; `+` and 8 to 15 digits must be left.
    fn from_str(text: &str) -> Result<Self, PhoneError> {
        let clean: String = text.chars().filter(|c| !matches!(c, ' ' | '.' | '-' | '(' | ')' | '[' | ']')).collect();
        Self::from_digits(clean.strip_prefix('+').ok_or(PhoneError::NoPlus)?)
    }
}

impl TryFrom<String> for Phone {
    type Error = PhoneError;

    fn try_from(text: String) -> Result<Self, PhoneError> {
        text.parse()
    }
}

impl From<Phone> for String {
    fn from(phone: Phone) -> Self {
        phone.to_string()
    }
}

impl fmt::Display for Phone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "+{}", self.0)
    }
}

/// Numbers are personal data: a debug print shows the country's first digits only.
impl fmt::Debug for Phone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "+{}…", &self.0[..3])
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn what_people_write_is_cleaned() {
        for text in ["+237 6 12 34 56 78", "+237-612.345.678", "+(237)612345678", "+[237] 612345678"] {
            assert_eq!(text.parse::<Phone>().map(|p| p.to_string()), Ok("+237612345678".to_owned()), "{text}");
        }
    }

    #[test]
    fn what_is_no_number_says_why() {
        for (text, why) in [
            ("237612345678", PhoneError::NoPlus),
            ("", PhoneError::NoPlus),
            ("+1234567", PhoneError::Length),
            ("+1234567890123456", PhoneError::Length),
            ("+23761234567x", PhoneError::Character),
            ("++237612345678", PhoneError::Character),
            ("+237612345٦78", PhoneError::Character),
        ] {
            assert_eq!(text.parse::<Phone>(), Err(why), "{text}");
        }
    }

    proptest! {
        #[test]
        fn the_clean_form_parses_to_itself(digits in "[0-9]{8,15}") {
            let phone: Phone = format!("+{digits}").parse().unwrap();
            prop_assert_eq!(phone.to_string().parse::<Phone>().unwrap(), phone);
        }

        #[test]
        fn no_text_makes_it_panic(text in ".*") {
            let _ = text.parse::<Phone>();
        }
    }
}
