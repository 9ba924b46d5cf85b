//! Why a message failed: one closed list of stable codes, which the OpenAPI document lists as it stands here. The sentence beside a
//! code is written where the failure is found.

use utoipa::openapi::schema::{Object, ObjectBuilder, SchemaType, Type};

/// What a failed message's `errorCode` says. Callers match on it; sentences may change, these do not.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Failure {
    AccountLimited,
    Expired,
    MediaConversionFailed,
    MediaConversionOff,
    MediaDownloadFailed,
    MediaLost,
    MediaTooLarge,
    MediaTypeUnsupported,
    MediaUnreadable,
    MediaUploadFailed,
    MediaUrlForbidden,
    RecipientBlocked,
    RecipientNotOnWhatsApp,
    RefusedByWhatsApp,
    SendFailed,
    SendRefused,
    SessionDeleted,
    SessionLoggedOut,
}

impl Failure {
    pub const ALL: [Self; 18] = [
        Self::AccountLimited,
        Self::Expired,
        Self::MediaConversionFailed,
        Self::MediaConversionOff,
        Self::MediaDownloadFailed,
        Self::MediaLost,
        Self::MediaTooLarge,
        Self::MediaTypeUnsupported,
        Self::MediaUnreadable,
        Self::MediaUploadFailed,
        Self::MediaUrlForbidden,
        Self::RecipientBlocked,
        Self::RecipientNotOnWhatsApp,
        Self::RefusedByWhatsApp,
        Self::SendFailed,
        Self::SendRefused,
        Self::SessionDeleted,
        Self::SessionLoggedOut,
    ];

    /// The code on the wire and what it means, in that order.
    const fn words(self) -> (&'static str, &'static str) {
        match self {
            Self::AccountLimited => ("account_limited", "WhatsApp limits what this account may send for now"),
            Self::Expired => ("expired", "WhatsApp did not confirm the message in the time that it had"),
            Self::MediaConversionFailed => {
                ("media_conversion_failed", "The file could not be made into what phones play")
            }
            Self::MediaConversionOff => ("media_conversion_off", "This server cannot convert files"),
            Self::MediaDownloadFailed => ("media_download_failed", "The file could not be downloaded"),
            Self::MediaLost => ("media_lost", "The uploaded file is no longer on this server"),
            Self::MediaTooLarge => ("media_too_large", "The file is larger than its type may be"),
            Self::MediaTypeUnsupported => {
                ("media_type_unsupported", "The file is of no type that can be sent this way")
            }
            Self::MediaUnreadable => ("media_unreadable", "The file is broken, cut off, or too large once unpacked"),
            Self::MediaUploadFailed => ("media_upload_failed", "WhatsApp's media servers did not take the file"),
            Self::MediaUrlForbidden => ("media_url_forbidden", "The URL leads to where this server may not go"),
            Self::RecipientBlocked => ("recipient_blocked", "This account has blocked the recipient"),
            Self::RecipientNotOnWhatsApp => ("recipient_not_on_whatsapp", "The recipient's number is not on WhatsApp"),
            Self::RefusedByWhatsApp => ("refused_by_whatsapp", "WhatsApp refused the message"),
            Self::SendFailed => ("send_failed", "The message was tried several times and could not be sent"),
            Self::SendRefused => ("send_refused", "The message can never be sent as it is"),
            Self::SessionDeleted => ("session_deleted", "The session was deleted first"),
            Self::SessionLoggedOut => ("session_logged_out", "The session was logged out first"),
        }
    }

    pub const fn as_str(self) -> &'static str {
        self.words().0
    }

    pub const fn title(self) -> &'static str {
        self.words().1
    }
}

/// The schema of an `errorCode`. It is open: a later version may know more codes, and one that is gone stays in old messages.
pub(super) fn schema() -> Object {
    let line = |failure: &Failure| format!("- `{}`: {}.", failure.as_str(), failure.title());
    let lines: Vec<String> = Failure::ALL.iter().map(line).collect();
    let about = format!(
        "Why it failed, in a word that a program can go by; null if it did not fail. A code keeps its meaning, and later versions may \
         add more.\n\n{}",
        lines.join("\n")
    );
    ObjectBuilder::new()
        .schema_type(SchemaType::Array(vec![Type::String, Type::Null]))
        .description(Some(about))
        .examples(Failure::ALL.iter().map(|failure| failure.as_str()))
        .build()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_failure_has_its_own_code_and_the_document_lists_them_all() {
        let codes: std::collections::BTreeSet<_> = Failure::ALL.iter().map(|failure| failure.as_str()).collect();
        assert_eq!(codes.len(), Failure::ALL.len());
        let schema = serde_json::to_value(schema()).unwrap();
        for code in codes {
            assert!(schema["examples"].as_array().unwrap().contains(&code.into()), "{code}");
            assert!(schema["description"].as_str().unwrap().contains(&format!("`{code}`: ")), "{code}");
        }
    }
}
