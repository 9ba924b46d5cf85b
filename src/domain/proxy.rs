//! The proxy of a session: the way that its connection takes to the network. A URL from outside, read into what cannot be wrong.

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};
use url::{Host, Url};

/// The longest URL that is read, and the longest user or password that SOCKS5 can carry.
const URL_MAX: usize = 1000;
const LOGIN_MAX: usize = 255;
/// What stands for itself in the user's part of a URL.
const ENCODED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scheme {
    /// RFC 1928, with the user and password of RFC 1929.
    Socks5,
    /// HTTP's CONNECT, with basic authentication.
    Http,
}

impl Scheme {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Socks5 => "socks5",
            Self::Http => "http",
        }
    }

    const fn default_port(self) -> u16 {
        match self {
            Self::Socks5 => 1080,
            Self::Http => 80,
        }
    }
}

/// A proxy, and how to log in to it. Names of hosts behind it are resolved by it, so that nothing of them shows here.
#[derive(Clone, PartialEq, Eq)]
pub struct Proxy {
    pub scheme: Scheme,
    host: Host<String>,
    pub port: u16,
    pub login: Option<Login>,
}

#[derive(Clone, PartialEq, Eq)]
pub struct Login {
    pub user: String,
    pub password: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NotAProxy {
    #[error("must be socks5://[user:password@]host:port or http://[user:password@]host:port")]
    Shape,
    #[error("must be at most {URL_MAX} characters")]
    Long,
    #[error("must have a user of 1 to {LOGIN_MAX} bytes without ':', and a password of at most {LOGIN_MAX}")]
    Login,
}

impl Proxy {
    /// The host by name or address, as a resolver takes it.
    pub fn host(&self) -> String {
        match &self.host {
            Host::Domain(name) => name.clone(),
            Host::Ipv4(address) => address.to_string(),
            Host::Ipv6(address) => address.to_string(),
        }
    }

    /// The address, if the URL names one.
    pub const fn address(&self) -> Option<IpAddr> {
        match &self.host {
            Host::Domain(_) => None,
            Host::Ipv4(address) => Some(IpAddr::V4(*address)),
            Host::Ipv6(address) => Some(IpAddr::V6(*address)),
        }
    }

    /// The whole URL, its password included: for the store, which seals it.
    pub fn reveal(&self) -> String {
        self.write(|password| utf8_percent_encode(password, ENCODED).to_string())
    }

    fn write(&self, password: impl FnOnce(&str) -> String) -> String {
        let login = match &self.login {
            Some(login) => {
                format!("{}:{}@", utf8_percent_encode(&login.user, ENCODED), password(&login.password))
            }
            None => String::new(),
        };
        format!("{}://{login}{}:{}", self.scheme.as_str(), self.host, self.port)
    }
}

/// The URL as people may see it.
impl fmt::Display for Proxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.write(|_| "***".to_owned()))
    }
}

impl fmt::Debug for Proxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Proxy({self})")
    }
}

impl fmt::Debug for Login {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Login({}:…)", self.user)
    }
}

impl TryFrom<String> for Proxy {
    type Error = NotAProxy;

    fn try_from(text: String) -> Result<Self, NotAProxy> {
        text.parse()
    }
}

impl FromStr for Proxy {
    type Err = NotAProxy;

    fn from_str(text: &str) -> Result<Self, NotAProxy> {
        if text.len() > URL_MAX {
            return Err(NotAProxy::Long);
        }
        let url = Url::parse(text).map_err(|_| NotAProxy::Shape)?;
        let scheme = match url.scheme() {
            "socks5" => Scheme::Socks5,
            "http" => Scheme::Http,
            _ => return Err(NotAProxy::Shape),
        };
        let bare = matches!(url.path(), "" | "/") && url.query().is_none() && url.fragment().is_none();
        // The parser leaves hosts of schemes that it does not know as they are written.
        let host = Host::parse(url.host_str().unwrap_or_default()).map_err(|_| NotAProxy::Shape)?;
        let port = url.port().unwrap_or(scheme.default_port());
        if !bare || port == 0 || text.contains(|c: char| c.is_whitespace() || c.is_control()) {
            return Err(NotAProxy::Shape);
        }
        Ok(Self { scheme, host, port, login: login(&url)? })
    }
}

