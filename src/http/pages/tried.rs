//! A form that was sent and not taken: it is shown again as it was typed, and what is wrong stands at its fields.

use maud::{Markup, html};

use super::super::fields::Fields;
use super::super::reply::{self, Response};
use super::said;
use super::words::{self, Language};
use crate::domain::error::{FieldError, Refusal};

pub(super) struct Tried {
    language: Language,
    typed: Vec<(String, String)>,
    refusal: Option<Refusal>,
}

impl Tried {
    /// A form that nobody sent yet.
    pub(super) const fn not(language: Language) -> Self {
        Self { language, typed: Vec::new(), refusal: None }
    }

    /// What stands in a form's fields; what is wrong with them is said later.
    pub(super) fn of(language: Language, fields: &Fields) -> Self {
        Self { language, typed: fields.texts(), refusal: None }
    }

    pub(super) fn refused(self, refusal: Refusal) -> Self {
        Self { refusal: Some(refusal), ..self }
    }

    pub(super) const fn was_refused(&self) -> bool {
        self.refusal.is_some()
    }

    /// What stands in a field: what was typed, or else what stood there before.
    pub(super) fn value<'a>(&'a self, name: &str, before: &'a str) -> &'a str {
        if self.refusal.is_none() {
            return before;
        }
        self.typed.iter().find(|(given, _)| given == name).map_or("", |(_, text)| text.as_str())
    }

    fn of_field(&self, name: &str) -> impl Iterator<Item = &FieldError> {
        self.refusal.iter().flat_map(|refusal| &refusal.fields).filter(move |wrong| wrong.field == name)
    }

    /// For `aria-invalid`.
    pub(super) fn wrong(&self, name: &str) -> Option<&'static str> {
        self.of_field(name).next().map(|_| "true")
    }

    /// For `aria-describedby`: the field's mistake, and its hint.
    pub(super) fn described(&self, name: &str, hint: Option<&str>) -> Option<String> {
        let mistake = self.wrong(name).map(|_| format!("{name}-wrong"));
        let ids: Vec<String> = mistake.into_iter().chain(hint.map(str::to_owned)).collect();
        (!ids.is_empty()).then(|| ids.join(" "))
    }

    /// Whether this is the first field to be corrected.
    pub(super) fn first(&self, name: &str) -> bool {
        self.refusal.iter().flat_map(|refusal| &refusal.fields).next().is_some_and(|wrong| wrong.field == name)
    }

    /// What is wrong with a field, to stand below it.
    pub(super) fn mistake(&self, name: &str) -> Markup {
        html! {
            @if self.wrong(name).is_some() {
                p.mistake.plain id=(format!("{name}-wrong")) {
                    @for wrong in self.of_field(name) { (words::mistake(self.language, &wrong.message)) " " }
                }
            }
        }
    }

    /// What is wrong with no field of the form, which has these, to stand above them.
    pub(super) fn note(&self, controls: &[&str]) -> Markup {
        let Some(refusal) = &self.refusal else { return html! {} };
        let is_elsewhere = |wrong: &&FieldError| !controls.contains(&wrong.field.as_str());
        let elsewhere: Vec<FieldError> = refusal.fields.iter().filter(is_elsewhere).cloned().collect();
        html! {
            @if refusal.fields.is_empty() || !elsewhere.is_empty() {
                div.note.bad role="alert" tabindex="-1" autofocus[refusal.fields.is_empty()] {
                    (said::refused(self.language, &Refusal { fields: elsewhere, ..refusal.clone() }))
                }
            }
        }
    }

    /// The page with the form, under the status that goes with what is wrong.
    pub(super) fn on(&self, page: Response) -> Response {
        match &self.refusal {
            None => page,
            Some(refusal) => reply::not_taken_for(refusal, page),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_form_that_was_refused_has_what_was_typed_and_each_mistake_at_its_field() {
        let given = [("name", "<b>"), ("days", "x")].map(|(name, text)| (name.to_owned(), text.to_owned()));
        let tried = Tried::of(Language::English, &Fields::of_form(given.into()));
        assert_eq!(tried.value("name", "before"), "before", "nobody said no yet");
        let wrong = vec![FieldError::new("days", "must be 1"), FieldError::new("plan", "is not known here")];
        let tried = tried.refused(Refusal::invalid(wrong));
        assert_eq!((tried.value("name", "before"), tried.value("left blank", "before")), ("<b>", ""));
        assert_eq!(tried.described("days", Some("hint")).as_deref(), Some("days-wrong hint"));
        assert_eq!((tried.wrong("name"), tried.described("name", None)), (None, None));
        assert!(tried.first("days") && !tried.first("plan"));
        assert!(tried.mistake("days").0.contains("must be 1") && tried.mistake("name").0.is_empty());
        let note = tried.note(&["name", "days"]).0;
        assert!(
            note.contains("is not known here") && !note.contains("must be 1") && !note.contains("Correct"),
            "{note}"
        );
        assert!(tried.note(&["name", "days", "plan"]).0.is_empty());
    }
}
