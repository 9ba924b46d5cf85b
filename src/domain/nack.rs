//! What it means when WhatsApp refuses a message: why it failed, and a sentence that says what to do.

use super::message::Failure;

/// Codes under which the network limits an account: 463, a reach-out time-lock, and 475, no more new chats for now.
const LIMITED: [&str; 2] = ["463", "475"];

/// The error that a message fails with, from the code of the network's refusal.
pub fn refused(code: &str) -> (Failure, String) {
    if LIMITED.contains(&code) {
        let why = format!(
            "WhatsApp limits this account for now (code {code}): it may not write to people who have not written to it. \
             Wait some hours, and write to fewer new numbers."
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
            let (name, why) = refused(code);
            assert!(name == Failure::AccountLimited && why.contains(code));
        }
        for code in ["400", "404", "479", "503"] {
            let (name, why) = refused(code);
            assert!(name == Failure::RefusedByWhatsApp && why.contains(code));
        }
    }
}
