//! The way letters go out: by SMTP, away from whoever asked for them. What waits is in memory alone: a letter that a crash takes, or
//! that could not be delivered, is asked for again by the person who misses it.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use lettre::message::Mailbox;
use lettre::message::header::{ContentType, HeaderName, HeaderValue};
use lettre::transport::smtp::extension::ClientId;
use lettre::{Address, AsyncSmtpTransport, AsyncTransport, Message, Tokio1Executor};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use url::{Host, Url};

use crate::clock::Clock;
use crate::domain::access::Email;
use crate::domain::mail::{Letter, NotAPublicUrl, PublicUrl};

/// How long each step of a delivery may take.
const WITHIN: Duration = Duration::from_secs(20);
/// How soon a letter that did not get through is tried again.
const AGAIN: [Duration; 5] = [
    Duration::from_secs(1),
    Duration::from_secs(10),
    Duration::from_mins(1),
    Duration::from_mins(5),
    Duration::from_mins(15),
];
/// Deliveries at once.
const AT_ONCE: usize = 4;
/// Letters that are on their way or wait to be tried again.
const WAITING: usize = 512;

type Transport = AsyncSmtpTransport<Tokio1Executor>;

/// How this server sends mail, checked.
#[derive(Clone)]
pub struct Settings {
    transport: Transport,
    from: Mailbox,
    site: PublicUrl,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BadMail {
    #[error(
        "--smtp-url (WAMUX_SMTP_URL) must be smtp://HOST:25, smtps://USER:PASSWORD@HOST:465 or \
         smtp://USER:PASSWORD@HOST:587?tls=required; what is special in a user or a password is percent-encoded"
    )]
    Smtp,
    #[error(
        "--smtp-url (WAMUX_SMTP_URL) would send its password unprotected: use smtps://, or add ?tls=required; without TLS a \
         password goes to this machine only"
    )]
    Unprotected,
    #[error("--mail-from (WAMUX_MAIL_FROM) must be an address such as wamux@example.com, or Wamux <wamux@example.com>")]
    From,
    #[error("--public-url (WAMUX_PUBLIC_URL) {0}")]
    Site(#[from] NotAPublicUrl),
    #[error("{0} is needed with --smtp-url (WAMUX_SMTP_URL): {1}")]
    Missing(&'static str, &'static str),
    #[error(
        "--mail-from (WAMUX_MAIL_FROM) is set, but no mail is sent without --smtp-url (WAMUX_SMTP_URL): set it too, or neither"
    )]
    NoServer,
}

impl Settings {
    /// None where no mail is to be sent.
    pub fn read(smtp: Option<&str>, from: Option<&str>, site: Option<&str>) -> Result<Option<Self>, BadMail> {
        let from = from.map(|from| from.parse::<Mailbox>().map_err(|_| BadMail::From)).transpose()?;
        let site = site.map(str::parse::<PublicUrl>).transpose()?;
        let Some(smtp) = smtp else { return if from.is_some() { Err(BadMail::NoServer) } else { Ok(None) } };
        let site = site.ok_or(BadMail::Missing("--public-url (WAMUX_PUBLIC_URL)", "links in mails lead there"))?;
        let from = from.ok_or(BadMail::Missing("--mail-from (WAMUX_MAIL_FROM)", "mails come from there"))?;
        if is_unprotected(smtp)? {
            return Err(BadMail::Unprotected);
        }
        // Whatever is wrong with it, the answer must not repeat it.
        let transport = Transport::from_url(smtp).map_err(|_| BadMail::Smtp)?;
        let transport = transport.hello_name(ClientId::Domain(site.host().to_owned())).timeout(Some(WITHIN)).build();
        Ok(Some(Self { transport, from, site }))
    }
}

/// Whether anybody on the way could read the password.
fn is_unprotected(smtp: &str) -> Result<bool, BadMail> {
    let url: Url = smtp.parse().map_err(|_| BadMail::Smtp)?;
    let protected =
        url.scheme() == "smtps" || url.query_pairs().any(|(name, value)| name == "tls" && value == "required");
    // For schemes that it does not know, the parser leaves hosts as they were written.
    let host = url.host_str().and_then(|host| Host::parse(host).ok()).ok_or(BadMail::Smtp)?;
    let here = match host {
        Host::Domain(name) => name == "localhost",
        Host::Ipv4(ip) => ip.is_loopback(),
        Host::Ipv6(ip) => ip.is_loopback(),
    };
    Ok(url.password().is_some() && !protected && !here)
}

impl fmt::Debug for Settings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Mail").field("site", &self.site).finish_non_exhaustive()
    }
}

/// An address that mail can be sent to: there are some that people may have an account with and that no mail reaches.
pub struct Addressee(Address);

impl Addressee {
    pub fn of(email: &Email) -> Option<Self> {
        email.as_str().parse().ok().map(Self)
    }
}

/// Where letters are handed in. Those that are on their way end with it.
pub struct Post {
    settings: Settings,
    clock: Clock,
    sending: Arc<Semaphore>,
    places: Arc<Semaphore>,
    under_way: Mutex<JoinSet<()>>,
}

impl Post {
    pub fn new(settings: Settings, clock: Clock) -> Self {
        let (sending, places) = (Arc::new(Semaphore::new(AT_ONCE)), Arc::new(Semaphore::new(WAITING)));
        Self { settings, clock, sending, places, under_way: Mutex::default() }
    }

    pub fn site(&self) -> &PublicUrl {
        &self.settings.site
    }

