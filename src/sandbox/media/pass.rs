//! What the media servers give out and know again, without a list: tokens for uploads, and paths that are signed and end.
//!
//! A path looks as those of the real servers do: `oe` says when it ends, `oh` signs it. Clients add to it what they like, some
//! with a second question mark (`wacore/src/download.rs`, `prepare_download_requests`).

use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use ring::hmac::{HMAC_SHA256, Key, sign, verify};

use crate::sandbox::ledger::Device;

/// For how many seconds a companion may put something up before it has to ask again; so the real network has it.
pub(crate) const AUTH: i64 = 21_600;

/// Bytes of a token before its signature: account, device, end.
const BODY: usize = 18;

/// Why the media servers do not do something.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Refused {
    #[error("the token is missing, or its time is over")]
    Unauthorized,
    #[error("this is not signed by this network")]
    Forbidden,
    #[error("there is no such file")]
    NotFound,
    #[error("the file was kept until its time was over")]
    Gone,
    #[error("the length of the file has to be said before it")]
    LengthRequired,
    #[error("the file is too large")]
    TooLarge,
    #[error("there is no beginning of this length to go on from")]
    NoBeginning,
    #[error("the file is not what its name says: its SHA-256 is another")]
    WrongHash,
    #[error("the name of a file is its SHA-256 in base64url")]
    WrongName,
    #[error("the upload ended before its end")]
    Cut,
    #[error("too many uploads are under way")]
    Busy,
    #[error("the file cannot be stored")]
    Broken,
}

impl Refused {
    pub(crate) const fn status(self) -> u16 {
        match self {
            Self::Unauthorized => 401,
            Self::Forbidden => 403,
            Self::NotFound => 404,
            Self::Gone => 410,
            Self::LengthRequired => 411,
            Self::TooLarge => 413,
            Self::WrongHash | Self::WrongName => 400,
            Self::Cut => 408,
            // Whoever asks again how much there is does better.
            Self::NoBeginning | Self::Busy => 503,
            Self::Broken => 500,
        }
    }
}

pub(crate) struct Passes(Key);

impl Passes {
    pub(crate) fn new(secret: &[u8]) -> Self {
        Self(Key::new(HMAC_SHA256, secret))
    }

    fn tag(&self, purpose: &str, what: &[u8]) -> Vec<u8> {
        sign(&self.0, &signed(purpose, what)).as_ref().to_vec()
    }

    fn is_ours(&self, purpose: &str, what: &[u8], tag: &[u8]) -> Result<(), Refused> {
        verify(&self.0, &signed(purpose, what), tag).map_err(|_| Refused::Forbidden)
    }

    pub(crate) fn auth(&self, device: Device, ends: i64) -> String {
        let mut body = Vec::with_capacity(BODY);
        body.extend(device.account.to_be_bytes());
        body.extend(device.device.to_be_bytes());
        body.extend(ends.to_be_bytes());
        let tag = self.tag("auth", &body);
        body.extend(tag);
        BASE64_URL_SAFE_NO_PAD.encode(body)
    }

    /// Whose token this is.
    pub(crate) fn device(&self, token: Option<&str>, now: i64) -> Result<Device, Refused> {
        let token = token.filter(|token| !token.is_empty()).ok_or(Refused::Unauthorized)?;
        let bytes = BASE64_URL_SAFE_NO_PAD.decode(token).map_err(|_| Refused::Forbidden)?;
        let (body, tag) = bytes.split_at_checked(BODY).ok_or(Refused::Forbidden)?;
        self.is_ours("auth", body, tag)?;
        let (account, rest) = body.split_first_chunk::<8>().ok_or(Refused::Forbidden)?;
        let (device, rest) = rest.split_first_chunk::<2>().ok_or(Refused::Forbidden)?;
        let (ends, _) = rest.split_first_chunk::<8>().ok_or(Refused::Forbidden)?;
        if i64::from_be_bytes(*ends) <= now {
            return Err(Refused::Unauthorized);
        }
        Ok(Device { account: i64::from_be_bytes(*account), device: u16::from_be_bytes(*device) })
    }

