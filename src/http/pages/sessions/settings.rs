//! The settings of a session as a form: its name, its proxy, its pace. What is left blank is as the network has it.

use maud::{Markup, html};

use super::super::super::fields::{Fields, digits, text};
use super::super::tried::Tried;
use super::super::visit::Visit;
use crate::domain::error::Refusal;
use crate::domain::pacing::{JITTER_MAX, PER_MINUTE_MAX};
use crate::domain::proxy::Proxy;
use crate::domain::session::{Changes, SESSION_KEY_MAX, Session, SessionKey, Setting};

const CONTROLS: [&str; 5] = ["sessionKey", "proxyUrl", "messagesPerMinute", "messageJitter", "simulateTyping"];

/// The form, folded away unless what it sent was not taken.
pub(super) fn form(visit: &Visit, session: &Session, tried: &Tried) -> Markup {
    let words = visit.words().sessions;
    let is = session.simulate_typing.map_or("", |typing| if typing { "yes" } else { "no" });
    let typing = tried.value("simulateTyping", is);
    let proxy = session.proxy_url.as_deref();
    let sealed = proxy.is_some_and(|url| url.contains("***"));
    let number = |name, value: Option<u32>, max: u32, hint: Option<&str>| {
        let value = value.map(|value| value.to_string()).unwrap_or_default();
        html! {
            input id=(name) name=(name) type="number" min="0" max=(max) value=(tried.value(name, &value))
                aria-invalid=[tried.wrong(name)] aria-describedby=[tried.described(name, hint)] autofocus[tried.first(name)];
            (tried.mistake(name))
        }
    };
    html! {
        details.card id="settings" open[tried.was_refused()] {
            summary { (words.settings) }
            form.stack method="post" action=(format!("/dashboard/sessions/{}", session.id)) {
                (visit.csrf())
                (tried.note(&CONTROLS))
                label for="sessionKey" { (words.name) }
                input id="sessionKey" name="sessionKey" required maxlength=(SESSION_KEY_MAX) autocomplete="off"
                    value=(tried.value("sessionKey", session.session_key.as_str()))
                    aria-invalid=[tried.wrong("sessionKey")] aria-describedby=[tried.described("sessionKey", None)] autofocus[tried.first("sessionKey")];
                (tried.mistake("sessionKey"))
                label for="proxyUrl" { (words.proxy) }
                input id="proxyUrl" name="proxyUrl" placeholder="socks5://user:password@host:1080" maxlength="1000" autocomplete="off" spellcheck="false"
                    value=(tried.value("proxyUrl", proxy.unwrap_or_default()))
                    aria-invalid=[tried.wrong("proxyUrl")] aria-describedby=[tried.described("proxyUrl", Some("proxy-hint"))] autofocus[tried.first("proxyUrl")];
                input type="hidden" name="proxyWas" value=[proxy];
                (tried.mistake("proxyUrl"))
                p.hint id="proxy-hint" { (words.proxy_hint) @if sealed { " " (words.proxy_sealed) } }
                label for="messagesPerMinute" { (words.per_minute) }
                (number("messagesPerMinute", session.messages_per_minute, PER_MINUTE_MAX, Some("pace-hint")))
                p.hint id="pace-hint" { (words.per_minute_hint) }
                label for="messageJitter" { (words.jitter) }
                (number("messageJitter", session.message_jitter, JITTER_MAX, None))
                label for="simulateTyping" { (words.typing) }
                select id="simulateTyping" name="simulateTyping" aria-invalid=[tried.wrong("simulateTyping")]
                    aria-describedby=[tried.described("simulateTyping", None)] autofocus[tried.first("simulateTyping")] {
                    @for (value, name) in [("", words.by_network), ("yes", words.yes), ("no", words.no)] {
                        option value=(value) selected[typing == value] { (name) }
                    }
                }
                (tried.mistake("simulateTyping"))
                button.button { (words.save) }
            }
        }
    }
}

