//! What a page says above its forms: that something was done, or why it was not.

use maud::{Markup, html};

use super::super::reply::{self, Response};
use super::words::{self, Language};
use crate::domain::error::Refusal;

pub(super) enum Said {
    Done(&'static str),
    Refused(Refusal),
}

impl Said {
    pub(super) fn shown(&self, language: Language) -> Markup {
        match self {
            Self::Done(text) => html! { p.note role="status" { (text) } },
            Self::Refused(refusal) => html! { div.note.bad role="alert" { (refused(language, refusal)) } },
        }
    }

    /// The page with this above its form, under the status that goes with it.
    pub(super) fn on(&self, page: Response) -> Response {
        match self {
            Self::Done(_) => page,
            Self::Refused(refusal) => reply::not_taken_for(refusal, page),
        }
    }
}

/// Why something was refused, and what is wrong with each field, in a line of its own, under the name that the field has on pages.
pub(super) fn refused(language: Language, refusal: &Refusal) -> Markup {
    // What only counts the fields up says nothing beside them.
    let counts = !refusal.fields.is_empty() && refusal.detail.starts_with("Correct: ");
    let colon = if language == Language::French { "\u{a0}: " } else { ": " };
    html! {
        @if !counts { p { (words::refusal(language, refusal)) } }
        @for field in &refusal.fields {
            p {
                @if let Some(label) = words::label(language, &field.field) { strong { (label) } } @else { code { (field.field) } }
                (colon) (words::mistake(language, &field.message))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::error::FieldError;

    #[test]
    fn people_are_told_of_fields_by_the_names_that_they_see() {
        let refusal =
            Refusal::invalid(vec![FieldError::new("proxyUrl", "is required"), FieldError::new("<x>", "is odd")]);
        let told = refused(Language::English, &refusal).0;
        assert_eq!(told, "<p><strong>Proxy</strong>: is required</p><p><code>&lt;x&gt;</code>: is odd</p>");
        let told = refused(Language::French, &refusal).0;
        assert!(told.starts_with("<p><strong>Mandataire (proxy)</strong>\u{a0}: est obligatoire</p>"), "{told}");
        assert_eq!(refused(Language::English, &Refusal::not_found()).0, "<p>No such resource.</p>");
    }
}
