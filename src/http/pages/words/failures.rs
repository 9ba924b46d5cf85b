//! Why a message failed, in the reader's language. The sentence is kept with the message, in English.

use maud::{Markup, html};

use super::Language;
use super::told::{Sentences, in_english, in_french};
use crate::domain::message::{Failure, Message};

/// Why a message failed: what its own sentence says, or else what its code means.
pub(in crate::http::pages) fn failure(language: Language, message: &Message) -> Markup {
    let sentence = message.error_message.as_deref().unwrap_or_default();
    if language == Language::English {
        return html! { (sentence) };
    }
    let known = Failure::ALL.into_iter().find(|failure| message.error_code.as_deref() == Some(failure.as_str()));
    in_french(KNOWN, sentence).unwrap_or_else(|| match known {
        // What it says beyond its code is not lost.
        Some(known) => html! { (french(known)) @if !sentence.is_empty() { " (" (in_english(language, sentence)) ")" } },
        None => in_english(language, sentence),
    })
}

/// What a code means.
pub(in crate::http::pages) const fn failed_with(language: Language, failure: Failure) -> &'static str {
    match language {
        Language::English => failure.title(),
        Language::French => french(failure),
    }
}

const fn french(failure: Failure) -> &'static str {
    match failure {
        Failure::AccountLimited => "WhatsApp limite pour l’instant ce que ce compte peut envoyer",
        Failure::Expired => "WhatsApp n’a pas confirmé le message dans le temps qu’il avait",
        Failure::MediaConversionFailed => "Le fichier n’a pas pu être converti en ce que les téléphones lisent",
        Failure::MediaConversionOff => "Ce serveur ne peut pas convertir les fichiers",
        Failure::MediaDownloadFailed => "Le fichier n’a pas pu être téléchargé",
        Failure::MediaLost => "Le fichier envoyé n’est plus sur ce serveur",
        Failure::MediaTooLarge => "Le fichier est plus gros que son type ne le permet",
        Failure::MediaTypeUnsupported => "Le fichier est d’un type qui ne peut pas partir ainsi",
        Failure::MediaUnreadable => "Le fichier est abîmé, coupé, ou trop gros une fois décompressé",
        Failure::MediaUploadFailed => "Les serveurs de médias de WhatsApp n’ont pas pris le fichier",
        Failure::MediaUrlForbidden => "L’URL mène là où ce serveur ne peut pas aller",
        Failure::RecipientBlocked => "Ce compte a bloqué le destinataire",
        Failure::RecipientNotOnWhatsApp => "Le numéro du destinataire n’est pas sur WhatsApp",
        Failure::RefusedByWhatsApp => "WhatsApp a refusé le message",
        Failure::SendFailed => "Le message a été tenté plusieurs fois, et n’a pas pu partir",
        Failure::SendRefused => "Le message ne pourra jamais partir tel qu’il est",
        Failure::SessionDeleted => "La session a été supprimée avant",
        Failure::SessionLoggedOut => "La session a été déconnectée avant",
    }
}

