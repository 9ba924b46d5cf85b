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
    pub(in crate::http::pages) again: &'static str,
    pub(in crate::http::pages) answered: &'static str,
    pub(in crate::http::pages) all_messages: &'static str,
    pub(in crate::http::pages) well_done: &'static str,
    /// Of a message, in the order of `Status::ALL`.
    pub(in crate::http::pages) statuses: [&'static str; 5],
    #[cfg_attr(not(feature = "sandbox"), allow(dead_code, reason = "people have phones of their own"))]
    pub(in crate::http::pages) look: &'static str,
    #[cfg_attr(not(feature = "sandbox"), allow(dead_code, reason = "people have phones of their own"))]
    pub(in crate::http::pages) look_for: &'static str,
    #[cfg_attr(not(feature = "sandbox"), allow(dead_code, reason = "people have phones of their own"))]
    pub(in crate::http::pages) scan_title: &'static str,
    #[cfg_attr(not(feature = "sandbox"), allow(dead_code, reason = "people have phones of their own"))]
    pub(in crate::http::pages) scan: &'static str,
    #[cfg_attr(not(feature = "sandbox"), allow(dead_code, reason = "people have phones of their own"))]
    pub(in crate::http::pages) scan_about: &'static str,
    #[cfg_attr(not(feature = "sandbox"), allow(dead_code, reason = "people have phones of their own"))]
    pub(in crate::http::pages) yours_is: &'static str,
    #[cfg_attr(not(feature = "sandbox"), allow(dead_code, reason = "people have phones of their own"))]
    pub(in crate::http::pages) aside: &'static str,
    #[cfg_attr(not(feature = "sandbox"), allow(dead_code, reason = "people have phones of their own"))]
    pub(in crate::http::pages) under: &'static str,
    #[cfg_attr(not(feature = "sandbox"), allow(dead_code, reason = "people have phones of their own"))]
    pub(in crate::http::pages) yours: &'static str,
    #[cfg_attr(not(feature = "sandbox"), allow(dead_code, reason = "people have phones of their own"))]
    pub(in crate::http::pages) a_friends: &'static str,
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
    again: "Read again",
    answered: "It answered:",
    all_messages: "All messages",
    well_done: "That is all there is to it. Your programs do the same over the API.",
    statuses: ["pending", "sent", "delivered", "read", "failed"],
    look: "Look at the phone",
    look_for: ": it is there. Write back from it, and the answer shows here.",
    scan_title: "Scan this code",
    scan: "Scan with the simulated phone",
    scan_about: "You are on the simulated network: no real phone is needed.",
    yours_is: "Yours is",
    aside: "the one beside this",
    under: "the one below",
    yours: "Your phone: it is the one that scans the code.",
    a_friends: "Now a friend’s phone: what you send appears on it.",
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
    again: "Relire",
    answered: "La réponse :",
    all_messages: "Tous les messages",
    well_done: "C’est tout. Vos programmes font de même par l’API.",
    statuses: ["en attente", "envoyé", "remis", "lu", "en échec"],
    look: "Regardez le téléphone",
    look_for: " : il y est. Répondez depuis le téléphone, et la réponse s’affiche ici.",
    scan_title: "Scannez ce code",
    scan: "Scanner avec le téléphone simulé",
    scan_about: "Vous êtes sur le réseau simulé : aucun vrai téléphone n’est nécessaire.",
    yours_is: "Le vôtre est",
    aside: "celui d’à côté",
    under: "celui du dessous",
    yours: "Votre téléphone : c’est lui qui scanne le code.",
    a_friends: "À présent, le téléphone d’un ami : ce que vous envoyez y apparaît.",
    your_phone: "Votre téléphone",
    friends_phone: "Un ami",
};
