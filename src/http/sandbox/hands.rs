//! The phones in the hands of whoever is at a page: looked at as data, and used, wherever they are.

use super::errand::Errand;
use super::{Phones, here};
use crate::domain::content::Text;
use crate::domain::error::{Code, Refusal};
use crate::domain::phone::Phone;
use crate::domain::qr::QrCode;
use crate::domain::request::RequestId;
use crate::domain::session::pairing_code::PairingCode;
use crate::sandbox::{Attachment, Page, PhoneInfo, Shown};

/// A phone as it is now, and what its screen showed last, oldest first.
#[derive(Debug, Clone)]
pub(in crate::http) struct Seen {
    pub(in crate::http) info: PhoneInfo,
    pub(in crate::http) lines: Vec<Shown>,
}

/// What a person does with a phone.
#[derive(Debug)]
pub(in crate::http) enum Deed {
    /// Gives it a name, or has it read at once what it shows; what is none stays.
    Change {
        name: Option<String>,
        auto_read: Option<bool>,
    },
    Scan(QrCode),
    Enter(PairingCode),
    Write {
        to: Phone,
        text: Text,
    },
    Post {
        to: Phone,
        attachment: Box<Attachment>,
    },
    Read {
        chat: Phone,
    },
    /// Goes into flight mode, or comes back from it.
    Fly(bool),
}

impl Deed {
    fn with(self, phone: Phone) -> Errand {
        match self {
            Self::Change { name, auto_read } => Errand::Create { phone, name, auto_read },
            Self::Scan(qr) => Errand::Scan { phone, qr },
            Self::Enter(code) => Errand::Enter { phone, code },
            Self::Write { to, text } => Errand::Write { phone, to, text },
            Self::Post { to, attachment } => Errand::Post { phone, to, attachment },
            Self::Read { chat } => Errand::Read { phone, chat },
            Self::Fly(true) => Errand::Offline { phone },
            Self::Fly(false) => Errand::Online { phone },
        }
    }
}

/// The largest file that a page has a phone here send: a photo, or a short film.
const FILE_HERE: usize = 5 << 20;
/// In base64, and with what else is said, it fits the 256 KiB of a body of the API that carries it on.
const FILE_THERE: usize = 180 << 10;

impl Phones {
    /// The largest file that a page has a phone send, in bytes.
    pub(in crate::http) const fn file_max(&self) -> usize {
        match self {
            Self::Here(_) => FILE_HERE,
            Self::There(_) => FILE_THERE,
        }
    }

    /// A phone and the latest lines of its screen, or none if there is no such phone yet.
    pub(in crate::http) async fn look(
        &self,
        phone: &Phone,
        latest: u32,
        request: &RequestId,
    ) -> Result<Option<Seen>, Refusal> {
        let seen = match self {
            Self::Here(sandbox) => match sandbox.phone(phone).await {
                Ok(info) => Ok((info, here::screen(sandbox, phone, None, Some(latest), latest).await?)),
                Err(error) => Err(error.into()),
            },
            Self::There(far) => match far.read::<PhoneInfo>(&Errand::Look { phone: phone.clone() }, request).await {
                Ok(info) => {
                    let (after, latest) = (None, Some(latest));
                    let screen = Errand::Screen { phone: phone.clone(), after, latest, limit: latest };
                    Ok((info, far.read::<Page>(&screen, request).await?))
                }
                Err(refusal) => Err(refusal),
            },
        };
        match seen {
            Ok((info, page)) => Ok(Some(Seen { info, lines: page.messages })),
            Err(refusal) if refusal.code == Code::PhoneNotFound => Ok(None),
            Err(refusal) => Err(refusal),
        }
    }

    /// Does something with a phone. One that there is not yet is made for it.
    pub(in crate::http) async fn act(&self, phone: &Phone, deed: Deed, request: &RequestId) -> Result<(), Refusal> {
        if !matches!(deed, Deed::Change { .. }) {
            let made = Deed::Change { name: None, auto_read: None };
            self.run(made.with(phone.clone()), request).await?;
        }
        self.run(deed.with(phone.clone()), request).await
    }

    async fn run(&self, errand: Errand, request: &RequestId) -> Result<(), Refusal> {
        match self {
            // The path that an answer would name is of no use to a page.
            Self::Here(sandbox) => here::run(sandbox, errand, "").await.map(drop),
            Self::There(far) => far.told(&errand, request).await.map(drop),
        }
    }
}
