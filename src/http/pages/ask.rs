//! What cannot be undone is asked about first: by script in a box, or else by a page of its own.

use maud::{Markup, html};

use super::super::call::Answered;
use super::super::fields::{Fields, text};
use super::frame::Room;
use super::visit::Visit;

/// What a form holds once somebody was asked and said yes.
const SURE: &str = "sure";

/// A question with its answers.
pub(super) struct Ask<'a> {
    pub(super) room: Room,
    /// What is to be done, and to what.
    pub(super) act: &'a str,
    pub(super) name: &'a str,
    pub(super) question: &'a str,
    pub(super) about: &'a str,
    /// Where the form is sent, and where a no leads to.
    pub(super) path: &'a str,
    pub(super) back: &'a str,
}

/// The field that a form with `data-ask` holds: script gives it when the answer is yes.
pub(super) fn field() -> Markup {
    html! { input type="hidden" name=(SURE) value="1" disabled; }
}

/// Whether somebody was asked.
pub(super) fn is_sure(fields: &mut Fields) -> bool {
    fields.optional(SURE, text(Ok::<_, String>)).is_some()
}

impl Ask<'_> {
    /// The question as a page, whose form is the same with the answer in it.
    pub(super) fn page(&self, visit: &Visit) -> Answered {
        let title = format!("{} · {}", self.act, self.name);
        let body = html! {
            h1 { (title) }
            section.card {
                p { strong { (self.question) } }
                p.muted { (self.about) }
                form.acts method="post" action=(self.path) {
                    (visit.csrf())
                    input type="hidden" name=(SURE) value="1";
                    button.button.bad { (self.act) }
                    a.button href=(self.back) { (visit.words().rooms.no_back) }
                }
            }
        };
        visit.page(self.room, &title, &body)
    }
}
