//! Two simulated phones beside the steps: the one that is linked, and a friend's.

use maud::{Markup, html};

use super::super::super::phones::{Placed, Table, drawn, own};
use super::super::super::sessions;
use super::super::super::visit::Visit;
use super::super::PATH;
use crate::domain::phone::Phone;
use crate::domain::session::{Session, Status};
use crate::http::sandbox::Deed;

/// Bytes of the page for what the phone shows: the latest lines are enough here.
const LINES: usize = 10_000;

/// Gives the two phones their names. Without them they are there all the same.
pub(in crate::http::pages::start) async fn prepare(visit: &Visit) {
    let words = visit.words().start;
    for (n, name) in [(0, words.your_phone), (1, words.friends_phone)] {
        let named = Deed::Change { name: Some(name.to_owned()), auto_read: None };
        let phone = own(visit.access.tenant, n);
        if let Err(refusal) = visit.call.door.phones.act(&phone, named, &visit.call.arrival.id).await {
            tracing::debug!(error = refusal.detail, "a simulated phone has no name");
        }
    }
}

/// The friend's phone once there is somebody to write to it, and before that the one that scans. Whose it is is said, and that it is
/// another's now.
pub(in crate::http::pages::start) async fn beside(visit: &Visit, session: Option<&Session>) -> Option<Markup> {
    let words = visit.words().start;
    let mut table = Table::of_query(PATH, &visit.call.query);
    if table.phones.is_empty() {
        let linked = session.filter(|session| session.status == Status::Connected);
        let chat = linked.and_then(|session| session.phone_number.as_deref()?.parse().ok());
        table.phones.push(Placed { chat, ..Placed::new(own(visit.access.tenant, u8::from(linked.is_some()))) });
    }
    let whose = match table.phones.as_slice() {
        [one] if one.phone == own(visit.access.tenant, 0) => words.yours,
        [one] if one.phone == own(visit.access.tenant, 1) => words.a_friends,
        _ => "",
    };
    let phones = drawn(visit, &table, LINES).await;
    Some(html! {
        div.beside id="beside" tabindex="-1" data-live="1000" {
            p.whose.small.muted role="status" { (whose) }
            div.phones { div.table { (phones) } }
        }
    })
}

/// The code with the button that has the simulated phone scan it.
pub(in crate::http::pages::start) fn code(visit: &Visit, session: &Session) -> Markup {
    let words = visit.words().start;
    let ready = session.status == Status::QrReady;
    let scan = html! {
        form.scan method="post" action="/dashboard/phones" {
            (visit.csrf())
            input type="hidden" name="act" value="scan";
            input type="hidden" name="phone" value=(own(visit.access.tenant, 0));
            input type="hidden" name="session" value=(session.id);
            input type="hidden" name="back" value=(PATH);
            p { (words.scan_about) " " (words.yours_is) " " (there(&html! { span.aside { (words.aside) } span.under { (words.under) } })) "." }
            button.button.first disabled[!ready] { (words.scan) }
        }
    };
    sessions::code_for(visit, session, words.scan_title, &scan)
}

/// A link to the phone, wherever it stands.
fn there(words: &Markup) -> Markup {
    html! { a href="#beside" { (words) } }
}

/// The number of the friend's phone.
#[allow(clippy::unnecessary_wraps, reason = "as on the real network, where there is none")]
pub(in crate::http::pages::start) fn friend(visit: &Visit) -> Option<Phone> {
    Some(own(visit.access.tenant, 1))
}

pub(in crate::http::pages::start) fn look(visit: &Visit) -> Markup {
    let words = visit.words().start;
    html! { p { (there(&html! { (words.look) })) (words.look_for) } }
}
