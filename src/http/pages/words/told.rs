//! Sentences of the API, which speaks English, as a page tells them in another language: whole, with the numbers and names that stand in
//! them. What is not known here stays English, and is marked so.

use maud::{Markup, html};

use super::Language;

/// English sentences, each with its French. `{}` stands for whatever differs from one to the next; in the French `{0}` is the first of
/// these, `{0en}` the same where it is itself a piece of English, and `{0^}` where it is a name that begins with a capital.
pub(super) type Sentences = [(&'static str, &'static str)];

/// A sentence in French, if it is one of these.
pub(super) fn in_french(known: &Sentences, sentence: &str) -> Option<Markup> {
    known.iter().find_map(|(english, french)| Some(filled(french, &differing(english, sentence)?)))
}

/// A sentence that is English, for a page in this language.
pub(super) fn in_english(language: Language, sentence: &str) -> Markup {
    html! { @if language == Language::English { (sentence) } @else { span lang="en" { (sentence) } } }
}

/// What stands in a sentence where its pattern has `{}`; nothing if it is another sentence.
fn differing<'s>(pattern: &str, sentence: &'s str) -> Option<Vec<&'s str>> {
    let mut parts = pattern.split("{}");
    let mut rest = sentence.strip_prefix(parts.next()?)?;
    let mut parts = parts.peekable();
    let mut found = Vec::new();
    while let Some(part) = parts.next() {
        let end = if parts.peek().is_some() { rest.find(part)? } else { rest.strip_suffix(part)?.len() };
        found.push(&rest[..end]);
        rest = &rest[end + part.len()..];
    }
    rest.is_empty().then_some(found)
}

fn filled(french: &str, with: &[&str]) -> Markup {
    let (first, rest) = french.split_once('{').unwrap_or((french, ""));
    html! {
        (first)
        @for (place, text) in rest.split('{').filter_map(|piece| piece.split_once('}')) {
            @let number = place.trim_end_matches("en").trim_end_matches('^');
            @let what = number.parse().ok().and_then(|n: usize| with.get(n)).copied().unwrap_or_default();
            @if place.ends_with("en") { span lang="en" { (what) } } @else if place.ends_with('^') { (super::plan(what)) } @else { (what) }
            (text)
        }
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// Every sentence is found as itself and not as another, and its French has a place for nothing that it does not have.
    pub(in crate::http::pages::words) fn assert_each_is_itself(known: &Sentences) {
        for (english, french) in known {
            let places = english.matches("{}").count();
            let sentence = (0..places).fold((*english).to_owned(), |text, n| text.replacen("{}", &format!("<{n}>"), 1));
            let named: Vec<String> = (0..places).map(|n| format!("<{n}>")).collect();
            let want = filled(french, &named.iter().map(String::as_str).collect::<Vec<_>>());
            assert_eq!(in_french(known, &sentence).map(|told| told.0), Some(want.0), "{english}");
            for piece in french.split('{').skip(1) {
                let place = piece.split_once('}').unwrap().0.trim_end_matches("en").trim_end_matches('^');
                let place = place.parse::<usize>().unwrap();
                assert!(place < places, "{french}");
            }
        }
    }

    #[test]
    fn a_sentence_keeps_its_numbers_and_marks_what_stays_english() {
        let known =
            [("Up to {} of {}.", "{1}, dont {0} au plus."), ("It broke: {}.", "Panne : {0en}."), ("{}", "« {0} »")];
        let told = |sentence: &str| in_french(&known, sentence).unwrap().into_string();
        assert_eq!(told("Up to 3 of 17."), "17, dont 3 au plus.");
        assert_eq!(told("It broke: <b>."), "Panne : <span lang=\"en\">&lt;b&gt;</span>.");
        assert_eq!(told("Up to 3"), "« Up to 3 »");
        assert!(in_french(&known[..2], "Up to 3 of 17").is_none(), "it has no end");
        assert_eq!(in_english(Language::French, "x&y").0, "<span lang=\"en\">x&amp;y</span>");
        assert_eq!(in_english(Language::English, "x").0, "x");
    }
}
