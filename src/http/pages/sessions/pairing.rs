//! What links a session: a code to scan, which renews itself, or a code to type in.

use maud::{Markup, html};

use super::super::visit::Visit;
use super::super::words::meant;
use crate::domain::session::pairing_code::ShownCode;
use crate::domain::session::{Session, Status};

/// The code to scan, beside what scans it.
pub(in crate::http::pages) fn code(visit: &Visit, session: &Session) -> Markup {
    let words = visit.words().sessions;
    code_for(
        visit,
        session,
        words.scan,
        &html! { @if cfg!(feature = "sandbox") { (simulated(visit)) } @else { (real(visit)) } },
    )
}

/// The same beside something else. With script it comes from the session's stream, with the time that is left of it; without, it is
/// read again by hand.
pub(in crate::http::pages) fn code_for(visit: &Visit, session: &Session, title: &str, scanner: &Markup) -> Markup {
    let words = visit.words().sessions;
    let picture = format!("/api/v1/sessions/{}/qr", session.id);
    let ready = session.status == Status::QrReady;
    html! {
        section.card.pair id="pair" {
            div.qr data-keep id="code" data-stream=(session.stream_url) data-seconds=(words.renews_in) data-soon=(words.code_soon) data-picture=(picture)
                data-alt=(words.qr) data-lost=(words.stream_lost) data-troubles=[meant(visit.look.language)] {
                @if ready { img id="qr" alt=(words.qr) width="264" height="264" src=(picture); }
                progress.scripted max="20" value="20" aria-hidden="true" {}
                p.small.muted id="left" { noscript {
                    (if ready { words.code_ages } else { words.code_soon }) " " a href="" { (words.read_again) }
                } }
            }
            div {
                h2 { (title) }
                (scanner)
                p id="trouble" role="status" {}
            }
        }
    }
}

/// Where a real phone has it.
fn real(visit: &Visit) -> Markup {
    html! { ol { @for step in visit.words().sessions.scan_steps { li { (step) } } } }
}

/// No real phone reads a code of the simulated network.
fn simulated(visit: &Visit) -> Markup {
    html! { p { (visit.words().sessions.simulated) } }
}

/// Where a code to type in is asked for.
pub(super) fn ask(visit: &Visit, session: &Session) -> Markup {
    let words = visit.words().sessions;
    html! {
        details.card {
            summary { (words.by_number) }
            p.muted.small { (words.by_number_about) }
            form.row method="post" action=(format!("/dashboard/sessions/{}/pairing-code", session.id)) {
                (visit.csrf())
                div.grow { label for="phone" { (words.number) }
                    input id="phone" name="phone" type="tel" required placeholder="+237612345678" autocomplete="tel" maxlength="40"; }
                button.button { (words.get_code) }
            }
        }
    }
}

/// A code to type in.
pub(super) fn typed(visit: &Visit, shown: &ShownCode) -> Markup {
    let words = visit.words().sessions;
    html! {
        section.card {
            h2 { (words.type_in) }
            p.code-to-type { code { (shown.code.shown()) } }
            p.muted.small { (words.type_in_about) " " strong.num { (shown.phone) } }
        }
    }
}
