//! The fields of a request, read one by one, so that a caller hears of everything that is wrong with them at once.

use std::fmt::Display;
use std::ops::RangeInclusive;

use serde::de::{DeserializeOwned, Deserializer, MapAccess, Visitor};
use serde::{Deserialize, de};
use serde_json::Value;

use crate::domain::error::{FieldError, Refusal};
use crate::domain::name::is_name;
use crate::domain::session::Setting;

/// How many errors one answer lists, and how much of an unknown name it repeats.
const ERRORS_MAX: usize = 50;
const NAME_MAX: usize = 100;

/// What was given and not read yet, and what was wrong so far.
#[derive(Debug)]
pub(super) struct Fields {
    given: Vec<(String, Value)>,
    errors: Vec<FieldError>,
}

impl Fields {
    /// The members of a JSON object.
    pub(super) fn of_json(body: &[u8]) -> Result<Self, serde_json::Error> {
        let Members(given) = serde_json::from_slice(body)?;
        Ok(Self { given, errors: Vec::new() })
    }

    /// The parameters of a query.
    pub(super) fn of_query(query: Vec<(String, String)>) -> Self {
        Self { given: query.into_iter().map(|(name, text)| (name, text.into())).collect(), errors: Vec::new() }
    }

    /// The short parts of a form.
    pub(super) fn of_form(parts: Vec<(String, String)>) -> Self {
        Self::of_query(parts)
    }

    /// Every text that was given and not read yet, for a form that is shown again.
    pub(super) fn texts(&self) -> Vec<(String, String)> {
        let texts = self.given.iter().filter_map(|(name, value)| Some((name.clone(), value.as_str()?.to_owned())));
        texts.collect()
    }

    /// Whether a field is there, and is not null.
    pub(super) fn is_given(&self, name: &str) -> bool {
        let snake = snake_case(name);
        self.given.iter().any(|(given, value)| (given == name || *given == snake) && !value.is_null())
    }

    /// A field that has to be there. Nothing comes back if it is missing or wrong, and `finish` will say so.
    pub(super) fn required<T>(&mut self, name: &str, read: impl FnOnce(Value) -> Result<T, String>) -> Option<T> {
        let before = self.errors.len();
        let value = self.optional(name, read);
        if value.is_none() && self.errors.len() == before {
            self.wrong(name, "is required");
        }
        value
    }

    /// A field that may be missing, or null. Nothing comes back if it is, or if it is wrong; `finish` tells these apart.
    pub(super) fn optional<T>(&mut self, name: &str, read: impl FnOnce(Value) -> Result<T, String>) -> Option<T> {
        let (given, value) = self.take(name)?;
        read(value).map_err(|why| self.wrong(&given, &why)).ok()
    }

    /// A field that may be missing, and may be null, which says something else. `finish` tells of a wrong one.
    pub(super) fn nullable<T>(&mut self, name: &str, read: impl FnOnce(Value) -> Result<T, String>) -> Setting<T> {
        match self.take_any(name) {
            None => Setting::Keep,
            Some((_, Value::Null)) => Setting::Remove,
            Some((given, value)) => read(value).map_or_else(
                |why| {
                    self.wrong(&given, &why);
                    Setting::Keep
                },
                Setting::Set,
            ),
        }
    }

    pub(super) fn wrong(&mut self, name: &str, why: &(impl ToString + ?Sized)) {
        self.errors.push(FieldError::new(name, why));
    }

    /// Whether nothing was wrong so far.
    #[cfg(feature = "sandbox")]
    pub(super) fn is_clean(&self) -> bool {
        self.errors.is_empty()
    }

    /// What was read, unless anything was wrong with it or something was given that nobody read.
    pub(super) fn finish<T>(mut self, value: Option<T>) -> Result<T, Refusal> {
        for (name, _) in self.given {
            let name: String = name.chars().take(NAME_MAX).collect();
            self.errors.push(FieldError::new(&name, "is not known here"));
        }
        match value {
            Some(value) if self.errors.is_empty() => Ok(value),
            _ => {
                self.errors.truncate(ERRORS_MAX);
                Err(Refusal::invalid(self.errors))
            }
        }
    }

    /// Takes the field out, under its own name or the same in `snake_case`; a mistake is told under the name that was given.
    fn take(&mut self, name: &str) -> Option<(String, Value)> {
        self.take_any(name).filter(|(_, value)| !value.is_null())
    }

