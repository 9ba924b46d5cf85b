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
            Self::Refused(refusal) => html! {
                div.note.bad role="alert" {
                    (words::refusal(language, refusal))
                    (fields(language, refusal))
                }
            },
        }
    }

    /// The page with this above its form, under the status that goes with it.
    pub(super) fn on(&self, page: Response) -> Response {
        match self {
            Self::Done(_) => page,
            Self::Refused(refusal) => reply::not_taken(refusal.code, page),
        }
    }
}

/// What is wrong with each field, in a line of its own.
pub(super) fn fields(language: Language, refusal: &Refusal) -> Markup {
    html! { @for field in &refusal.fields { p { code { (field.field) } " " (words::mistake(language, &field.message)) } } }
}
