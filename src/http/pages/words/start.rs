//! What the first steps say.

pub(in crate::http::pages) struct Start {
    pub(in crate::http::pages) title: &'static str,
    pub(in crate::http::pages) lead: &'static str,
    pub(in crate::http::pages) steps: [&'static str; 4],
    pub(in crate::http::pages) done: &'static str,
    pub(in crate::http::pages) has_key: &'static str,
    pub(in crate::http::pages) key_name: &'static str,
    pub(in crate::http::pages) make_key: &'static str,
    pub(in crate::http::pages) make_session: &'static str,
    pub(in crate::http::pages) linked_to: &'static str,
    pub(in crate::http::pages) link_first: &'static str,
    pub(in crate::http::pages) to: &'static str,
    pub(in crate::http::pages) message: &'static str,
    pub(in crate::http::pages) hello: &'static str,
    pub(in crate::http::pages) send: &'static str,
    pub(in crate::http::pages) sees_it: &'static str,
    pub(in crate::http::pages) well_done: &'static str,
    /// Of a message, in the order of `Status::ALL`.
    pub(in crate::http::pages) statuses: [&'static str; 5],
    #[cfg_attr(not(feature = "sandbox"), allow(dead_code, reason = "people have phones of their own"))]
    pub(in crate::http::pages) look: &'static str,
    #[cfg_attr(not(feature = "sandbox"), allow(dead_code, reason = "people have phones of their own"))]
    pub(in crate::http::pages) scan: &'static str,
    #[cfg_attr(not(feature = "sandbox"), allow(dead_code, reason = "people have phones of their own"))]
    pub(in crate::http::pages) scan_about: &'static str,
    #[cfg_attr(not(feature = "sandbox"), allow(dead_code, reason = "people have phones of their own"))]
    pub(in crate::http::pages) your_phone: &'static str,
    #[cfg_attr(not(feature = "sandbox"), allow(dead_code, reason = "people have phones of their own"))]
    pub(in crate::http::pages) friends_phone: &'static str,
}

pub(super) const ENGLISH: Start = Start {
    title: "First steps",
    lead: "From here to a message on a phone’s screen in about a minute.",
    steps: ["Generate an API key", "Link a WhatsApp account", "Send a message", "See it arrive"],
    done: "done",
    has_key: "Programs call with it:",
    key_name: "First steps",
    make_key: "Generate my API key",
    make_session: "Show me a QR code",
    linked_to: "Linked to",
    link_first: "Once an account is linked.",
    to: "To",
    message: "Message",
    hello: "Hello from Wamux!",
    send: "Send the message",
    sees_it: "The message’s way shows here, step by step.",
    well_done: "That is all there is to it. Your programs do the same over the API.",
    statuses: ["pending", "sent", "delivered", "read", "failed"],
    look: "Look at the phone: it is there. Write back from it.",
    scan: "Scan with the simulated phone",
    scan_about: "You are on the simulated network: no phone is needed. Yours is the one beside this.",
    your_phone: "Your phone",
    friends_phone: "A friend",
};

pub(super) const FRENCH: Start = Start {
    title: "Premiers pas",
    lead: "D’ici à un message sur l’écran d’un téléphone, en une minute environ.",
    steps: ["Générer une clé d’API", "Lier un compte WhatsApp", "Envoyer un message", "Le voir arriver"],
    done: "fait",
    has_key: "Les programmes la présentent :",
    key_name: "Premiers pas",
    make_key: "Générer ma clé d’API",
    make_session: "Montrez-moi un code QR",
    linked_to: "Lié à",
    link_first: "Dès qu’un compte est lié.",
    to: "À",
    message: "Message",
    hello: "Bonjour de la part de Wamux !",
    send: "Envoyer le message",
    sees_it: "Le chemin du message s’affiche ici, étape par étape.",
    well_done: "C’est tout. Vos programmes font de même par l’API.",
    statuses: ["en attente", "envoyé", "remis", "lu", "en échec"],
    look: "Regardez le téléphone : il y est. Répondez depuis le téléphone.",
    scan: "Scanner avec le téléphone simulé",
    scan_about: "Vous êtes sur le réseau simulé : aucun téléphone n’est nécessaire. Le vôtre est celui d’à côté.",
    your_phone: "Votre téléphone",
    friends_phone: "Un ami",
};
