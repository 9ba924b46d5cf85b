//! What is looked for in the texts and captions of messages.

/// The longest words that are looked for, in characters.
pub const SEARCH_MAX: usize = 100;
/// In how many of a tenant's newest messages they are looked for: enough for weeks of most, and never the whole history.
pub const SEARCHED: u64 = 10_000;

/// 1 to 100 characters that a text has to hold, in capitals or not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Search(String);

#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must be 1 to {SEARCH_MAX} characters, none of them a NUL")]
pub struct NotASearch;

impl Search {
    /// What marks a sign of a pattern that stands for itself.
    pub const ESCAPE: char = '!';

    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The pattern of a LIKE that finds it anywhere in a text, and nothing else.
    pub fn pattern(&self) -> String {
        let mut pattern = String::from("%");
        for sign in self.0.chars() {
            if matches!(sign, '%' | '_' | Self::ESCAPE) {
                pattern.push(Self::ESCAPE);
            }
            pattern.push(sign);
        }
        pattern + "%"
    }
}

impl TryFrom<String> for Search {
    type Error = NotASearch;

    fn try_from(text: String) -> Result<Self, NotASearch> {
        let fits = (1..=SEARCH_MAX).contains(&text.chars().count()) && !text.contains('\0');
        fits.then_some(Self(text)).ok_or(NotASearch)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_looked_for_stands_for_itself() {
        for (text, pattern) in [("50%", "%50!%%"), ("a_b", "%a!_b%"), ("wow!", "%wow!!%"), ("c:\\", "%c:\\%")] {
            assert_eq!(Search::try_from(text.to_owned()).unwrap().pattern(), pattern);
        }
        for text in [String::new(), "a\0b".to_owned(), "é".repeat(SEARCH_MAX + 1)] {
            assert!(Search::try_from(text).is_err());
        }
    }
}
