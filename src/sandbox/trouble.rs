//! Numbers that stand for trouble, as test cards do for payments: whoever writes to one meets it, without asking for it.

use std::time::Duration;

use crate::domain::phone::Phone;

/// What happens to who writes to a number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Trouble {
    /// The number is not on WhatsApp.
    NotOnWhatsApp,
    /// The network takes the message, and it reaches no device of the other side: the phone is off for good.
    NeverDelivers,
    /// The network takes its time to say that it has the message.
    AcksLate,
    /// The person has blocked you. The real network does not tell: the message is taken and stays with one tick
    /// (<https://faq.whatsapp.com/1345769802655229>), which on the wire is an ack and never a receipt.
    HasBlockedYou,
    /// The network limits the account that writes.
    LimitsSender,
    /// The phone cannot decrypt at first and asks for the message again.
    CannotDecryptAtFirst,
}

/// The whole table.
const NUMBERS: [(&str, Trouble); 6] = [
    ("15550000001", Trouble::NotOnWhatsApp),
    ("15550000002", Trouble::NeverDelivers),
    ("15550000003", Trouble::AcksLate),
    ("15550000004", Trouble::HasBlockedYou),
    ("15550000005", Trouble::LimitsSender),
    ("15550000006", Trouble::CannotDecryptAtFirst),
];

/// How late [`Trouble::AcksLate`] is.
pub(crate) const LATE: Duration = Duration::from_secs(5);

/// The refusal for an account under a reach-out time-lock: it wrote to too many people who do not know it, and for a
/// time it may only write to those who do. `whatsapp-rust/src/client/node_io.rs` (`take_ack_waiter`) and
/// `features/mex.rs` (`fetch_reachout_timelock`) know it by this code; 479 would say that the stanza is malformed.
pub(crate) const LIMITED: &str = "463";

impl Trouble {
    /// Whether a message to this number reaches no device of it.
    pub(crate) fn swallows(self) -> bool {
        matches!(self, Self::NeverDelivers | Self::HasBlockedYou)
    }
}

/// The trouble that a number stands for.
pub(crate) fn of(phone: &Phone) -> Option<Trouble> {
    NUMBERS.iter().find(|(number, _)| *number == phone.digits()).map(|(_, trouble)| *trouble)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_other_number_is_trouble() {
        for (number, trouble) in NUMBERS {
            assert_eq!(of(&Phone::from_digits(number).unwrap()), Some(trouble));
        }
        for number in ["15550000000", "15550000007", "155500000010", "237612345678"] {
            assert_eq!(of(&Phone::from_digits(number).unwrap()), None);
        }
    }
}
