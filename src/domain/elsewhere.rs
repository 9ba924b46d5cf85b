//! The address of a simulated network that runs in another process, maybe on another machine.

use std::fmt;
use std::str::FromStr;

use url::Url;

/// `ws://host:port/ws/chat`; or `wss://`, where `#sha256=…` names the one certificate to accept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SandboxUrl {
    url: Url,
    pin: Option<Fingerprint>,
}

/// The header in which a simulated network says which one it is, when it lets a client in: the public key of its root.
pub const NETWORK: &str = "x-wamux-network";

/// The SHA-256 of a certificate, or another 32 bytes that are shown in hexadecimal digits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fingerprint(pub [u8; 32]);

#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NotASandboxUrl {
    #[error("must look like ws://host:9080/ws/chat, or wss://host:9080/ws/chat")]
    Form,
    #[error(
        "may end with #sha256= and the 64 hexadecimal digits that the network logs when it starts, and only for wss://"
    )]
    Pin,
}

impl SandboxUrl {
    /// Where clients connect.
    pub fn chat(&self) -> &str {
        self.url.as_str()
    }

    /// The root of its own API, which stands on the same port.
    pub fn control(&self) -> String {
        format!("{}://{}/sandbox", if self.is_secure() { "https" } else { "http" }, self.url.authority())
    }

    /// Where its media servers stand: the same port.
    pub fn media(&self) -> Url {
        let mut url = self.url.clone();
        // A WebSocket's scheme gives way to that of HTTP, secure or not as it was.
        let _ = url.set_scheme(if self.is_secure() { "https" } else { "http" });
        url.set_path("/");
        url
    }

    /// Host and port, as a resolver takes them.
    pub fn authority(&self) -> String {
        format!("{}:{}", self.url.host_str().unwrap_or_default(), self.url.port_or_known_default().unwrap_or_default())
    }

    /// The host as a certificate names it: an IPv6 address has no brackets there.
    pub fn host(&self) -> &str {
        self.url.host_str().unwrap_or_default().trim_start_matches('[').trim_end_matches(']')
    }

    pub fn is_secure(&self) -> bool {
        self.url.scheme() == "wss"
    }

    pub const fn pin(&self) -> Option<Fingerprint> {
        self.pin
    }
}

impl FromStr for SandboxUrl {
    type Err = NotASandboxUrl;

    fn from_str(text: &str) -> Result<Self, NotASandboxUrl> {
        let mut url: Url = text.parse().map_err(|_| NotASandboxUrl::Form)?;
        let bare = url.username().is_empty() && url.password().is_none() && url.query().is_none();
        if !matches!(url.scheme(), "ws" | "wss") || !url.has_host() || url.path() != "/ws/chat" || !bare {
            return Err(NotASandboxUrl::Form);
        }
        let pin = match url.fragment() {
            Some(_) if url.scheme() == "ws" => return Err(NotASandboxUrl::Pin),
            Some(pin) => Some(pin.strip_prefix("sha256=").ok_or(NotASandboxUrl::Pin)?.parse()?),
            None => None,
        };
        url.set_fragment(None);
        Ok(Self { url, pin })
    }
}

impl FromStr for Fingerprint {
    type Err = NotASandboxUrl;

    fn from_str(text: &str) -> Result<Self, NotASandboxUrl> {
        let digits = text.bytes().map(|digit| char::from(digit).to_digit(16)).collect::<Option<Vec<_>>>();
        let digits = digits.filter(|digits| digits.len() == 64).ok_or(NotASandboxUrl::Pin)?;
        let mut bytes = [0; 32];
        for (byte, pair) in bytes.iter_mut().zip(digits.chunks_exact(2)) {
            *byte = u8::try_from(pair[0] << 4 | pair[1]).map_err(|_| NotASandboxUrl::Pin)?;
        }
        Ok(Self(bytes))
    }
}

impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_leads_to_both_halves_of_a_network() {
        for (text, authority, control) in [
            ("ws://127.0.0.1:9080/ws/chat", "127.0.0.1:9080", "http://127.0.0.1:9080/sandbox"),
            ("wss://sandbox:9080/ws/chat", "sandbox:9080", "https://sandbox:9080/sandbox"),
            ("ws://sandbox/ws/chat", "sandbox:80", "http://sandbox/sandbox"),
            ("ws://[::1]:9080/ws/chat", "[::1]:9080", "http://[::1]:9080/sandbox"),
        ] {
            let url: SandboxUrl = text.parse().unwrap();
            assert_eq!((url.authority().as_str(), url.control().as_str()), (authority, control), "{text}");
            assert_eq!(url.chat(), text);
        }
        assert_eq!("ws://[::1]:9080/ws/chat".parse::<SandboxUrl>().unwrap().host(), "::1");
    }

    #[test]
    fn anything_else_is_refused() {
        for text in [
            "",
            "127.0.0.1:9080",
            "http://127.0.0.1:9080/ws/chat",
            "ws://127.0.0.1:9080",
            "ws://127.0.0.1:9080/sandbox",
            "ws://me:secret@127.0.0.1:9080/ws/chat",
            "ws://127.0.0.1:9080/ws/chat?x=1",
        ] {
            assert_eq!(text.parse::<SandboxUrl>(), Err(NotASandboxUrl::Form), "{text}");
        }
    }

    #[test]
    fn a_certificate_is_named_in_full_and_only_where_there_is_one() {
        let hex = "0f".repeat(32);
        let pinned: SandboxUrl = format!("wss://sandbox:9080/ws/chat#sha256={hex}").parse().unwrap();
        assert_eq!(pinned.pin().unwrap().to_string(), hex);
        assert_eq!(pinned.chat(), "wss://sandbox:9080/ws/chat");
        for text in [
            format!("ws://sandbox:9080/ws/chat#sha256={hex}"),
            "wss://sandbox:9080/ws/chat#sha256=0f".to_owned(),
            format!("wss://sandbox:9080/ws/chat#md5={hex}"),
            format!("wss://sandbox:9080/ws/chat#sha256={}", "é".repeat(32)),
        ] {
            assert_eq!(text.parse::<SandboxUrl>(), Err(NotASandboxUrl::Pin), "{text}");
        }
    }
}
