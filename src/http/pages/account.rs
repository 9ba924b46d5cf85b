//! The room of the account: whose it is, on which plan, and its password.

use maud::html;

use super::super::call::Answered;
use super::super::fields::text;
use super::super::reply;
use super::frame::Room;
use super::visit::{self, Visit};
use super::words::plan;
use crate::domain::account::{PASSWORD_MAX, PASSWORD_MIN, Password, WeakPassword};
use crate::domain::error::Code;

#[allow(clippy::unused_async, reason = "a route's handler")]
pub(in crate::http) async fn show(visit: Visit) -> Answered {
    let changed = visit.call.query.iter().any(|(name, _)| name == "changed");
    let words = visit.words().rooms;
    page(&visit, changed.then_some((false, words.changed)))
}

pub(in crate::http) async fn password(mut visit: Visit) -> Answered {
    let mut fields = visit.form().await?;
    let old = fields.optional("old", text(Ok::<_, String>)).unwrap_or_default();
    let new = fields.optional("new", text(Ok::<_, String>)).unwrap_or_default();
    fields.finish(Some(()))?;
    let (entry, words) = (visit.words().entry, visit.words().rooms);
    let again = |text| page(&visit, Some((true, text))).map(|page| reply::not_taken(Code::ValidationFailed, page));
    let new = match Password::new(new, &visit.email) {
        Ok(new) => new,
        Err(WeakPassword::Short) => return again(entry.short),
        Err(WeakPassword::Long) => return again(entry.long),
        Err(WeakPassword::Plain) => return again(entry.plain),
    };
    let from = visit.call.client();
    let (system, access, email) = (visit.system(), &visit.access, &visit.email);
    if system.change_password(access, email, Password::claimed(old), new, from).await? {
        return Ok(reply::see_other("/dashboard/account?changed=1"));
    }
    again(words.wrong_password)
}

pub(in crate::http) async fn delete(mut visit: Visit) -> Answered {
    let mut fields = visit.form().await?;
    let password = fields.optional("password", text(Ok::<_, String>)).unwrap_or_default();
    fields.finish(Some(()))?;
    let from = visit.call.client();
    let password = Password::claimed(password);
    if visit.system().delete_account(&visit.access, &visit.email, password, from).await? {
        let mut response = reply::see_other("/login?gone=1");
        visit::forget(&mut response);
        return Ok(response);
    }
    let said = Some((true, visit.words().rooms.wrong_password));
    page(&visit, said).map(|page| reply::not_taken(Code::ValidationFailed, page))
}

fn page(visit: &Visit, said: Option<(bool, &str)>) -> Answered {
    let (entry, words) = (visit.words().entry, visit.words().rooms);
    let body = html! {
        h1 { (words.account) }
        @if let Some((bad, text)) = said {
            p.note.bad[bad] role=(if bad { "alert" } else { "status" }) { (text) }
        }
        dl.facts {
            dt { (words.address) } dd { (visit.email.as_str()) }
            dt { (words.plan) } dd { (plan(&visit.access.plan.name)) }
        }
        section.card {
            h2 { (words.change_password) }
            form.stack.short method="post" action="/dashboard/account/password" {
                (visit.csrf())
                input.vh type="email" autocomplete="username" value=(visit.email.as_str()) readonly tabindex="-1" aria-hidden="true";
                label for="old" { (words.old_password) }
                input id="old" name="old" type="password" autocomplete="current-password" required maxlength=(PASSWORD_MAX);
                label for="new" { (words.new_password) }
                input id="new" name="new" type="password" autocomplete="new-password" required
                    minlength=(PASSWORD_MIN) maxlength=(PASSWORD_MAX) aria-describedby="hint";
                p.hint id="hint" { (entry.password_hint) " " (words.others_out) }
                button.button { (words.change_password) }
            }
        }
        section.card {
            h2 { (words.delete) }
            p.muted.small { (words.delete_about) }
            form.row method="post" action="/dashboard/account/delete" data-ask=(words.delete_sure) {
                (visit.csrf())
                div { label for="password" { (words.old_password) }
                    input id="password" name="password" type="password" autocomplete="current-password" required maxlength=(PASSWORD_MAX); }
                button.button.bad { (words.delete) }
            }
        }
    };
    visit.page(Room::Account, words.account, &body)
}
