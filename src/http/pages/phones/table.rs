//! Which phones lie on a page's table, and which chat is open on each: what the address of the page says, and the links that change it.

use url::form_urlencoded::{self, Serializer};

use super::trouble::Trouble;
use crate::domain::phone::Phone;

/// More would neither fit a screen nor a page.
pub(in crate::http::pages) const MOST: usize = 4;

/// A phone on the table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::http::pages) struct Placed {
    pub(in crate::http::pages) phone: Phone,
    /// The other side of the chat that is open.
    pub(in crate::http::pages) chat: Option<Phone>,
    /// What did not work just now.
    pub(in crate::http::pages) trouble: Option<Trouble>,
}

impl Placed {
    pub(in crate::http::pages) const fn new(phone: Phone) -> Self {
        Self { phone, chat: None, trouble: None }
    }
}

/// The phones of a page, in their order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::http::pages) struct Table {
    /// The page's path.
    path: String,
    /// What else its address says, which links keep.
    kept: Vec<(String, String)>,
    pub(in crate::http::pages) phones: Vec<Placed>,
    /// What did not work and concerns no phone of them.
    pub(in crate::http::pages) trouble: Option<Trouble>,
}

impl Table {
    /// Reads a query: a `chat` and a `trouble` belong to the `phone` before them. What cannot be read is left out.
    pub(in crate::http::pages) fn of_query(path: &str, query: &[(String, String)]) -> Self {
        let mut table = Self { path: path.to_owned(), kept: Vec::new(), phones: Vec::new(), trouble: None };
        let mut ignored = false;
        for (name, value) in query {
            match name.as_str() {
                "phone" => {
                    let phone = number(value).filter(|phone| table.has_room_for(phone));
                    ignored = phone.is_none();
                    table.phones.extend(phone.map(Placed::new));
                }
                "chat" | "trouble" if ignored => {}
                "chat" => {
                    if let (Some(placed), chat @ Some(_)) = (table.phones.last_mut(), number(value)) {
                        placed.chat = chat;
                    }
                }
                "trouble" => {
                    let trouble = Trouble::named(value);
                    match table.phones.last_mut() {
                        Some(placed) => placed.trouble = trouble,
                        None => table.trouble = trouble,
                    }
                }
                // What pages look like is kept by the browser.
                "lang" | "theme" => {}
                _ => table.kept.push((name.clone(), value.clone())),
            }
        }
        table
    }

    /// Reads an address of a page, as a form of ours names where it came from.
    pub(in crate::http::pages) fn of_address(address: &str) -> Option<Self> {
        let (path, query) = address.split_once('?').unwrap_or((address, ""));
        let inside = path == "/dashboard" || path.starts_with("/dashboard/");
        let plain = path.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"/-_.".contains(&byte));
        let pairs: Vec<_> = form_urlencoded::parse(query.as_bytes()).into_owned().collect();
        (inside && plain).then(|| Self::of_query(path, &pairs))
    }

    pub(in crate::http::pages) fn has_room_for(&self, phone: &Phone) -> bool {
        self.phones.len() < MOST && !self.phones.iter().any(|placed| placed.phone == *phone)
    }

    /// The address that shows the table so.
    pub(in crate::http::pages) fn href(&self) -> String {
        let query = Serializer::new(String::new()).extend_pairs(self.fields()).finish();
        if query.is_empty() { self.path.clone() } else { format!("{}?{query}", self.path) }
    }

    /// The same with this chat open on this phone, or with its list of chats.
    pub(in crate::http::pages) fn opening(&self, phone: &Phone, chat: Option<&Phone>) -> Self {
        let mut other = self.calm();
        for placed in other.phones.iter_mut().filter(|placed| placed.phone == *phone) {
            placed.chat = chat.cloned();
        }
        other
    }

    /// The same without this phone.
    pub(in crate::http::pages) fn without(&self, phone: &Phone) -> Self {
        let mut other = self.calm();
        other.phones.retain(|placed| placed.phone != *phone);
        other
    }

    /// The same with nothing that did not work.
    pub(in crate::http::pages) fn calm(&self) -> Self {
        let mut other = self.clone();
        other.trouble = None;
        for placed in &mut other.phones {
            placed.trouble = None;
        }
        other
    }

    /// The same after something did not work on a phone.
    pub(in crate::http::pages) fn troubled(&self, phone: &Phone, trouble: Trouble) -> Self {
        let mut other = self.calm();
        match other.phones.iter_mut().find(|placed| placed.phone == *phone) {
            Some(placed) => placed.trouble = Some(trouble),
            None => other.trouble = Some(trouble),
        }
        other
    }

    /// The same after something did not work that concerns none of them.
    pub(in crate::http::pages) fn troubled_itself(&self, trouble: Trouble) -> Self {
        Self { trouble: Some(trouble), ..self.calm() }
    }

    pub(in crate::http::pages) fn path(&self) -> &str {
        &self.path
    }

    /// What a query says of it, in its order; also what the hidden fields of a form that asks for the page are.
    pub(in crate::http::pages) fn fields(&self) -> Vec<(String, String)> {
        let mut fields = self.kept.clone();
        fields.extend(self.trouble.map(|trouble| ("trouble".to_owned(), trouble.name().to_owned())));
        for Placed { phone, chat, trouble } in &self.phones {
            fields.push(("phone".to_owned(), phone.to_string()));
            fields.extend(chat.as_ref().map(|chat| ("chat".to_owned(), chat.to_string())));
            fields.extend(trouble.map(|trouble| ("trouble".to_owned(), trouble.name().to_owned())));
        }
        fields
    }
}

