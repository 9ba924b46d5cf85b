//! Why a call was refused, in the reader's language: what happened, and what to do about it.

use maud::{Markup, html};

use super::told::{Sentences, in_french};
use super::{Language, entry};
use crate::domain::error::{Code, Refusal};
use crate::http::pages::measure;

/// A refusal in a sentence. In French it is the one that the API says in English where that is known, and else the one of its code.
pub(in crate::http::pages) fn refusal(language: Language, refusal: &Refusal) -> Markup {
    match language {
        Language::English => html! { (refusal.detail) },
        Language::French => in_french(KNOWN, &refusal.detail).unwrap_or_else(|| {
            html! { (french(refusal.code)) @if let Some(again) = again(refusal) { " " (again) } }
        }),
    }
}

/// What a code means.
pub(in crate::http::pages) const fn code(language: Language, code: Code) -> &'static str {
    match language {
        Language::English => code.title(),
        Language::French => french(code),
    }
}

/// When to come back, where nothing is to be done but that.
fn again(refusal: &Refusal) -> Option<String> {
    let waits = [Code::NotReady, Code::Overloaded, Code::RateLimited, Code::SandboxUnreachable, Code::Stopping];
    if !waits.contains(&refusal.code) && refusal.code != Code::WhatsAppUnanswered {
        return None;
    }
    let wait = refusal.retry_after.and_then(|wait| chrono::TimeDelta::from_std(wait).ok());
    Some(wait.map_or_else(
        || "Réessayez dans un instant.".to_owned(),
        |wait| format!("Réessayez dans {}.", measure::span(Language::French.words().measures, wait)),
    ))
}

/// What happened, and what to do, for each code.
#[rustfmt::skip]
const fn french(code: Code) -> &'static str {
    match code {
        Code::BodyTooLarge => "Ce qui a été envoyé est trop volumineux. Choisissez un fichier plus petit, ou raccourcissez le texte.",
        Code::BodyTooSlow => "Ce qui a été envoyé n’est pas arrivé en entier à temps. Vérifiez votre connexion, et renvoyez-le.",
        Code::DailyLimitReached => "Les messages du jour de votre formule sont épuisés. Le compte reprend à 00:00 UTC.",
        Code::DownloadLimitReached => "Trop de médias sont en cours de téléchargement. Attendez que l’un d’eux soit arrivé.",
        Code::FormRefused => "Ce formulaire ne vient pas d’une page de ce site. Rechargez la page, et envoyez-le à nouveau.",
        Code::HeadersTooLarge => "Les en-têtes de la requête sont trop longs. Effacez les cookies de ce site, puis réessayez.",
        Code::IdempotencyInProgress => "La première requête sous cette clé d’idempotence n’a pas encore sa réponse. Attendez-la.",
        Code::IdempotencyKeyReused => "Cette clé d’idempotence a déjà servi à une autre requête. Prenez-en une nouvelle.",
        Code::InternalError => "Quelque chose a échoué de notre côté. Si cela dure, donnez l’identifiant de la requête à la personne qui exploite ce serveur.",
        Code::InvalidApiKey => "La clé d’API manque, ou n’est pas valable. Donnez-en une qui l’est.",
        Code::InvalidStreamTicket => "Ce ticket n’ouvre pas ce flux, ou ne l’ouvre plus. Demandez-en un autre.",
        Code::KeyLimitReached => "Il y a trop de clés d’API. Révoquez-en une d’abord.",
        Code::MalformedJson => "Ce qui a été envoyé n’est pas du JSON, ou s’arrête avant la fin. Corrigez-le, et renvoyez-le.",
        Code::MalformedRequest => "La requête est illisible. Rechargez la page, et réessayez.",
        Code::MediaCorrupt => "Le fichier n’est pas celui que son auteur a envoyé : il n’est donc pas donné. Demandez-lui de le renvoyer.",
        Code::MediaExpired => "WhatsApp n’a plus ce fichier. Demandez à son auteur de le renvoyer.",
        Code::MediaTooLarge => "Le fichier est trop volumineux. Il en faut un plus petit.",
        Code::MethodNotAllowed => "Cette adresse ne répond pas à cette méthode. Revenez à la page d’où vous venez.",
        Code::NotAcceptable => "La réponse n’existe dans aucun des formats acceptés. Acceptez-en un autre.",
        Code::NotFound => "Cela n’existe pas, ou n’existe plus. Vérifiez l’adresse.",
        Code::NotReady => "Le serveur n’est pas prêt.",
        Code::OperatorOnly => "C’est réservé à la personne qui exploite ce serveur.",
        Code::PairingCodeNotUsable => "Ce code d’association ne peut pas servir. Demandez-en un nouveau.",
        Code::PairingCodeRefused => "WhatsApp ne donne pas de code d’association à ce numéro. Scannez plutôt le code QR.",
        Code::PhoneNotFound => "Ce téléphone simulé n’existe pas. Vérifiez le numéro.",
        Code::PhoneOffline => "Ce téléphone simulé est en mode avion. Quittez d’abord ce mode.",
        Code::QrNotUsable => "Ce code QR ne peut pas servir. Prenez le plus récent.",
        Code::RateLimited => "Trop de demandes à la fois.",
        Code::SandboxUnreachable => "Le réseau simulé est injoignable.",
        Code::SessionKeyTaken => "Une session porte déjà ce nom. Choisissez-en un autre.",
        Code::SessionLimitReached => "Toutes les sessions de votre formule sont prises. Supprimez-en une, ou passez à une formule plus grande.",
        Code::SessionNotConnected => "La session n’est pas connectée. Liez-la, ou attendez qu’elle revienne.",
        Code::SessionNotPairing => "La session n’attend pas d’être liée. Si elle doit l’être, redémarrez-la.",
        Code::Overloaded => "Le serveur a trop à faire.",
        Code::Stopping => "Le serveur s’arrête.",
        Code::StreamLimitReached => "Trop de flux sont ouverts. Fermez-en un d’abord.",
        Code::UnsupportedMediaType => "Un contenu de ce type n’est pas accepté ici. Rechargez la page, et envoyez le formulaire à nouveau.",
        Code::UploadLimitReached => "Trop de fichiers sont en cours d’envoi. Attendez que l’un d’eux soit parti.",
        Code::UriTooLong => "L’adresse est trop longue. Raccourcissez-la.",
        Code::ValidationFailed => "Quelque chose n’est pas valable dans ce qui a été envoyé. Corrigez-le, et renvoyez-le.",
        Code::WhatsAppUnanswered => "WhatsApp n’a pas répondu à temps.",
    }
}