    fn take_any(&mut self, name: &str) -> Option<(String, Value)> {
        #[cfg(test)]
        asked::note(name);
        let snake = snake_case(name);
        let mut found = self.given.extract_if(.., |(given, _)| given == name || *given == snake);
        let first = found.next();
        if found.count() > 0 {
            self.wrong(name, "is given more than once");
            return None;
        }
        first
    }
}

/// Reads a string into what it stands for.
pub(super) fn text<T, E: Display>(
    read: impl FnOnce(String) -> Result<T, E>,
) -> impl FnOnce(Value) -> Result<T, String> {
    |value| match value {
        Value::String(text) => read(text).map_err(|why| why.to_string()),
        _ => Err("must be a string".to_owned()),
    }
}

/// Reads an id.
pub(super) fn id<T: std::str::FromStr>(value: Value) -> Result<T, String> {
    text(|id| id.parse().map_err(|_| "must be a UUID"))(value)
}

/// Reads a line of text for people: a name or a description.
pub(super) fn line(longest: usize) -> impl FnOnce(Value) -> Result<String, String> {
    text(move |line| {
        let why = || {
            format!(
                "must be 1 to {longest} characters, none of them a control character, and one at least that can be seen"
            )
        };
        if is_name(&line, longest) { Ok(line) } else { Err(why()) }
    })
}

/// Reads a whole number. JSON knows no other kind, so that 30.0 is as good as 30.
pub(super) fn whole(range: RangeInclusive<u64>) -> impl FnOnce(Value) -> Result<u64, String> {
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "whole, and no less than 0")]
    let plain = |number: f64| (number.fract() == 0.0 && number >= 0.0).then_some(number as u64);
    move |value| within(range, value.as_u64().or_else(|| value.as_f64().and_then(plain)))
}

/// Reads a whole number from the text of a query.
pub(super) fn digits(range: RangeInclusive<u64>) -> impl FnOnce(Value) -> Result<u64, String> {
    let plain = |digits: &&str| digits.bytes().all(|b| b.is_ascii_digit());
    move |value| within(range, value.as_str().filter(plain).and_then(|digits| digits.parse().ok()))
}

fn within(range: RangeInclusive<u64>, number: Option<u64>) -> Result<u64, String> {
    let outside = || format!("must be a whole number from {} to {}", range.start(), range.end());
    number.filter(|number| range.contains(number)).ok_or_else(outside)
}

/// Reads a yes or a no.
#[allow(clippy::needless_pass_by_value, reason = "a reader of a field, as the others are")]
pub(super) fn yes_or_no(value: Value) -> Result<bool, String> {
    serde_json::from_value(value).map_err(|_| "must be true or false".to_owned())
}

/// The same where all values are texts.
#[allow(clippy::needless_pass_by_value, reason = "a reader of a field, as the others are")]
pub(super) fn yes_or_no_in_words(value: Value) -> Result<bool, String> {
    value.as_str().and_then(|word| word.parse().ok()).ok_or_else(|| "must be true or false".to_owned())
}

/// Reads one of a closed list of words.
pub(super) fn word<T: DeserializeOwned>(value: Value) -> Result<T, String> {
    serde_json::from_value(value).map_err(|why| why.to_string())
}

fn snake_case(name: &str) -> String {
    let mut snake = String::with_capacity(name.len() + 4);
    for letter in name.chars() {
        if letter.is_ascii_uppercase() {
            snake.push('_');
        }
        snake.push(letter.to_ascii_lowercase());
    }
    snake
}

/// A JSON object with its members as they stand; a map would let the last of two win in silence.
struct Members(Vec<(String, Value)>);

impl<'de> Deserialize<'de> for Members {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct Object;
        impl<'de> Visitor<'de> for Object {
            type Value = Members;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("a JSON object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Members, A::Error> {
                let mut members = Vec::new();
                while let Some(member) = map.next_entry::<String, Value>()? {
                    members.push(member);
                }
                Ok(Members(members))
            }
        }
        de::Deserializer::deserialize_map(from, Object)
    }
}

/// What readers have asked for on this thread, so that a test can tell whether all of it is documented.
#[cfg(test)]
pub(super) mod asked {
    use std::cell::RefCell;
    use std::collections::BTreeSet;

    thread_local!(static NAMES: RefCell<BTreeSet<String>> = const { RefCell::new(BTreeSet::new()) });

    pub(super) fn note(name: &str) {
        NAMES.with_borrow_mut(|names| names.insert(name.to_owned()));
    }

    pub(in crate::http) fn forget() -> BTreeSet<String> {
        NAMES.take()
    }
}

#[cfg(test)]
mod tests;
