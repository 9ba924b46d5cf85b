//! The console's form. Which fields are seen goes by what is to be sent; what is not seen is not sent on.

use maud::{Markup, html};

use super::HERE;
use super::draft::{Draft, Kind};
use crate::domain::error::Refusal;
use crate::domain::session::{Session, Status};
use crate::http::pages::visit::Visit;
use crate::http::pages::words::mistake;

/// How many sessions can be chosen by name; of more than that, those that were made last.
const SESSIONS: usize = 100;

pub(super) fn form(visit: &Visit, draft: &Draft, sessions: &[Session], refusal: Option<&Refusal>) -> Markup {
    let words = visit.words().console;
    let none_connected = sessions.iter().all(|session| session.status != Status::Connected);
    let wrong = |id: &str| mistakes(visit, refusal, id);
    let is_wrong = |id: &str| {
        let mut fields = refusal.into_iter().flat_map(|refusal| &refusal.fields);
        fields.any(|wrong| control(&wrong.field) == id).then_some("true")
    };
    let why = |id: &str| is_wrong(id).map(|_| format!("{id}-wrong"));
    html! {
        form.stack.card id="call" method="post" action=(HERE) enctype="multipart/form-data" novalidate data-sending=(words.sending) {
            // First, so that it is known before a file is read.
            (visit.csrf())
            @if none_connected { p.note.warn { (words.none_connected) " " a href="/dashboard/sessions" { (visit.words().sessions.title) } } }
            (kinds(visit, draft))
            (wrong("kind"))
            input type="hidden" name="once" value=(visit.system().clock().id());
            label for="to" { (words.to) }
            input id="to" name="to" type="tel" value=(draft.to) placeholder="+237612345678" autocomplete="off" aria-invalid=[is_wrong("to")] aria-describedby=[why("to")];
            (wrong("to"))
            label for="via" { (words.via) }
            (via(visit, draft, sessions))
            (wrong("via"))
            div.of.text {
                label for="message" { (words.message) }
                textarea id="message" name="message" rows="6" aria-invalid=[is_wrong("message")] aria-describedby=[why("message")] { "\n" (draft.message) }
                (wrong("message"))
            }
            div.of.picture {
                label for="caption" { (words.caption) " " span.kind { (words.optional) } }
                textarea id="caption" name="caption" rows="2" aria-invalid=[is_wrong("caption")] aria-describedby=[why("caption")] { "\n" (draft.caption) }
                (wrong("caption"))
            }
            div.of.medium {
                label for="url" { (words.url) }
                input id="url" name="url" type="url" value=(draft.url) placeholder="https://example.com/picture.jpg"
                    aria-invalid=[is_wrong("url")] aria-describedby=[why("url")];
                (wrong("url"))
            }
            // Last, so that all the rest is known where a file is refused.
            div.of.medium {
                label for="file" { (words.file) }
                input id="file" name="file" type="file" accept="image/*,video/*,audio/*" aria-invalid=[is_wrong("file")]
                    aria-describedby=(why("file").unwrap_or_else(|| "file-hint".to_owned()));
                p.hint id="file-hint" { (words.file_hint) }
                (wrong("file"))
            }
            button.button.first { (words.send) }
            (trouble(visit))
        }
    }
}

fn kinds(visit: &Visit, draft: &Draft) -> Markup {
    let (words, names) = (visit.words().console, visit.words().messages);
    let name = |kind| match kind {
        Kind::Text => names.text,
        Kind::Image => names.image,
        Kind::Video => names.video,
        Kind::Audio => names.audio,
        Kind::Voice => names.voice,
    };
    html! {
        fieldset.kinds {
            legend.vh { (words.what) }
            @for kind in Kind::ALL {
                label {
                    input.vh type="radio" name="kind" value=(kind.as_str()) checked[kind == draft.kind];
                    (name(kind))
                }
            }
        }
    }
}

fn via(visit: &Visit, draft: &Draft, sessions: &[Session]) -> Markup {
    let words = visit.words().console;
    let listed: Vec<&Session> = sessions.iter().rev().take(SESSIONS).collect();
    let is_listed = listed.iter().any(|session| session.id.to_string() == draft.session);
    html! {
        select id="via" name="sessionId" {
            option value="" { (words.any) }
            @if !draft.session.is_empty() && !is_listed { option value=(draft.session) selected { (draft.session) } }
            @for session in listed {
                option value=(session.id) selected[session.id.to_string() == draft.session] {
                    (session.session_key.as_str())
                    @if session.status != Status::Connected { " (" (words.away) ")" }
                }
            }
        }
    }
}

/// The control of the form that gives a field of a call.
fn control(field: &str) -> &str {
    match field {
        "mediaUrl" | "audioUrl" => "url",
        "sessionId" => "via",
        other => other,
    }
}

/// What is wrong with what a control gave, under the name that it has in the call.
fn mistakes(visit: &Visit, refusal: Option<&Refusal>, id: &str) -> Markup {
    let fields = refusal.into_iter().flat_map(|refusal| &refusal.fields);
    let wrong: Vec<_> = fields.filter(|wrong| control(&wrong.field) == id).collect();
    html! {
        @if !wrong.is_empty() {
            div.mistakes id=(format!("{id}-wrong")) {
                @for wrong in wrong {
                    p.mistake { code { (wrong.field) } " " (mistake(visit.look.language, &wrong.message)) }
                }
            }
        }
    }
}

#[cfg(feature = "sandbox")]
fn trouble(visit: &Visit) -> Markup {
    let words = visit.words().console;
    html! { p.hint { (words.trouble) " " a href="/docs#sandbox" { (words.trouble_all) } } }
}

#[cfg(not(feature = "sandbox"))]
fn trouble(_: &Visit) -> Markup {
    html! {}
}