fn login(url: &Url) -> Result<Option<Login>, NotAProxy> {
    if url.username().is_empty() && url.password().is_none() {
        return Ok(None);
    }
    let plain = |part: &str| percent_decode_str(part).decode_utf8().map(String::from).map_err(|_| NotAProxy::Login);
    let (user, password) = (plain(url.username())?, plain(url.password().unwrap_or_default())?);
    let fits = (1..=LOGIN_MAX).contains(&user.len()) && password.len() <= LOGIN_MAX && !user.contains(':');
    let clean = !user.chars().chain(password.chars()).any(char::is_control);
    if fits && clean { Ok(Some(Login { user, password })) } else { Err(NotAProxy::Login) }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn proxy(text: &str) -> Result<Proxy, NotAProxy> {
        text.parse()
    }

    #[test]
    fn what_is_a_proxy_and_what_is_none() {
        for (text, want) in [
            ("socks5://proxy.example.com:1080", Some("socks5://proxy.example.com:1080")),
            ("socks5://proxy.example.com", Some("socks5://proxy.example.com:1080")),
            ("socks5://proxy.example.com:80", Some("socks5://proxy.example.com:80")),
            ("SOCKS5://Proxy.Example.COM:1080/", Some("socks5://proxy.example.com:1080")),
            ("http://1.2.3.4:3128", Some("http://1.2.3.4:3128")),
            ("http://1.2.3.4", Some("http://1.2.3.4:80")),
            ("http://[2606:4700::1]:3128", Some("http://[2606:4700::1]:3128")),
            ("socks5://[2606:4700::1]:1080", Some("socks5://[2606:4700::1]:1080")),
            ("socks5://me:secret@host:1", Some("socks5://me:***@host:1")),
            ("socks5://me@host:1", Some("socks5://me:***@host:1")),
            ("http://m%40e:p%3Aw%2F%20@host:1", Some("http://m%40e:***@host:1")),
            ("https://host:443", None),
            ("socks4://host:1", None),
            ("host:1080", None),
            ("", None),
            ("socks5://", None),
            ("socks5://:1080", None),
            ("socks5://ho st:1", None),
            ("socks5://host:0", None),
            ("socks5://host:99999", None),
            ("http://host:1/path", None),
            ("http://host:1?query", None),
            ("http://host:1#part", None),
            ("http://:secret@host:1", None),
            ("http://a%3Ab:secret@host:1", None),
            ("http://a:b%0d%0aX@host:1", None),
            ("http://a%ff:b@host:1", None),
            ("http://host\r\n:1", None),
        ] {
            assert_eq!(proxy(text).ok().map(|p| p.to_string()).as_deref(), want, "{text}");
        }
        assert_eq!(proxy(&format!("http://{}:1", "a".repeat(1000))), Err(NotAProxy::Long));
        assert_eq!(proxy(&format!("http://{}:b@host:1", "a".repeat(256))), Err(NotAProxy::Login));
    }

    #[test]
    fn an_address_in_any_spelling_is_an_address() {
        for (text, want) in [
            ("socks5://127.1:1", Some("127.0.0.1")),
            ("socks5://0x7f000001:1", Some("127.0.0.1")),
            ("http://2130706433:1", Some("127.0.0.1")),
            ("http://[::ffff:10.0.0.1]:1", Some("::ffff:10.0.0.1")),
            ("socks5://localhost:1", None),
        ] {
            assert_eq!(proxy(text).unwrap().address(), want.map(|address| address.parse().unwrap()), "{text}");
        }
    }

    #[test]
    fn the_password_is_shown_to_nobody() {
        let proxy = proxy("socks5://me:hunter2@host:1").unwrap();
        assert!(!format!("{proxy} {proxy:?} {:?}", proxy.login).contains("hunter2"));
        assert_eq!(proxy.reveal(), "socks5://me:hunter2@host:1");
    }

    proptest! {
        #[test]
        fn what_is_kept_reads_back_the_same(user in "[^:\\pC]{1,20}", password in "\\PC{0,20}", port in 1u16..) {
            let encoded = |part: &str| utf8_percent_encode(part, ENCODED).to_string();
            for scheme in ["socks5", "http"] {
                let text = format!("{scheme}://{}:{}@host:{port}", encoded(&user), encoded(&password));
                let first = proxy(&text).unwrap();
                prop_assert_eq!(&first.login, &Some(Login { user: user.clone(), password: password.clone() }));
                prop_assert_eq!(proxy(&first.reveal()).unwrap(), first);
            }
        }

        #[test]
        fn no_text_makes_it_panic(text in "\\PC{0,60}") {
            let _ = proxy(&text);
            let _ = proxy(&format!("socks5://{text}"));
        }
    }
}
