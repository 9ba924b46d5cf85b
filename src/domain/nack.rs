//! What it means when WhatsApp refuses a message: why it failed, and a sentence that says what to do.

use chrono::{DateTime, SecondsFormat, Utc};

use super::message::Failure;

/// Codes under which the network limits an account: 463, a reach-out time-lock, and 475, no more new chats for now.
const LIMITED: [&str; 2] = ["463", "475"];

/// Whether the network tells those who ask until when it limits the account.
pub fn has_an_end(code: &str) -> bool {
    code == LIMITED[0]
}

/// The error that a message fails with, from the code of the network's refusal, and the end of the limit where that is known.
pub fn refused(code: &str, until: Option<DateTime<Utc>>) -> (Failure, String) {
    if LIMITED.contains(&code) {
        let wait = until.map_or_else(
            || "Wait some hours, and write to fewer new numbers.".to_owned(),
            |until| {
                let until = until.to_rfc3339_opts(SecondsFormat::Secs, true);
                format!("WhatsApp says that this lasts until {until}; send it again after that, and write to fewer new numbers.")
            },
        );
        let why = format!(
            "WhatsApp limits this account for now (code {code}): it may not write to people who have not written to it. {wait}"
        );
        return (Failure::AccountLimited, why);
    }
    (Failure::RefusedByWhatsApp, format!("WhatsApp refused the message (code {code})."))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_limit_is_told_apart_from_other_refusals() {
        for code in ["463", "475"] {
            let (name, why) = refused(code, None);
            assert!(name == Failure::AccountLimited && why.contains(code));
        }
        let (name, why) = refused("463", DateTime::from_timestamp(1_770_000_000, 0));
        assert!(name == Failure::AccountLimited && why.contains("until 2026-02-02T02:40:00Z"), "{why}");
        for code in ["400", "404", "479", "503"] {
            let (name, why) = refused(code, None);
            assert!(name == Failure::RefusedByWhatsApp && why.contains(code));
        }
    }
}