    /// Where a file lies, until then.
    pub(crate) fn path(&self, family: &str, name: &str, ends: i64) -> String {
        let folder = match family {
            "video" => "t62.7161-24",
            "audio" => "t62.7117-24",
            "document" => "t62.7119-24",
            _ => "t62.7118-24",
        };
        let path = format!("/v/{folder}/{name}.enc");
        let tag = BASE64_URL_SAFE_NO_PAD.encode(self.tag("path", format!("{path} {ends:x}").as_bytes()));
        format!("{path}?ccb=11-4&oh=01_{tag}&oe={ends:X}&_nc_sid=5e03e0")
    }

    /// The file that a path leads to, if we gave that path out and its time is not over.
    pub(crate) fn name(&self, path_and_query: &str, now: i64) -> Result<String, Refused> {
        let (path, query) = path_and_query.split_once('?').unwrap_or((path_and_query, ""));
        let name = path.rsplit('/').next().and_then(|file| file.strip_suffix(".enc")).ok_or(Refused::NotFound)?;
        let ends =
            parameter(query, "oe").and_then(|ends| i64::from_str_radix(ends, 16).ok()).ok_or(Refused::Forbidden)?;
        let given = parameter(query, "oh").and_then(|given| given.strip_prefix("01_")).ok_or(Refused::Forbidden)?;
        let given = BASE64_URL_SAFE_NO_PAD.decode(given).map_err(|_| Refused::Forbidden)?;
        self.is_ours("path", format!("{path} {ends:x}").as_bytes(), &given)?;
        // Who knows the hash says so; it names the file as well as the path does.
        let hash = parameter(query, "hash").or_else(|| parameter(query, "token"));
        if hash.is_some_and(|hash| hash.trim_end_matches('=') != name && hash.trim_end_matches("%3D") != name) {
            return Err(Refused::Forbidden);
        }
        if ends <= now { Err(Refused::Gone) } else { Ok(name.to_owned()) }
    }
}

/// What is signed says for what, so that a token is no path.
fn signed(purpose: &str, what: &[u8]) -> Vec<u8> {
    [b"media ", purpose.as_bytes(), b"\n", what].concat()
}

/// What a query says under a name, the first time.
pub(super) fn parameter<'q>(query: &'q str, name: &str) -> Option<&'q str> {
    query.split(['&', '?']).find_map(|pair| pair.strip_prefix(name)?.strip_prefix('='))
}

#[cfg(test)]
mod tests {
    use super::*;

    const DEVICE: Device = Device { account: 7, device: 3 };

    #[test]
    fn a_token_is_good_for_its_time_and_for_this_network() {
        let (ours, theirs) = (Passes::new(b"ours"), Passes::new(b"theirs"));
        let token = ours.auth(DEVICE, 100);
        assert_eq!(ours.device(Some(&token), 99), Ok(DEVICE));
        assert_eq!(ours.device(Some(&token), 100), Err(Refused::Unauthorized));
        assert_eq!(ours.device(None, 0), Err(Refused::Unauthorized));
        assert_eq!(theirs.device(Some(&token), 99), Err(Refused::Forbidden));
        for wrong in ["x", "!!!", &token[1..], &format!("{token}AAAA"), &token.replace(&token[2..3], "-")] {
            assert_eq!(ours.device(Some(wrong), 99), Err(Refused::Forbidden), "{wrong}");
        }
    }

    #[test]
    fn a_path_leads_to_its_file_until_it_ends_whatever_clients_add() {
        let passes = Passes::new(b"ours");
        let path = passes.path("image", "abc", 0x6000);
        for added in ["", "?auth=x&token=abc", "&hash=abc&mms-type=image&__wa-mms=", "&hash=abc%3D"] {
            assert_eq!(passes.name(&format!("{path}{added}"), 0x5fff), Ok("abc".to_owned()), "{path}{added}");
        }
        assert_eq!(passes.name(&path, 0x6000), Err(Refused::Gone));
        for wrong in [
            path.replace("abc", "abd"),
            path.replace("6000", "7000"),
            path.replace("t62.7118-24", "t62.7161-24"),
            format!("{path}&hash=other"),
            "/v/t62.7118-24/abc.enc".to_owned(),
        ] {
            assert_eq!(passes.name(&wrong, 0), Err(Refused::Forbidden), "{wrong}");
        }
        assert_eq!(passes.name("/v/../../etc/passwd", 0), Err(Refused::NotFound));
    }
}