/// What a form asks to be different. A proxy whose password is hidden, sent back as it was shown, stays.
pub(super) fn changes(mut fields: Fields) -> Result<Changes, Refusal> {
    let key = fields.required("sessionKey", text(SessionKey::try_from));
    let was = fields.optional("proxyWas", text(Ok::<_, String>));
    let proxy = match fields.optional("proxyUrl", text(Ok::<_, String>)) {
        // As it was shown, which may be without its password, or as it cannot be shown.
        given if given == was => Some(Setting::Keep),
        None => Some(Setting::Remove),
        Some(url) if url.contains(":***@") => {
            fields.wrong("proxyUrl", "is another one now: give its password again");
            None
        }
        Some(url) => {
            Proxy::try_from(url).map_err(|why| fields.wrong("proxyUrl", &why.to_string())).map(Setting::Set).ok()
        }
    };
    let small = |max: u32| digits(0..=u64::from(max));
    let per_minute = fields.optional("messagesPerMinute", small(PER_MINUTE_MAX));
    let jitter = fields.optional("messageJitter", small(JITTER_MAX));
    let typing = fields.optional(
        "simulateTyping",
        text(|word: String| match word.as_str() {
            "yes" => Ok(true),
            "no" => Ok(false),
            _ => Err("must be yes or no"),
        }),
    );
    let number = |number: Option<u64>| number.and_then(|n| u32::try_from(n).ok()).map_or(Setting::Remove, Setting::Set);
    let changes = Changes {
        key,
        proxy: proxy.unwrap_or_default(),
        per_minute: number(per_minute),
        jitter: number(jitter),
        typing: typing.map_or(Setting::Remove, Setting::Set),
    };
    fields.finish(Some(changes))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(given: &[(&str, &str)]) -> Result<Changes, Refusal> {
        changes(Fields::of_form(given.iter().map(|(name, text)| ((*name).to_owned(), (*text).to_owned())).collect()))
    }

    #[test]
    fn what_is_left_blank_is_as_the_network_has_it() {
        let blank = read(&[("sessionKey", "a")]).unwrap();
        assert_eq!(blank.key.unwrap().as_str(), "a");
        assert_eq!((blank.proxy, blank.per_minute), (Setting::Keep, Setting::Remove));
        let gone = read(&[("sessionKey", "a"), ("proxyWas", "socks5://proxy.example:1080")]).unwrap();
        assert_eq!(gone.proxy, Setting::Remove);
        let moved = read(&[
            ("sessionKey", "a"),
            ("proxyWas", "http://u:***@old.example"),
            ("proxyUrl", "http://u:***@new.example"),
        ]);
        assert_eq!(
            moved.unwrap_err().fields[0].field,
            "proxyUrl",
            "nobody knows the password of a proxy that is elsewhere"
        );
        let full = [
            ("sessionKey", "a"),
            ("proxyWas", "socks5://u:***@proxy.example:1080"),
            ("proxyUrl", "socks5://u:***@proxy.example:1080"),
            ("messagesPerMinute", "0"),
            ("messageJitter", "50"),
            ("simulateTyping", "no"),
        ];
        let full = read(&full).unwrap();
        assert_eq!(
            (full.proxy, full.per_minute),
            (Setting::Keep, Setting::Set(0)),
            "a hidden password is not overwritten"
        );
        assert_eq!((full.jitter, full.typing), (Setting::Set(50), Setting::Set(false)));
    }

    #[test]
    fn everything_that_is_wrong_is_named() {
        let wrong =
            read(&[("proxyUrl", "ftp://x"), ("messageJitter", "101"), ("simulateTyping", "maybe"), ("plan", "pro")]);
        let named: Vec<_> = wrong.unwrap_err().fields.into_iter().map(|field| field.field).collect();
        assert_eq!(named, ["sessionKey", "proxyUrl", "messageJitter", "simulateTyping", "plan"]);
    }
}
