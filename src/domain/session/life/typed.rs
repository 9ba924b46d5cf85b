//! Linking by a code that is typed into the app, beside the QR codes: both go on until one of them wins, and the session gives
//! up when there is neither any more.

use std::time::Duration;

use chrono::{DateTime, Utc};

use super::{Effect, End, Fault, Life, Stage};

/// A code that is typed in at its last moment may take this long to link (`primary_hello_pair_success_timeout` of the protocol).
const LINKING: Duration = Duration::from_mins(1);

/// What becomes of a pairing code.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Typed {
    /// One is being asked for.
    Asked,
    Given {
        expires_at: DateTime<Utc>,
    },
    /// It was refused, has expired, or did not link.
    Over,
    /// There are no more QR codes; the connection stays for the code.
    ScansOver,
}

impl Typed {
    /// A code was given to a phone, and no link came of it.
    pub fn failed() -> Fault {
        let message = "No phone was linked by the pairing code; it may have been mistyped. Ask for a new one, or scan the QR code.";
        Fault::new("pairing_code_failed", message)
    }
}

/// What is still open besides the QR code that is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Typing {
    code: bool,
    scans_over: bool,
}

impl Life {
    /// Whether a phone may link this session now, by one way or the other.
    pub const fn is_pairing(&self) -> bool {
        matches!(self.stage, Stage::QrReady { .. })
    }

    pub(super) fn typed(mut self, typed: Typed, now: DateTime<Utc>) -> (Self, Vec<Effect>) {
        if !self.is_pairing() {
            return (self, vec![]);
        }
        let mut effects = Vec::new();
        match typed {
            Typed::Asked => self.typing.code = true,
            Typed::Given { expires_at } => {
                self.typing.code = true;
                effects.push(Effect::AwaitCode { until: expires_at.max(now) + LINKING });
            }
            Typed::Over => self.typing.code = false,
            Typed::ScansOver => self.typing.scans_over = true,
        }
        if self.typing.scans_over && !self.typing.code {
            let (life, end) = self.end(&End::QrExhausted);
            effects.push(Effect::Close);
            effects.extend(end);
            return (life, effects);
        }
        (self, effects)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::qr::QrCode;
    use crate::domain::session::Status;
    use crate::domain::session::life::{Input, Loss};

    fn at(seconds: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(1_800_000_000 + seconds, 0).unwrap()
    }

    fn waiting() -> Life {
        let life = Life::remembered(Status::Initializing, None, None).apply(Input::Started, at(0)).0;
        life.apply(Input::Qr { qr: QrCode::new("code"), expires_at: at(60) }, at(0)).0
    }

    fn run(life: Life, inputs: impl IntoIterator<Item = Typed>) -> (Life, Vec<Effect>) {
        inputs.into_iter().fold((life, vec![]), |(life, _), typed| life.apply(Input::Code(typed), at(0)))
    }

    fn given() -> Typed {
        Typed::Given { expires_at: at(180) }
    }

    #[test]
    fn a_code_is_waited_for_a_minute_longer_than_it_can_be_typed() {
        let (life, effects) = run(waiting(), [Typed::Asked, given()]);
        assert_eq!((life.status(), effects), (Status::QrReady, vec![Effect::AwaitCode { until: at(240) }]));
    }

    #[test]
    fn a_code_that_is_over_leaves_the_qr_codes_as_they_are() {
        let (life, effects) = run(waiting(), [Typed::Asked, given(), Typed::Over]);
        assert_eq!((life.status(), effects), (Status::QrReady, vec![]));
    }

    #[test]
    fn the_session_gives_up_when_there_is_nothing_left_to_scan_or_to_type() {
        let ends = [
            vec![Typed::ScansOver],
            vec![Typed::Asked, Typed::ScansOver, Typed::Over],
            vec![Typed::Asked, given(), Typed::ScansOver, Typed::Over],
            vec![Typed::Asked, Typed::Over, Typed::ScansOver],
        ];
        for inputs in ends {
            let (before, last) = inputs.split_at(inputs.len() - 1);
            let (life, _) = run(waiting(), before.iter().copied());
            assert_eq!(life.status(), Status::QrReady, "{before:?}");
            let (life, effects) = run(life, last.iter().copied());
            assert_eq!((life.status(), effects), (Status::Failed, vec![Effect::Close, Effect::Record]), "{inputs:?}");
            assert_eq!(life.fault.unwrap().code, "qr_codes_expired");
        }
    }

    #[test]
    fn a_code_that_is_asked_for_anew_counts_as_open_again() {
        let (life, _) = run(waiting(), [Typed::Asked, given(), Typed::ScansOver, Typed::Asked, given()]);
        assert_eq!(life.status(), Status::QrReady);
    }

    #[test]
    fn what_is_said_of_a_code_too_late_changes_nothing() {
        let phone: crate::domain::phone::Phone = "+237612345678".parse().unwrap();
        let (life, _) = run(waiting(), [Typed::Asked, given(), Typed::ScansOver]);
        let life = life.apply(Input::Paired { phone }, at(1)).0;
        for typed in [Typed::Asked, given(), Typed::Over, Typed::ScansOver] {
            assert_eq!(life.clone().apply(Input::Code(typed), at(2)), (life.clone(), vec![]), "{typed:?}");
        }
    }

    #[test]
    fn the_next_qr_codes_begin_with_no_code_and_all_of_them_to_come() {
        let lost = Input::Lost { loss: Loss::Dropped, why: "eof".into() };
        let (life, _) = run(waiting(), [Typed::Asked, given(), Typed::ScansOver]);
        let life = life.apply(lost, at(1)).0.apply(Input::RetryDue, at(2)).0;
        let life = life.apply(Input::Qr { qr: QrCode::new("new"), expires_at: at(62) }, at(2)).0;
        assert_eq!(run(life, [Typed::Over]).0.status(), Status::QrReady);
    }
}