    /// Takes a letter on its way and waits for nothing.
    pub fn send(&self, to: Addressee, letter: &Letter, link: Option<&str>) {
        let Ok(place) = Arc::clone(&self.places).try_acquire_owned() else {
            tracing::warn!("too many mails wait for the mail server, so one was not sent");
            return;
        };
        let Ok(written) = self.written(to, letter, link) else {
            tracing::error!("a mail could not be written");
            return;
        };
        let (transport, sending) = (self.settings.transport.clone(), Arc::clone(&self.sending));
        let mut under_way = self.under_way.lock().unwrap_or_else(PoisonError::into_inner);
        while under_way.try_join_next().is_some() {}
        under_way.spawn(async move {
            let _place = place;
            deliver(&transport, &sending, written).await;
        });
    }

    fn written(&self, to: Addressee, letter: &Letter, link: Option<&str>) -> Result<Message, lettre::error::Error> {
        let site = &self.settings.site;
        Message::builder()
            .from(self.settings.from.clone())
            .to(Mailbox::new(None, to.0))
            .subject(letter.subject)
            .message_id(Some(format!("<{}@{}>", self.clock.id(), site.host())))
            // So that no machine answers it (RFC 3834).
            .raw_header(HeaderValue::new(HeaderName::new_from_ascii_str("Auto-Submitted"), "auto-generated".to_owned()))
            .header(ContentType::TEXT_PLAIN)
            .body(letter.written(site, link))
    }
}

/// Tries until the mail server has it, or refuses it for good.
async fn deliver(transport: &Transport, sending: &Semaphore, letter: Message) {
    let mut pauses = AGAIN.into_iter();
    for attempt in 1.. {
        let place = sending.acquire().await;
        let sent = transport.send(letter.clone()).await;
        drop(place);
        let Err(error) = sent else { return };
        // What a server says may name the address, so it is not repeated here.
        let status = error.status().map(u16::from);
        let error = why(&error);
        let pause = pauses.next().filter(|_| error != REFUSED);
        let Some(pause) = pause else {
            tracing::warn!(attempt, status, error, "a mail was given up");
            return;
        };
        tracing::warn!(attempt, status, error, wait = ?pause, "a mail did not get through; trying again");
        tokio::time::sleep(pause).await;
    }
}

const REFUSED: &str = "the mail server refused it";

fn why(error: &lettre::transport::smtp::Error) -> &'static str {
    if error.is_permanent() {
        REFUSED
    } else if error.is_transient() {
        "the mail server does not take it now"
    } else if error.is_timeout() {
        "the mail server does not answer"
    } else if error.is_tls() {
        "TLS with the mail server failed"
    } else if error.is_response() || error.is_client() {
        "the mail server does not speak as expected"
    } else {
        "the mail server is not reached"
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FROM: Option<&str> = Some("Wamux <wamux@example.com>");
    const SITE: Option<&str> = Some("https://wamux.example");

    fn read(smtp: &str) -> Result<Settings, BadMail> {
        let _ = rustls::crypto::ring::default_provider().install_default();
        Settings::read(Some(smtp), FROM, SITE).map(Option::unwrap)
    }

    #[test]
    fn a_mail_server_is_named_by_a_url_and_its_password_is_not_shown() {
        for url in [
            "smtp://mail.example:25",
            "smtp://mail.example",
            "smtps://me:hunter2@mail.example:465",
            "smtp://me:hunter%402@mail.example:587?tls=required",
            "smtp://me:hunter2@127.0.0.1:2525",
            "smtp://me:hunter2@[::1]:2525",
        ] {
            let shown = format!("{:?}", read(url).unwrap());
            assert!(shown.contains("wamux.example") && !shown.contains("hunter"), "{shown}");
        }
        for url in
            ["", "mail.example:25", "http://mail.example", "smtp:///x", "smtp://mail.example?tls=perhaps", "smtp://"]
        {
            assert_eq!(read(url).unwrap_err(), BadMail::Smtp, "{url}");
        }
        for url in ["smtp://me:hunter2@mail.example", "smtp://me:hunter2@mail.example:587?tls=opportunistic"] {
            let error = read(url).unwrap_err();
            assert!(error == BadMail::Unprotected && !error.to_string().contains("hunter2"), "{url}");
        }
    }

    #[test]
    fn the_settings_are_given_together_or_not_at_all() {
        let smtp = Some("smtp://127.0.0.1:25");
        assert!(Settings::read(None, None, None).unwrap().is_none());
        assert!(Settings::read(None, None, SITE).unwrap().is_none());
        assert!(Settings::read(smtp, FROM, SITE).unwrap().is_some());
        for (smtp, from, site, said) in [
            (smtp, None, SITE, "--mail-from"),
            (smtp, FROM, None, "--public-url"),
            (None, FROM, SITE, "--smtp-url"),
            (smtp, Some("nobody"), SITE, "--mail-from"),
            (smtp, Some("a@example.com\r\nBcc: b@example.com"), SITE, "--mail-from"),
            (smtp, FROM, Some("wamux.example"), "--public-url"),
        ] {
            assert!(Settings::read(smtp, from, site).unwrap_err().to_string().contains(said), "{said}");
        }
    }

    #[test]
    fn an_address_that_would_be_more_than_one_header_is_none() {
        for text in ["you@example.com", "you+tag@example.com", "vous@exämple.fr"] {
            assert!(Addressee::of(&text.parse().unwrap()).is_some(), "{text}");
        }
        for text in ["<b>@x", "a,b@example.com", "\"><script>@x", "a@b,c@d"] {
            assert!(text.parse().ok().and_then(|email| Addressee::of(&email)).is_none(), "{text}");
        }
    }
}
