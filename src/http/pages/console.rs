//! The console: a form that sends any kind of message as an API call does, what the API answers, and the same call as code.

mod answer;
mod code;
mod draft;
mod form;
mod quote;

use maud::{Markup, html};

use super::super::call::Answered;
use super::super::fields::text;
use super::super::{messages, origin, reply};
use super::frame::Room;
use super::visit::{FORM_TOKEN, Visit};
use crate::actors::Sending;
use code::{Language, code};
use draft::Draft;

const HERE: &str = "/dashboard/console";

/// What an address says stands in the form already: other pages lead here to a number, or through a session.
pub(in crate::http) async fn show(visit: Visit) -> Answered {
    let draft = Draft::of(&visit.call.query);
    page(&visit, &draft, None).await
}

/// Sends what was typed, and shows it again with the answer. The form's own id makes a repeat harmless, so there is no need to send
/// a browser elsewhere, where what was typed is lost.
pub(in crate::http) async fn send(mut visit: Visit) -> Answered {
    visit.is_own_form()?;
    let (typed, read) = messages::typed(&mut visit.call, &visit.access).await;
    visit.has_own_token(typed.texts())?;
    let read = read.and_then(|()| draft::checked(typed.texts()));
    let mut texts = typed.texts().to_vec();
    texts.retain(|(name, _)| name != "fileName" && name != FORM_TOKEN);
    texts.extend(typed.file_name().map(|name| ("fileName".to_owned(), name.to_owned())));
    let draft = Draft::of(&texts);
    let sending = match read {
        Ok(()) => {
            let once = draft.once.parse().ok();
            messages::send_by_hand(&visit.call, &visit.access, draft.kind.way(), draft.fields(), typed, once).await
        }
        Err(refusal) => messages::refused_by_hand(&visit.call, &visit.access, refusal).await,
    };
    let page = page(&visit, &draft, Some(&sending)).await?;
    Ok(match &sending.answer {
        Ok(_) => page,
        Err(refusal) => reply::not_taken(refusal.code, page),
    })
}

/// The code alone, for a page that follows what is typed.
pub(in crate::http) async fn follow(mut visit: Visit) -> Answered {
    let mut fields = visit.form().await?;
    let names = ["kind", "to", "sessionId", "message", "url", "caption", "fileName", "once"];
    let typed = names.map(|name| (name.to_owned(), fields.optional(name, text(Ok::<_, String>)).unwrap_or_default()));
    fields.finish(Some(()))?;
    Ok(super::page(&visit.look, &written(&visit, &Draft::of(&typed))))
}

async fn page(visit: &Visit, draft: &Draft, sending: Option<&Sending>) -> Answered {
    let words = visit.words().console;
    let sessions = visit.system().sessions(&visit.access).await?;
    let refusal = sending.and_then(|sending| sending.answer.as_ref().err());
    let body = html! {
        div.head { h1 { (words.title) } }
        p.muted.lead { (words.lead) }
        div.console id="console" {
            (form::form(visit, draft, &sessions, refusal))
            div.beside {
                (answer::answer(visit, sending))
                (written(visit, draft))
            }
        }
    };
    visit.alive(Room::Console, words.title, "console", &body)
}

/// The call in every language: tabs that need no script.
fn written(visit: &Visit, draft: &Draft) -> Markup {
    let (words, copy) = (visit.words().console, visit.words().messages);
    let base = origin::address(&visit.call.headers);
    html! {
        section.window.code id="code" aria-label=(words.code) {
            fieldset.top {
                legend.vh { (words.language) }
                @for language in Language::ALL {
                    label {
                        input.vh type="radio" name="language" value=(language.slug()) checked[language == Language::Curl];
                        (language.name())
                    }
                }
            }
            @for language in Language::ALL {
                div.panel.(language.slug()) {
                    pre tabindex="0" id=(format!("code-{}", language.slug())) { code { (code(language, &base, draft)) } }
                    button.quiet.scripted type="button" data-copy=(format!("code-{}", language.slug())) data-copied=(copy.copied) {
                        (copy.copy)
                    }
                }
            }
            p.hint { (words.about_key) " " a href="/dashboard/keys" { (visit.words().keys.title) } }
        }
    }
}
