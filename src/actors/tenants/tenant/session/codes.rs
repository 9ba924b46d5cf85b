//! The pairing codes of a session. Not an actor; its session's hands.
//!
//! One code is asked for at a time, in a task of its own, and it is given again to whoever asks for the same number while it can
//! be typed in: a page that is loaded anew must not make the code worthless that a person is typing. Another number gets another
//! code, and the one before is worth nothing from then on. They are kept here alone, and go when the session is linked or its
//! connection is gone.

use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use ractor::ActorRef;
use tokio::task::JoinHandle;

use super::{Msg, Reply};
use crate::actors::system::mailbox::Letter;
use crate::domain::error::{Code, Refusal};
use crate::domain::phone::Phone;
use crate::domain::session::life::Typed;
use crate::domain::session::pairing_code::{PairingCode, ShownCode};
use crate::whatsapp::{Link, NoCode};

/// How long to wait when the network does not say.
const LATER: Duration = Duration::from_mins(1);

/// How long to wait when it did not answer.
const SOON: Duration = Duration::from_secs(5);

#[derive(Default)]
pub(super) struct Codes {
    shown: Option<ShownCode>,
    asking: Option<Asking>,
    /// Counts the requests; what comes of an older one concerns nobody.
    request: u32,
    due: Option<JoinHandle<()>>,
}

struct Asking {
    phone: Phone,
    waiting: Vec<Reply<ShownCode>>,
}

impl Codes {
    /// Answers now, or when the network has. Whether it is being asked because of this.
    pub(super) fn ask(
        &mut self,
        myself: &ActorRef<Letter<Msg>>,
        link: Arc<Link>,
        phone: Phone,
        reply: Reply<ShownCode>,
        now: DateTime<Utc>,
    ) -> bool {
        if let Some(asking) = &mut self.asking {
            if asking.phone == phone {
                asking.waiting.retain(|reply| !reply.is_closed());
                asking.waiting.push(reply);
            } else {
                let detail = "A pairing code for another number is being asked for. Try again shortly.";
                refuse([reply], &Refusal::new(Code::RateLimited, detail).after(Duration::from_secs(1)));
            }
            return false;
        }
        if let Some(shown) = self.shown.as_ref().filter(|shown| shown.phone == phone && shown.expires_at > now) {
            let _ = reply.send(Ok(shown.clone()));
            return false;
        }
        self.forget_shown();
        self.request = self.request.wrapping_add(1);
        self.asking = Some(Asking { phone: phone.clone(), waiting: vec![reply] });
        let (request, myself) = (self.request, myself.clone());
        tokio::spawn(async move {
            let asking = tokio::spawn(async move { link.pairing_code(&phone).await });
            let answer = asking.await.unwrap_or(Err(NoCode::Unanswered));
            let _ = myself.send_message(Letter::free(Msg::CodeGiven(request, answer)));
        });
        true
    }

    /// The network has answered: whoever asked is told, and what this means for the session's life.
    pub(super) fn given(
        &mut self,
        request: u32,
        answer: Result<(PairingCode, Duration), NoCode>,
        now: DateTime<Utc>,
    ) -> Option<Typed> {
        let asking = self.asking.take_if(|_| request == self.request)?;
        match answer {
            Ok((code, valid_for)) => {
                let shown = ShownCode { code, phone: asking.phone, expires_at: now + valid_for };
                let expires_at = shown.expires_at;
                for reply in asking.waiting {
                    let _ = reply.send(Ok(shown.clone()));
                }
                self.shown = Some(shown);
                Some(Typed::Given { expires_at })
            }
            Err(no) => {
                refuse(asking.waiting, &refusal(no));
                Some(Typed::Over)
            }
        }
    }

    /// Comes back when the code can link nobody any more.
    pub(super) fn wait(&mut self, myself: &ActorRef<Letter<Msg>>, until: DateTime<Utc>, now: DateTime<Utc>) {
        let (code, myself) = (self.request, myself.clone());
        let wait = (until - now).to_std().unwrap_or_default();
        self.stop_waiting();
        self.due = Some(tokio::spawn(async move {
            tokio::time::sleep(wait).await;
            let _ = myself.send_message(Letter::free(Msg::CodeDue(code)));
        }));
    }

    pub(super) fn is_latest(&self, code: u32) -> bool {
        code == self.request
    }

    pub(super) fn is_asking(&self) -> bool {
        self.asking.is_some()
    }

    /// The shown code links nobody any more; whether there was one.
    pub(super) fn is_over(&mut self) -> bool {
        self.stop_waiting();
        self.shown.take().is_some()
    }

    /// The session does not wait to be linked any more.
    pub(super) fn forget(&mut self, why: &Refusal) {
        self.forget_shown();
        if let Some(asking) = self.asking.take() {
            refuse(asking.waiting, why);
        }
    }

    fn forget_shown(&mut self) {
        self.shown = None;
        self.stop_waiting();
    }

    fn stop_waiting(&mut self) {
        if let Some(due) = self.due.take() {
            due.abort();
        }
    }
}

impl Drop for Codes {
    fn drop(&mut self) {
        self.stop_waiting();
    }
}

fn refuse(waiting: impl IntoIterator<Item = Reply<ShownCode>>, why: &Refusal) {
    for reply in waiting {
        let _ = reply.send(Err(why.clone()));
    }
}

fn refusal(no: NoCode) -> Refusal {
    match no {
        NoCode::NotPairing => {
            Refusal::new(Code::SessionNotPairing, "The session stopped waiting to be linked before there was a code.")
        }
        NoCode::TooMany { wait } => Refusal::new(
            Code::RateLimited,
            "WhatsApp gives no code for this number now: it has had too many, or it is not one that can be linked. \
             Check the number and try again later, or scan the QR code.",
        )
        .after(wait.unwrap_or(LATER)),
        NoCode::Refused(why) => Refusal::new(
            Code::PairingCodeRefused,
            format!("WhatsApp gives no code for this number ({why}). Scan the QR code instead."),
        ),
        NoCode::Unanswered => {
            Refusal::new(Code::WhatsAppUnanswered, "WhatsApp did not answer in time. Try again, or scan the QR code.")
                .after(SOON)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_silent_network_is_no_refusal_and_may_be_asked_again() {
        let silent = refusal(NoCode::Unanswered);
        assert_eq!((silent.code, silent.retry_after), (Code::WhatsAppUnanswered, Some(SOON)));
        let refused = refusal(NoCode::Refused("406".to_owned()));
        assert_eq!((refused.code, refused.retry_after), (Code::PairingCodeRefused, None));
    }
}