/// A number as an address or a person gives it. In a query that somebody typed, a `+` reads as a space.
pub(in crate::http::pages) fn number(text: &str) -> Option<Phone> {
    let text = text.trim();
    text.parse().or_else(|_| format!("+{text}").parse()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(query: &str) -> Table {
        Table::of_address(&format!("/dashboard/phones?{query}")).unwrap()
    }

    fn phone(text: &str) -> Phone {
        text.parse().unwrap()
    }

    #[test]
    fn a_chat_belongs_to_the_phone_before_it() {
        let table = table("lang=fr&a=b&phone=%2B237611111111&phone=+237622222222&chat=237600000001");
        assert_eq!(table.phones[0], Placed::new(phone("+237611111111")));
        assert_eq!(table.phones[1].chat, Some(phone("+237600000001")));
        assert_eq!(
            table.href(),
            "/dashboard/phones?a=b&phone=%2B237611111111&phone=%2B237622222222&chat=%2B237600000001"
        );
    }

    #[test]
    fn what_an_address_says_is_what_its_table_says() {
        for query in ["", "phone=%2B237611111111&trouble=offline", "a=%26b&phone=%2B237611111111&chat=%2B237622222222"]
        {
            let once = table(query);
            let again = table(once.href().split_once('?').map_or("", |(_, query)| query));
            assert_eq!(once, again, "{query}");
        }
    }

    #[test]
    fn nonsense_is_left_out_with_what_belongs_to_it() {
        let table = table(
            "chat=%2B237600000001&phone=%2B237611111111&phone=%22%3E&chat=%2B237600000001&phone=%2B237611111111&chat=%2B237600000002&trouble=%3Cb%3E",
        );
        assert_eq!(table.phones, [Placed::new(phone("+237611111111"))]);
        assert_eq!(table.trouble, None);
    }

    #[test]
    fn a_form_leads_back_to_the_dashboard_and_nowhere_else() {
        for address in ["/dashboard", "/dashboard/start?phone=%2B237611111111"] {
            assert_eq!(Table::of_address(address).unwrap().href(), address);
        }
        for address in [
            "",
            "/",
            "//evil.example",
            "/dashboards",
            "https://evil.example/dashboard",
            "/dashboard/\r\nx: y",
            "/dashboard/\\x",
        ] {
            assert_eq!(Table::of_address(address), None, "{address}");
        }
    }

    #[test]
    fn a_table_has_room_for_four() {
        let many: Vec<String> = (1..=9).map(|n| format!("phone=%2B23761111111{n}")).collect();
        assert_eq!(table(&many.join("&")).phones.len(), MOST);
    }

    #[test]
    fn links_open_close_and_forget_what_did_not_work() {
        let (one, two) = (phone("+237611111111"), phone("+237622222222"));
        let table = table("phone=%2B237611111111&trouble=offline&phone=%2B237622222222");
        assert!(!table.opening(&one, Some(&two)).href().contains("trouble"));
        assert_eq!(table.without(&one).phones, [Placed::new(two)]);
        assert_eq!(table.calm().troubled(&one, Trouble::Offline), table);
    }
}