const KNOWN: &Sentences = &[
    (
        "WhatsApp limits this account for now (code {}): it may not write to people who have not written to it. Wait some hours, and write \
         to fewer new numbers.",
        "WhatsApp limite ce compte pour l’instant (code {0}) : il ne peut pas écrire à qui ne lui a pas écrit. Attendez quelques heures, et \
         écrivez à moins de nouveaux numéros.",
    ),
    (
        "WhatsApp limits this account for now (code {}): it may not write to people who have not written to it. WhatsApp says that this \
         lasts until {}; send it again after that, and write to fewer new numbers.",
        "WhatsApp limite ce compte pour l’instant (code {0}) : il ne peut pas écrire à qui ne lui a pas écrit. D’après WhatsApp, cela dure \
         jusqu’à {1} ; renvoyez-le ensuite, et écrivez à moins de nouveaux numéros.",
    ),
    ("WhatsApp refused the message (code {}).", "WhatsApp a refusé le message (code {0})."),
    (
        "WhatsApp did not confirm this message within {} hours of its acceptance; it is tried no more.",
        "WhatsApp n’a pas confirmé ce message dans les {0} heures qui ont suivi son acceptation ; il n’est plus tenté.",
    ),
    (
        "WhatsApp did not confirm this message within {} minutes of its acceptance; it is tried no more.",
        "WhatsApp n’a pas confirmé ce message dans les {0} minutes qui ont suivi son acceptation ; il n’est plus tenté.",
    ),
    (
        "WhatsApp did not confirm this message within {} days of its acceptance; it is tried no more.",
        "WhatsApp n’a pas confirmé ce message dans les {0} jours qui ont suivi son acceptation ; il n’est plus tenté.",
    ),
    (
        "The file is larger than the {} MB that this type may have.",
        "Le fichier dépasse les {0} Mo que ce type peut avoir.",
    ),
    (
        "The file is of no known type, judged by its content. Images are JPEG, PNG, WebP or GIF; videos MP4, 3GPP, MOV or WebM; audio MP3, \
         OGG, AAC, WAV or Opus.",
        "Le fichier n’est d’aucun type connu, à en juger par son contenu. Les images sont en JPEG, PNG, WebP ou GIF ; les vidéos en MP4, \
         3GPP, MOV ou WebM ; l’audio en MP3, OGG, AAC, WAV ou Opus.",
    ),
    (
        "The file is {}, judged by its content. Images are JPEG, PNG, WebP or GIF; videos MP4, 3GPP, MOV or WebM; audio MP3, OGG, AAC, WAV \
         or Opus.",
        "Le fichier ne peut pas partir ainsi ; à en juger par son contenu, il est ceci : {0en}. Les images sont en JPEG, PNG, WebP ou GIF ; \
         les vidéos en MP4, 3GPP, MOV ou WebM ; l’audio en MP3, OGG, AAC, WAV ou Opus.",
    ),
    ("The file cannot be read: {}.", "Le fichier est illisible : {0en}."),
    (
        "The URL leads to an address that this server may not reach; its operator can allow it with WAMUX_MEDIA_ALLOW.",
        "L’URL mène à une adresse que ce serveur n’a pas le droit d’atteindre ; la personne qui l’exploite peut l’autoriser par \
         WAMUX_MEDIA_ALLOW.",
    ),
    ("The file could not be downloaded: {}.", "Le fichier n’a pas pu être téléchargé : {0en}."),
    (
        "The file could not be converted to what phones play: {}.",
        "Le fichier n’a pas pu être converti en ce que les téléphones lisent : {0en}.",
    ),
    (
        "This file must be converted first, and ffmpeg is not installed on this server; its operator can install it.",
        "Ce fichier doit d’abord être converti, et ffmpeg n’est pas installé sur ce serveur ; la personne qui l’exploite peut l’installer.",
    ),
    (
        "The uploaded file is no longer on this server; send it again.",
        "Le fichier envoyé n’est plus sur ce serveur ; envoyez-le à nouveau.",
    ),
    (
        "What this server kept of the file cannot be read any more; send it again.",
        "Ce que ce serveur gardait du fichier est devenu illisible ; envoyez-le à nouveau.",
    ),
    (
        "WhatsApp's media servers did not take the file: {}.",
        "Les serveurs de médias de WhatsApp n’ont pas pris le fichier : {0en}.",
    ),
    ("The message could not be sent.", "Le message n’a pas pu partir."),
    ("The message could not be sent: {}.", "Le message n’a pas pu partir : {0en}."),
    ("The recipient's number is not on WhatsApp.", "Le numéro du destinataire n’est pas sur WhatsApp."),
    (
        "This account has blocked the recipient. Unblock them on the phone, then send again.",
        "Ce compte a bloqué le destinataire. Débloquez-le sur le téléphone, puis renvoyez.",
    ),
    (
        "The session was deleted before WhatsApp had this message.",
        "La session a été supprimée avant que WhatsApp ait ce message.",
    ),
    (
        "The session was logged out before WhatsApp had this message.",
        "La session a été déconnectée avant que WhatsApp ait ce message.",
    ),
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::expiry::Expiry;
    use crate::domain::media::Fault;
    use crate::domain::nack;
    use crate::http::pages::words::told::tests::assert_each_is_itself;

    #[test]
    fn what_makes_messages_fail_is_told_with_its_numbers() {
        assert_each_is_itself(KNOWN);
        let why = || "x".to_owned();
        let faults = [
            Fault::TooLarge { limit: 16 << 20 },
            Fault::TypeUnsupported { found: None },
            Fault::TypeUnsupported { found: Some("a PDF") },
            Fault::Unreadable(why()),
            Fault::UrlForbidden,
            Fault::DownloadFailed { why: why(), again: false, after: None },
            Fault::ConversionFailed(why()),
            Fault::ConversionOff,
            Fault::SourceLost,
            Fault::Spoiled,
            Fault::UploadFailed(why()),
        ];
        let until = chrono::DateTime::from_timestamp(1_770_000_000, 0);
        let mut all: Vec<String> = faults.iter().map(Fault::sentence).collect();
        all.extend([("463", until), ("463", None), ("400", None)].map(|(code, until)| nack::refused(code, until).1));
        all.extend(["24h", "90min", "2days"].map(|time| time.parse::<Expiry>().unwrap().failure().1));
        for sentence in all {
            assert!(in_french(KNOWN, &sentence).is_some(), "{sentence}");
        }
    }
}
