//! The room of API keys: made and shown once, listed, revoked.

use maud::{Markup, html};
use serde_json::{Value, json};

use super::super::call::{Answered, id};
use super::super::fields::{self, Fields, digits, line};
use super::super::keys::{DAYS_MAX, DESCRIPTION_MAX, NAME_MAX};
use super::super::once::Header;
use super::super::reply;
use super::ask::{self, Ask};
use super::frame::Room;
use super::moment::moment;
use super::said::Said;
use super::tried::Tried;
use super::visit::{ONCE, Visit};
use crate::actors::NewKeyRequest;
use crate::domain::access::KeyView;
use crate::domain::error::Refusal;
use crate::domain::id::KeyId;

/// Where it stands, and where its form goes; a key of the first steps is made as if it came from here.
const PATH: &str = "/dashboard/keys";

pub(in crate::http) async fn show(visit: Visit) -> Answered {
    let gone = visit.call.query.iter().any(|(name, _)| name == "revoked");
    let said = gone.then_some(Said::Done(visit.words().keys.revoked));
    page(&visit, said.as_ref(), None, &Tried::not(visit.look.language)).await
}

/// Makes a key. It is on the page that answers, and nowhere after; the same form sent again shows the same key and makes no other.
pub(in crate::http) async fn create(mut visit: Visit) -> Answered {
    let fields = visit.form().await?;
    let tried = Tried::of(visit.look.language, &fields);
    match made(&visit, fields).await {
        Ok(key) => page(&visit, None, Some(&key), &Tried::not(visit.look.language)).await,
        Err(refusal) => page(&visit, None, None, &tried.refused(refusal)).await,
    }
}

pub(in crate::http) async fn revoke(mut visit: Visit, key: String) -> Answered {
    let key: KeyId = id(&key)?;
    let mut fields = visit.form().await?;
    let is_sure = ask::is_sure(&mut fields);
    fields.finish(Some(()))?;
    if is_sure {
        visit.system().delete_key(&visit.access, key).await?;
        return Ok(reply::see_other("/dashboard/keys?revoked=1"));
    }
    asked(&visit, key).await
}

/// The list of keys, where a form about one of them was sent to.
pub(in crate::http) async fn show_all(visit: Visit, _: String) -> Answered {
    show(visit).await
}

async fn asked(visit: &Visit, key: KeyId) -> Answered {
    let words = visit.words().keys;
    let keys = visit.system().kept_keys(&visit.access).await?;
    let kept = keys.iter().find(|kept| kept.id == key).ok_or_else(Refusal::not_found)?;
    let (path, about) = (format!("/dashboard/keys/{key}/revoke"), format!("{}…", kept.key_prefix));
    let ask = Ask {
        room: Room::Keys,
        act: words.revoke,
        name: &kept.name,
        question: words.sure,
        about: &about,
        path: &path,
        back: "/dashboard/keys",
    };
    ask.page(visit)
}

/// The whole of a new key. What a reload or a second click sends again is answered as it was.
pub(super) async fn made(visit: &Visit, mut fields: Fields) -> Result<String, Refusal> {
    let form = fields.optional(ONCE, fields::id);
    let name = fields.required("name", line(NAME_MAX));
    let description = fields.optional("description", line(DESCRIPTION_MAX));
    let days = fields.optional("expiresInDays", digits(1..=DAYS_MAX)).and_then(|days| u16::try_from(days).ok());
    let new = name.map(|name| NewKeyRequest { name, description, expires_in_days: days });
    let new = fields.finish(new)?;
    let words = json!([new.name, new.description, new.expires_in_days]).to_string();
    let once = Header::of_form(form, PATH, words.as_bytes()).once(PATH, words.as_bytes());
    let answer = visit.system().create_key(&visit.access, new, once).await?;
    let replayed = answer.replayed;
    let answer: Value = serde_json::from_slice(&answer.body).map_err(|_| Refusal::internal())?;
    if replayed {
        let id = answer["id"].as_str().unwrap_or_default();
        let kept = visit.system().kept_keys(&visit.access).await?;
        // One that was revoked since is of no use to anybody.
        kept.iter().find(|key| key.id.to_string() == id).ok_or_else(Refusal::not_found)?;
    }
    answer["apiKey"].as_str().map(str::to_owned).ok_or_else(Refusal::internal)
}

