//! Where a caller says that a medium lies: an http or https URL. Which addresses may be reached is judged when it is fetched.

use std::fmt;

use url::Url;

/// The longest URL that is taken, in bytes.
pub const URL_MAX: usize = 2048;

/// An http or https URL with a host, without a user's name or password in it.
#[derive(Clone, PartialEq, Eq)]
pub struct MediaUrl(Url);

#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NotAMediaUrl {
    #[error("must be a URL such as https://example.com/picture.jpg")]
    Unreadable,
    #[error("must be at most {URL_MAX} bytes")]
    TooLong,
    #[error("must be an http or https URL")]
    Scheme,
    #[error("must not hold a user name or a password")]
    Credentials,
}

impl MediaUrl {
    pub const fn url(&self) -> &Url {
        &self.0
    }

    pub fn as_str(&self) -> &str {
        self.0.as_str()
    }

    /// The host, for messages about it.
    pub fn host(&self) -> &str {
        self.0.host_str().unwrap_or_default()
    }

    /// The URL as it was read from a caller, a row, or a redirect.
    pub fn of(url: Url) -> Result<Self, NotAMediaUrl> {
        if !matches!(url.scheme(), "http" | "https") {
            Err(NotAMediaUrl::Scheme)
        } else if url.host_str().is_none_or(str::is_empty) {
            Err(NotAMediaUrl::Unreadable)
        } else if !url.username().is_empty() || url.password().is_some() {
            Err(NotAMediaUrl::Credentials)
        } else if url.as_str().len() > URL_MAX {
            Err(NotAMediaUrl::TooLong)
        } else {
            Ok(Self(url))
        }
    }
}

impl TryFrom<String> for MediaUrl {
    type Error = NotAMediaUrl;

    fn try_from(text: String) -> Result<Self, NotAMediaUrl> {
        if text.len() > URL_MAX {
            return Err(NotAMediaUrl::TooLong);
        }
        Self::of(Url::parse(&text).map_err(|_| NotAMediaUrl::Unreadable)?)
    }
}

/// A URL may carry a signature that opens what it names, so a print shows its host alone.
impl fmt::Debug for MediaUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "MediaUrl({})", self.host())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_plain_web_addresses_are_taken() {
        for (text, want) in [
            ("https://example.com/a.jpg", Ok(())),
            ("http://example.com:8080/a?b=c#d", Ok(())),
            ("HTTPS://EXAMPLE.COM", Ok(())),
            ("https://user:word@example.com/", Err(NotAMediaUrl::Credentials)),
            ("https://user@example.com/", Err(NotAMediaUrl::Credentials)),
            ("ftp://example.com/a", Err(NotAMediaUrl::Scheme)),
            ("file:///etc/passwd", Err(NotAMediaUrl::Scheme)),
            ("data:image/png;base64,AAAA", Err(NotAMediaUrl::Scheme)),
            ("example.com/a.jpg", Err(NotAMediaUrl::Unreadable)),
            ("https://", Err(NotAMediaUrl::Unreadable)),
            ("", Err(NotAMediaUrl::Unreadable)),
        ] {
            assert_eq!(MediaUrl::try_from(text.to_owned()).map(|_| ()), want, "{text}");
        }
        let long = format!("https://example.com/{}", "a".repeat(URL_MAX));
        assert_eq!(MediaUrl::try_from(long), Err(NotAMediaUrl::TooLong));
    }

    #[test]
    fn a_print_shows_no_more_than_the_host() {
        let url = MediaUrl::try_from("https://cdn.example.com/a?signature=secret".to_owned()).unwrap();
        assert_eq!(format!("{url:?}"), "MediaUrl(cdn.example.com)");
    }
}