/// What the API says of a refusal, as far as people on pages meet it.
const KNOWN: &Sentences = &[
    ("Correct: {}.", "À corriger : {0}."),
    (entry::ENGLISH.no_cookies_why, entry::FRENCH.no_cookies_why),
    (
        "This form was not sent by a page of this site, or you signed out and in since. Load the page again and send it once more.",
        "Ce formulaire ne vient pas d’une page de ce site, ou vous vous êtes déconnecté et reconnecté depuis. Rechargez la page, et envoyez-le à nouveau.",
    ),
    ("No such resource.", "Cela n’existe pas, ou n’existe plus."),
    ("What stands here answers to {}.", "Cette adresse répond à {0}."),
    (
        "A queue is full; nothing was done. Try again shortly.",
        "Le serveur a trop à faire en ce moment ; rien n’a été fait. Réessayez dans un instant.",
    ),
    (
        "The answer took too long, and what was asked may still happen. Look before you ask again.",
        "La réponse a trop tardé, et ce que vous avez demandé se fera peut-être encore. Regardez avant de le redemander.",
    ),
    (
        "The database does not answer just now, so what was asked may or may not be done. Look before you ask again.",
        "La base de données ne répond pas en ce moment : ce que vous avez demandé est peut-être fait, peut-être non. Regardez avant de le redemander.",
    ),
    (
        "The server is stopping; nothing was done.",
        "Le serveur s’arrête ; rien n’a été fait. Réessayez dans un instant.",
    ),
    (
        "The request id names this failure in the server's log.",
        "Quelque chose a échoué de notre côté. L’identifiant de la requête nomme cet échec dans le journal du serveur.",
    ),
    ("Too many attempts. Try again in {} seconds.", "Trop de tentatives. Réessayez dans {0} secondes."),
    (
        "This key may make {} calls a second after a burst of {}.",
        "Vous pouvez faire {0} appels par seconde après une salve de {1}. Attendez un instant.",
    ),
    (
        "A tenant may have {} keys at once; revoke one first.",
        "Vous pouvez avoir {0} clés à la fois ; révoquez-en une d’abord.",
    ),
    (
        "The {} plan has {} sessions; delete one or move to a larger plan.",
        "La formule {0^} compte {1} sessions ; supprimez-en une, ou passez à une formule plus grande.",
    ),
    (
        "The plan's {} messages of today are used up; the count starts again at 00:00 UTC.",
        "Les {0} messages du jour de votre formule sont épuisés ; le compte reprend à 00:00 UTC.",
    ),
    ("A session with the key '{}' exists already.", "Une session porte déjà le nom « {0} ». Choisissez-en un autre."),
    (
        "No session is connected. Link one by scanning its QR code.",
        "Aucune session n’est connectée. Liez-en une en scannant son code QR.",
    ),
    ("Session '{}' is {}; link it first.", "La session « {0} » n’est pas connectée ; liez-la d’abord."),
    (
        "The session is {}; try again when it is connected.",
        "La session n’est pas connectée ; réessayez quand elle le sera.",
    ),
    ("The session is {}.", "La session n’attend pas d’être liée en ce moment."),
    (
        "The session was logged out, linked to another account or deleted in this moment; nothing was accepted.",
        "La session vient d’être déconnectée, liée à un autre compte ou supprimée ; rien n’a été accepté.",
    ),
    (
        "This session failed too often and is left alone for some minutes; nothing was done. Restart it to bring it back at once.",
        "Cette session a échoué trop souvent, et est laissée en paix quelques minutes ; rien n’a été fait. Redémarrez-la pour la ramener aussitôt.",
    ),
    (
        "This session failed and is about to start again; nothing was done. Try again shortly.",
        "Cette session a échoué et va redémarrer ; rien n’a été fait. Réessayez dans un instant.",
    ),
    (
        "A pairing code for another number is being asked for. Try again shortly.",
        "Un code d’association est déjà demandé pour un autre numéro. Réessayez dans un instant.",
    ),
    (
        "The session stopped waiting to be linked before there was a code.",
        "La session a cessé d’attendre d’être liée avant qu’il y ait un code.",
    ),
    (
        "WhatsApp gives no code for this number now: it has had too many, or it is not one that can be linked. Check the number and try \
         again later, or scan the QR code.",
        "WhatsApp ne donne pas de code à ce numéro en ce moment : il en a eu trop, ou ne peut pas être lié. Vérifiez le numéro et réessayez \
         plus tard, ou scannez le code QR.",
    ),
    (
        "WhatsApp gives no code for this number ({}). Scan the QR code instead.",
        "WhatsApp ne donne pas de code à ce numéro ({0en}). Scannez plutôt le code QR.",
    ),
    (
        "WhatsApp did not answer in time. Try again, or scan the QR code.",
        "WhatsApp n’a pas répondu à temps. Réessayez, ou scannez le code QR.",
    ),
    (
        "A tenant may upload {} files at once; wait until one is done.",
        "Vous pouvez envoyer {0} fichiers à la fois ; attendez que l’un d’eux soit arrivé.",
    ),
    (
        "A tenant may have {} uploaded files that wait to be sent; see that the sessions are connected, or give URLs.",
        "Au plus {0} fichiers envoyés peuvent attendre de partir ; voyez si vos sessions sont connectées, ou donnez des URL.",
    ),
    (
        "This server's disk is full; nothing was done. Tell its operator, and try again later.",
        "Le disque de ce serveur est plein ; rien n’a été fait. Dites-le à la personne qui l’exploite, et réessayez plus tard.",
    ),
    ("The file may have at most {} MB.", "Le fichier peut avoir au plus {0} Mo."),
    ("An image may have at most {} MB.", "Une image peut avoir au plus {0} Mo."),
    ("A video may have at most {} MB.", "Une vidéo peut avoir au plus {0} Mo."),
    ("Audio may have at most {} MB.", "Un enregistrement audio peut avoir au plus {0} Mo."),
    ("The body may have at most {} bytes.", "Le formulaire peut avoir au plus {0} octets."),
    (
        "The fields beside the file may have {} KiB in all.",
        "Les champs à côté du fichier peuvent avoir {0} Kio en tout.",
    ),
    (
        "The body did not arrive within {} seconds.",
        "Le formulaire n’est pas arrivé en {0} secondes. Vérifiez votre connexion, et renvoyez-le.",
    ),
    (
        "The body did not arrive within {} minutes.",
        "Le formulaire n’est pas arrivé en {0} minutes. Vérifiez votre connexion, et renvoyez-le.",
    ),
    (
        "Nothing more of the body arrived for {} seconds.",
        "Plus rien du formulaire n’est arrivé pendant {0} secondes. Vérifiez votre connexion, et renvoyez-le.",
    ),
    (
        "The file did not arrive in time.",
        "Le fichier n’est pas arrivé à temps. Vérifiez votre connexion, et renvoyez-le.",
    ),
    ("The body ended before its end.", "Le formulaire s’est interrompu avant sa fin. Renvoyez-le."),
    (
        "This Idempotency-Key was used for another request within the last 24 hours.",
        "Ce formulaire a déjà servi à une autre demande dans les dernières 24 heures. Rechargez la page pour en avoir un neuf.",
    ),
    (
        "The first request with this Idempotency-Key is still being answered.",
        "La première demande de ce formulaire n’a pas encore sa réponse. Attendez-la un instant.",
    ),
    (
        "The simulated network at {} cannot be reached: {}.",
        "Le réseau simulé, à l’adresse {0}, est injoignable : {1en}.",
    ),
    (
        "The simulated network at {} did not answer in time; what was asked may still happen.",
        "Le réseau simulé, à l’adresse {0}, n’a pas répondu à temps ; ce que vous avez demandé se fera peut-être encore.",
    ),
    (
        "What stands at {} is not a simulated network that answers this server.",
        "Ce qui se trouve à l’adresse {0} n’est pas un réseau simulé qui répond à ce serveur.",
    ),
    (
        "Give the operator's token as `Authorization: Bearer <token>`.",
        "Donnez le jeton d’exploitation dans l’en-tête « Authorization: Bearer <jeton> ».",
    ),
    (
        "Without WAMUX_OPERATOR_TOKEN this answers only on the server's own machine, and not through a proxy.",
        "Sans WAMUX_OPERATOR_TOKEN, ceci ne répond que sur la machine du serveur, et pas à travers un mandataire.",
    ),
];

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::domain::media::too_large;
    use crate::domain::message::Via;
    use crate::domain::session::SessionKey;
    use crate::domain::{idempotency, quota, session};
    use crate::http::pages::visit::foreign_form;
    use crate::http::pages::words::told::tests::assert_each_is_itself;

    fn told(why: &Refusal) -> String {
        refusal(Language::French, why).into_string()
    }

    #[test]
    fn what_people_are_refused_for_is_told_with_its_numbers() {
        assert_each_is_itself(KNOWN);
        let taken = SessionKey::try_from("support".to_owned()).unwrap().taken();
        assert_eq!(told(&taken), "Une session porte déjà le nom «\u{a0}support\u{a0}». Choisissez-en un autre.");
        assert_eq!(told(&too_large("An image", 16 << 20)), "Une image peut avoir au plus 16\u{a0}Mo.");
        assert!(told(&quota::sessions_used_up("free", 10)).starts_with("La formule Free compte 10 sessions"));
        for why in [
            Refusal::not_found(),
            Refusal::overloaded(),
            Refusal::unanswered(),
            Refusal::away(),
            Refusal::stopping(),
            Refusal::internal(),
            Refusal::field("to", "is required"),
            foreign_form(),
            quota::keys_used_up(),
            quota::uploads_used_up(),
            quota::uploads_wait(),
            idempotency::reused(),
            idempotency::in_progress(),
            session::choose([].iter(), &Via::Latest).unwrap_err(),
            too_large("The file", 1),
            too_large("A video", 1),
            too_large("Audio", 1),
        ] {
            assert!(in_french(KNOWN, &why.detail).is_some(), "{}", why.detail);
        }
    }

    #[test]
    fn what_is_not_known_is_told_by_its_code_and_says_when_to_come_back() {
        for code in Code::ALL {
            let told = told(&Refusal::new(code, "Something new & strange."));
            assert!(told.starts_with(french(code)) && !told.contains("strange"), "{told}");
        }
        let later = Refusal::new(Code::Overloaded, "New.").after(Duration::from_secs(90));
        assert_eq!(told(&later), "Le serveur a trop à faire. Réessayez dans 1\u{a0}min 30\u{a0}s.");
        let english = refusal(Language::English, &Refusal::new(Code::NotFound, "Gone & away."));
        assert_eq!(english.0, "Gone &amp; away.");
    }
}
