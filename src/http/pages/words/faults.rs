//! Why a session is not connected, in the reader's language. The sentence is kept with the session, in English.

use std::collections::BTreeMap;

use maud::{Markup, html};

use super::Language;
use super::told::{Sentences, in_english, in_french};

/// Why a session is not connected, in a sentence.
pub(in crate::http::pages) fn fault(language: Language, sentence: &str) -> Markup {
    match language {
        Language::English => html! { (sentence) },
        Language::French => in_french(KNOWN, sentence).unwrap_or_else(|| in_english(language, sentence)),
    }
}

/// What the codes of a session's stream mean, as JSON for the page that follows it; nothing where the stream's own sentences will do.
pub(in crate::http::pages) fn meant(language: Language) -> Option<String> {
    let meant = || serde_json::to_string(&MEANT.iter().copied().collect::<BTreeMap<_, _>>()).ok();
    (language != Language::English).then(meant).flatten()
}

const MEANT: &[(&str, &str)] = &[
    ("banned", "WhatsApp a banni ce compte pour un temps."),
    ("client_outdated", "WhatsApp refuse cette version du serveur. Mettez Wamux à jour."),
    ("connection_lost", "La connexion est perdue ; nouvel essai en cours."),
    ("logged_out", "Cette session a été déconnectée. Redémarrez-la pour la lier à nouveau."),
    ("network_unreachable", "WhatsApp est injoignable depuis ce serveur ; nouvel essai en cours."),
    ("other_network", "Cette session a été liée sur un autre réseau que celui où ce serveur est à présent."),
    (
        "pairing_code_failed",
        "Aucun téléphone n’a été lié par le code d’association. Demandez-en un nouveau, ou scannez le code QR.",
    ),
    ("pairing_failed", "Le téléphone n’a pas pu lier cette session. Scannez le code suivant."),
    ("proxy_failed", "Le mandataire de la session ne la laisse pas passer ; nouvel essai en cours."),
    (
        "qr_codes_expired",
        "Aucun téléphone n’a scanné de code QR à temps. Redémarrez cette session pour avoir de nouveaux codes.",
    ),
    (
        "quarantined",
        "Cette session a échoué trop souvent, et est laissée en paix quelque temps. Redémarrez-la pour la ramener aussitôt.",
    ),
    ("refused", "WhatsApp a refusé la connexion."),
    ("replaced", "Un autre client a repris la connexion de cet appareil. Arrêtez-le, puis redémarrez cette session."),
];

const KNOWN: &Sentences = &[
    (
        "This session was logged out. Restart it and scan the new code to link it again.",
        "Cette session a été déconnectée. Redémarrez-la et scannez le nouveau code pour la lier à nouveau.",
    ),
    ("The connection was lost ({}); trying again.", "La connexion est perdue ({0en}) ; nouvel essai en cours."),
    (
        "WhatsApp cannot be reached from this server ({}); trying again. If this lasts, check the server's internet connection and name \
         resolution.",
        "WhatsApp est injoignable depuis ce serveur ({0en}) ; nouvel essai en cours. Si cela dure, vérifiez la connexion du serveur à \
         internet et sa résolution de noms.",
    ),
    (
        "The session's proxy does not let it through ({}); trying again. If this lasts, check the proxy, or change the session's proxyUrl.",
        "Le mandataire de la session ne la laisse pas passer ({0en}) ; nouvel essai en cours. Si cela dure, vérifiez le mandataire, ou \
         changez-en dans les réglages de la session.",
    ),
    (
        "No phone scanned a QR code in time. Restart this session for new codes.",
        "Aucun téléphone n’a scanné de code QR à temps. Redémarrez cette session pour avoir de nouveaux codes.",
    ),
    (
        "The phone could not link this session ({}). Scan the next code.",
        "Le téléphone n’a pas pu lier cette session ({0en}). Scannez le code suivant.",
    ),
    (
        "No phone was linked by the pairing code; it may have been mistyped. Ask for a new one, or scan the QR code.",
        "Aucun téléphone n’a été lié par le code d’association ; il a peut-être été mal saisi. Demandez-en un nouveau, ou scannez le code QR.",
    ),
    (
        "The device was unlinked on the phone. Restart this session and scan the new code.",
        "L’appareil a été dissocié sur le téléphone. Redémarrez cette session et scannez le nouveau code.",
    ),
    (
        "Another client took over this device's connection. Stop the other one, then restart this session.",
        "Un autre client a repris la connexion de cet appareil. Arrêtez-le, puis redémarrez cette session.",
    ),
    (
        "WhatsApp has banned this account for a time; see the app on the phone, and restart this session then.",
        "WhatsApp a banni ce compte pour un temps ; voyez l’application sur le téléphone, puis redémarrez cette session.",
    ),
    (
        "WhatsApp refuses this version of the server. Update Wamux.",
        "WhatsApp refuse cette version du serveur. Mettez Wamux à jour.",
    ),
    (
        "This session was linked on another network than the one that this server is on now. Its keys are kept: bring the server back to \
         that network, or restart this session to link it on this one.",
        "Cette session a été liée sur un autre réseau que celui où ce serveur est à présent. Ses clés sont gardées : ramenez le serveur sur \
         ce réseau, ou redémarrez cette session pour la lier sur celui-ci.",
    ),
    ("WhatsApp refused the connection ({}).", "WhatsApp a refusé la connexion ({0en})."),
    (
        "This session failed too often and is left alone until {}; restart it to bring it back at once.",
        "Cette session a échoué trop souvent, et est laissée en paix jusqu’à {0} ; redémarrez-la pour la ramener aussitôt.",
    ),
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::session::life::{End, Loss, Typed};
    use crate::http::pages::words::told::tests::assert_each_is_itself;

    #[test]
    fn what_ends_a_session_and_what_it_loses_its_connection_by_are_told() {
        assert_each_is_itself(KNOWN);
        let why = || "eof".to_owned();
        let ends = [
            End::QrExhausted,
            End::PairingFailed(why()),
            End::LoggedOut,
            End::Replaced,
            End::Banned,
            End::Outdated,
            End::OtherNetwork,
            End::Refused(why()),
        ];
        let losses = [Loss::Dropped, Loss::Unreachable, Loss::Proxy];
        let all = ends.iter().map(End::fault).chain(losses.map(|loss| loss.fault("eof"))).chain([Typed::failed()]);
        for fault in all {
            assert!(in_french(KNOWN, &fault.message).is_some(), "{}", fault.message);
            assert!(MEANT.iter().any(|(code, _)| *code == fault.code), "{}", fault.code);
        }
        let lost = fault(Language::French, &Loss::Dropped.fault("<eof>").message).into_string();
        assert!(lost.starts_with("La connexion est perdue (<span lang=\"en\">&lt;eof&gt;</span>)"), "{lost}");
    }
}