async fn page(visit: &Visit, said: Option<&Said>, new: Option<&str>, tried: &Tried) -> Answered {
    let words = visit.words().keys;
    let keys = visit.system().kept_keys(&visit.access).await?;
    let body = html! {
        h1 { (words.title) }
        p.muted { (words.about) }
        @if let Some(said) = said { (said.shown(visit.look.language)) }
        @if let Some(key) = new { (shown_once(visit, key)) }
        section.card {
            h2 { (words.create) }
            (tried.note(&["name", "description", "expiresInDays"]))
            form.row method="post" action=(PATH) {
                (visit.csrf())
                (visit.once())
                div { label for="name" { (words.name) } input id="name" name="name" required maxlength=(NAME_MAX) autocomplete="off" value=(tried.value("name", ""))
                        aria-invalid=[tried.wrong("name")] aria-describedby=[tried.described("name", None)] autofocus[tried.first("name")];
                    (tried.mistake("name")) }
                div.grow { label for="description" { (words.description) " " span.muted { (words.optional) } }
                    input id="description" name="description" maxlength=(DESCRIPTION_MAX) autocomplete="off" value=(tried.value("description", ""))
                        aria-invalid=[tried.wrong("description")] aria-describedby=[tried.described("description", None)] autofocus[tried.first("description")];
                    (tried.mistake("description")) }
                div { label for="expires" { (words.expires) }
                    select id="expires" name="expiresInDays" aria-invalid=[tried.wrong("expiresInDays")]
                        aria-describedby=[tried.described("expiresInDays", None)] autofocus[tried.first("expiresInDays")] {
                        option value="" { (words.never) }
                        @for days in [7, 30, 90, DAYS_MAX] { option value=(days) selected[tried.value("expiresInDays", "") == days.to_string()] { (days) " " (words.days) } }
                    }
                    (tried.mistake("expiresInDays")) }
                button.button.first { (words.create) }
            }
        }
        @if keys.is_empty() {
            p.empty { (words.none) }
        } @else {
            div.wide id="keys" data-live="5000" { (list(visit, &keys)) }
        }
    };
    visit.page(Room::Keys, words.title, &body).map(|page| tried.on(page))
}

/// A key in the one page that shows it.
pub(super) fn shown_once(visit: &Visit, key: &str) -> Markup {
    let words = visit.words().keys;
    html! {
        div.note.secret role="status" tabindex="-1" autofocus data-keep {
            strong { (words.made) }
            p { code id="new-key" { (key) } " "
                button.button.scripted type="button" data-copy="new-key" data-copied=(words.copied) { (words.copy) } }
            p { (words.once) }
        }
    }
}

fn list(visit: &Visit, keys: &[KeyView]) -> Markup {
    let (words, now, language) = (visit.words().keys, visit.system().clock().now(), visit.look.language);
    html! {
        table.rows {
            thead { tr { th { (words.name) } th { (words.key) } th { (words.used) } th { (words.last_used) } th { (words.expires) } th {} } }
            tbody {
                @for key in keys {
                    tr id=(format!("key-{}", key.id)) {
                        td { strong { (key.name) } @if let Some(about) = &key.description { br; span.muted { (about) } } }
                        td data-label=(words.key) { code { (key.key_prefix) "…" } }
                        td.num data-label=(words.used) { (key.request_count) }
                        td data-label=(words.last_used) { @if let Some(at) = key.last_used_at { (moment(language, at, now)) } @else { span.muted { (words.never_used) } } }
                        td data-label=(words.expires) { @match key.expires_at {
                            Some(at) if at <= now => { span.tag.bad { (words.expired) } },
                            Some(at) => { (moment(language, at, now)) },
                            None => { span.muted { (words.never) } },
                        } }
                        td.acts {
                            form method="post" action=(format!("/dashboard/keys/{}/revoke", key.id)) data-ask=(words.sure) {
                                (visit.csrf()) (ask::field())
                                button.quiet aria-label=(format!("{} {}", words.revoke, key.name)) { (words.revoke) }
                            }
                        }
                    }
                }
            }
        }
    }
}
