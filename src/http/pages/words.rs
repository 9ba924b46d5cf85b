//! Which language a page speaks, and every word that it says: English, and French, which is spoken where the product is at home.

mod by_mail;
mod console;
mod english;
mod entry;
mod failures;
mod faults;
mod french;
mod keys;
mod labels;
mod letters;
mod measures;
mod messages;
mod mistakes;
mod operator;
mod overview;
#[cfg(feature = "sandbox")]
mod phones;
mod refusals;
mod refused;
mod rooms;
mod sessions;
mod start;
mod told;

use warp::http::header::ACCEPT_LANGUAGE;

use super::super::call::Call;
use crate::domain::mail::Letters;
pub(super) use by_mail::ByMail;
pub(super) use console::Console;
pub(super) use entry::Entry;
pub(super) use failures::{failed_with, failure};
pub(super) use faults::{fault, meant};
pub(super) use keys::Keys;
pub(super) use labels::{group, label, plan};
pub(super) use measures::Measures;
pub(super) use messages::Messages;
pub(super) use mistakes::mistake;
pub(super) use operator::Operator;
pub(super) use overview::Overview;
#[cfg(feature = "sandbox")]
pub(super) use phones::Phones;
pub(super) use refusals::{code, refusal};
pub(super) use refused::Refused;
pub(super) use rooms::Rooms;
pub(super) use sessions::Sessions;
pub(super) use start::Start;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Language {
    English,
    French,
}

/// What pages say.
pub(super) struct Words {
    pub(super) language: Language,
    pub(super) entry: &'static Entry,
    pub(super) by_mail: &'static ByMail,
    pub(super) letters: &'static Letters,
    pub(super) rooms: &'static Rooms,
    pub(super) overview: &'static Overview,
    pub(super) sessions: &'static Sessions,
    pub(super) keys: &'static Keys,
    pub(super) operator: &'static Operator,
    pub(super) start: &'static Start,
    pub(super) refused: &'static Refused,
    #[cfg(feature = "sandbox")]
    pub(super) phones: &'static Phones,
    pub(super) messages: &'static Messages,
    pub(super) console: &'static Console,
    pub(super) measures: &'static Measures,
    pub(super) theme: &'static str,
    /// In the order of `Theme::ALL`.
    pub(super) themes: [&'static str; 3],
    pub(super) skip: &'static str,
    pub(super) main_navigation: &'static str,
    pub(super) docs: &'static str,
    pub(super) no_affiliation: &'static str,
    pub(super) landing: Landing,
    pub(super) documentation: Documentation,
    pub(super) actors: Actors,
}

/// What the page of actors says; a list of figures reads well in any language.
pub(super) struct Actors {
    pub(super) title: &'static str,
    pub(super) as_of: &'static str,
    pub(super) this_page: &'static str,
    pub(super) ask: &'static str,
    pub(super) only_read: &'static str,
    pub(super) read_again: &'static str,
    pub(super) pause: &'static str,
    pub(super) go_on: &'static str,
    pub(super) forget: &'static str,
    /// What stands between a name and its figure.
    pub(super) colon: &'static str,
    pub(super) not_read: &'static str,
    pub(super) not_taken: &'static str,
    pub(super) no_token: &'static str,
    pub(super) token: &'static str,
    pub(super) show: &'static str,
    pub(super) no_script: &'static str,
    pub(super) attention: &'static str,
    pub(super) all_well: &'static str,
    pub(super) need_it: &'static str,
    pub(super) more: &'static str,
    pub(super) tree: &'static str,
    /// Left alone, restarting, no answer, stopped, running.
    pub(super) states: [&'static str; 5],
    pub(super) since: &'static str,
    pub(super) back_at: &'static str,
    pub(super) waiting: &'static str,
    pub(super) handled: &'static str,
    pub(super) restarts: &'static str,
    pub(super) answered_in: &'static str,
    pub(super) last_error: &'static str,
    pub(super) sessions: &'static str,
    pub(super) workers: &'static str,
    pub(super) in_trouble: &'static str,
}

pub(super) struct Landing {
    pub(super) title: &'static str,
    pub(super) heading: &'static str,
    pub(super) lead: &'static str,
    pub(super) begin: &'static str,
    pub(super) read: &'static str,
    /// The picture of a phone: what it shows, whose chat it is, and what is answered.
    pub(super) phone: &'static str,
    pub(super) from: &'static str,
    pub(super) answer: &'static str,
    /// What it is good at: a heading and a sentence each.
    pub(super) reasons: [(&'static str, &'static str); 6],
}

/// What stands around the documentation's own texts.
pub(super) struct Documentation {
    pub(super) contents: &'static str,
    pub(super) guide: &'static str,
    pub(super) codes: &'static str,
    pub(super) about_codes: &'static str,
    pub(super) path: &'static str,
    pub(super) query: &'static str,
    pub(super) body: &'static str,
    pub(super) answers: &'static str,
    pub(super) required: &'static str,
    pub(super) request: &'static str,
    pub(super) answer: &'static str,
}

impl Language {
    pub(super) const ALL: [Self; 2] = [Self::English, Self::French];

    /// The one that the browser likes best.
    pub(super) fn liked_by<D>(call: &Call<D>) -> Self {
        Self::liked(call.headers.get_all(ACCEPT_LANGUAGE).iter().filter_map(|line| line.to_str().ok()))
    }

    /// The best of what `Accept-Language` names (RFC 9110, section 12.5.4); English if it names none of ours.
    fn liked<'a>(lines: impl Iterator<Item = &'a str>) -> Self {
        let mut best = (0.0, Self::English);
        for wish in lines.flat_map(|line| line.split(',')) {
            let mut parts = wish.split(';').map(str::trim);
            let language = parts.next().and_then(Self::tagged);
            let weight = parts.find_map(|part| part.strip_prefix("q=")).map_or(1.0, |q| q.parse().unwrap_or(1.0_f32));
            if let Some(language) = language.filter(|_| weight > best.0) {
                best = (weight, language);
            }
        }
        best.1
    }

    pub(super) fn tagged(tag: &str) -> Option<Self> {
        let main = tag.split('-').next()?;
        Self::ALL.into_iter().find(|language| language.tag().eq_ignore_ascii_case(main))
    }

    pub(super) const fn tag(self) -> &'static str {
        match self {
            Self::English => "en",
            Self::French => "fr",
        }
    }

    /// Its name in itself.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::English => "English",
            Self::French => "Français",
        }
    }

    pub(super) const fn words(self) -> &'static Words {
        match self {
            Self::English => &english::WORDS,
            Self::French => &french::WORDS,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_browser_gets_the_language_it_likes_best() {
        for (accept, want) in [
            ("", Language::English),
            ("fr", Language::French),
            ("fr-CM,fr;q=0.9,en;q=0.8", Language::French),
            ("en-GB,en;q=0.9,fr;q=0.8", Language::English),
            ("de, fr;q=0.4, en;q=0.3", Language::French),
            ("de", Language::English),
            ("fr;q=0", Language::English),
        ] {
            assert_eq!(Language::liked([accept].into_iter()), want, "{accept}");
        }
    }
}
