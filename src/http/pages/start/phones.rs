//! What stands beside the first steps on the simulated network: a phone that scans, and a friend's, on which the message appears. On
//! the real one people have phones of their own.

#[cfg(feature = "sandbox")]
mod simulated;

#[cfg(feature = "sandbox")]
pub(super) use simulated::{beside, code, friend, look, prepare};

#[cfg(not(feature = "sandbox"))]
pub(super) use real::{beside, code, friend, look, prepare};

#[cfg(not(feature = "sandbox"))]
mod real {
    use maud::{Markup, html};

    use super::super::super::sessions;
    use super::super::super::visit::Visit;
    use crate::domain::phone::Phone;
    use crate::domain::session::Session;

    pub(in crate::http::pages::start) async fn prepare(_: &Visit) {}

    pub(in crate::http::pages::start) async fn beside(_: &Visit, _: Option<&Session>) -> Option<Markup> {
        None
    }

    pub(in crate::http::pages::start) fn code(visit: &Visit, session: &Session) -> Markup {
        sessions::code(visit, session)
    }

    pub(in crate::http::pages::start) fn friend(_: &Visit) -> Option<Phone> {
        None
    }

    pub(in crate::http::pages::start) fn look(_: &Visit) -> Markup {
        html! {}
    }
}
