//! What the forms of a phone ask for. Each leads back to the page that it stands on, which says so if something did not work.

use super::super::super::call::Answered;
use super::super::super::fields::{Fields, text};
use super::super::super::reply;
use super::super::visit::Visit;
use super::table::{Placed, Table, number};
use super::trouble::Trouble;
use crate::domain::content::Text;
use crate::domain::error::Refusal;
use crate::domain::phone::Phone;
use crate::http::sandbox::Deed;

/// The longest name of a phone's person, in characters.
const NAME_MAX: usize = 25;
/// Where a phone that has scanned has done its part.
const STEPS: &str = "/dashboard/start";

/// A form about a phone, as far as all of them are alike.
pub(super) struct Form {
    pub(super) phone: Option<Phone>,
    /// Where it stands.
    pub(super) table: Table,
    /// The other side of the chat that is open.
    pub(super) chat: Option<Phone>,
}

impl Form {
    pub(super) fn read(fields: &mut Fields) -> Self {
        let back = word(fields, "back").and_then(|back| Table::of_address(&back));
        Self {
            phone: word(fields, "phone").and_then(|phone| number(&phone)),
            table: back.unwrap_or_else(|| Table::of_query(super::PATH, &[])),
            chat: word(fields, "chat").and_then(|chat| number(&chat)),
        }
    }

    /// Where on its page somebody at a keyboard goes on: at the phone itself, or at the step that it is part of.
    fn place(&self) -> Option<String> {
        let phone = self.phone.as_ref()?;
        let here = self.table.phones.iter().any(|placed| placed.phone == *phone);
        match self.table.path() {
            STEPS if self.table.phones.is_empty() => Some("#step-2".to_owned()),
            _ => here.then(|| format!("#phone-{}", phone.digits())),
        }
    }

    /// Back to where it stands.
    #[allow(clippy::unnecessary_wraps, reason = "as a route's handler answers")]
    pub(super) fn back(self, came: Result<(), Trouble>) -> Answered {
        let table = match (came, &self.phone) {
            (Ok(()), _) => self.table.calm(),
            (Err(trouble), Some(phone)) => self.table.troubled(phone, trouble),
            (Err(trouble), None) => self.table.troubled_itself(trouble),
        };
        let place = self.place().unwrap_or_default();
        Ok(reply::see_other(&format!("{}{place}", table.href())))
    }
}

/// A field that is not blank.
pub(super) fn word(fields: &mut Fields, name: &str) -> Option<String> {
    fields.optional(name, text(Ok::<_, String>)).map(|word| word.trim().to_owned()).filter(|word| !word.is_empty())
}

pub(in crate::http) async fn act(mut visit: Visit) -> Answered {
    let mut fields = visit.form().await?;
    let mut form = Form::read(&mut fields);
    let act = word(&mut fields, "act").unwrap_or_default();
    let came = match form.phone.clone() {
        Some(phone) => done(&visit, &mut form, &phone, &act, &mut fields).await?,
        None => Err(Trouble::Number),
    };
    form.back(came)
}

async fn done(
    visit: &Visit,
    form: &mut Form,
    phone: &Phone,
    act: &str,
    fields: &mut Fields,
) -> Result<Result<(), Trouble>, Refusal> {
    let deed = match act {
        "add" | "rename" => {
            let name = word(fields, "name").map(|name| line(&name)).filter(|name| !name.is_empty());
            Ok(Deed::Change { name, auto_read: None })
        }
        "at_once" => Ok(Deed::Change { name: None, auto_read: Some(true) }),
        "by_hand" => Ok(Deed::Change { name: None, auto_read: Some(false) }),
        "fly" => Ok(Deed::Fly(true)),
        "land" => Ok(Deed::Fly(false)),
        "read" => form.chat.clone().map(|chat| Deed::Read { chat }).ok_or(Trouble::Number),
        "write" => written(form.chat.clone(), fields),
        "scan" => scanned(visit, fields).await,
        "enter" => word(fields, "code").and_then(|code| code.parse().ok()).map(Deed::Enter).ok_or(Trouble::Typed),
        _ => return Err(Refusal::not_found()),
    };
    let (adds, scans) = (act == "add", act == "scan");
    let came = match deed {
        Ok(deed) => do_it(visit, phone, deed).await,
        Err(trouble) => Err(trouble),
    };
    if adds && came.is_ok() && form.table.has_room_for(phone) {
        form.table.phones.push(Placed::new(phone.clone()));
    }
    if scans && came.is_ok() && form.table.path() == STEPS {
        // What comes next is on another's phone, and the steps know on whose.
        form.table.phones.clear();
    }
    Ok(came)
}

pub(super) async fn do_it(visit: &Visit, phone: &Phone, deed: Deed) -> Result<(), Trouble> {
    let asked = visit.call.door.phones.act(phone, deed, &visit.call.arrival.id).await;
    asked.map_err(|refusal| Trouble::of(&refusal))
}

fn written(chat: Option<Phone>, fields: &mut Fields) -> Result<Deed, Trouble> {
    let to = chat.ok_or(Trouble::Number)?;
    // Browsers end lines as e-mail does.
    let text = word(fields, "message").map(|text| text.replace("\r\n", "\n"));
    let text = text.and_then(|text| Text::try_from(text).ok()).ok_or(Trouble::Text)?;
    Ok(Deed::Write { to, text })
}

async fn scanned(visit: &Visit, fields: &mut Fields) -> Result<Deed, Trouble> {
    let session = word(fields, "session").and_then(|id| id.parse().ok()).ok_or(Trouble::Code)?;
    let shown = visit.system().current_qr(&visit.access, session).await;
    shown.map(|qr| Deed::Scan(qr.code)).map_err(|refusal| Trouble::of(&refusal))
}

/// A name as a phone takes it: in one line, and not too long.
fn line(name: &str) -> String {
    name.chars().filter(|c| !c.is_control()).take(NAME_MAX).collect()
}
