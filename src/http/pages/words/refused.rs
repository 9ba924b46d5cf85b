//! What pages say of what was refused. The sentence itself is the refusal's own.

pub(in crate::http::pages) struct Refused {
    pub(in crate::http::pages) not_found: &'static str,
    pub(in crate::http::pages) form_not_taken: &'static str,
    pub(in crate::http::pages) later: &'static str,
    pub(in crate::http::pages) failed: &'static str,
    pub(in crate::http::pages) no_page: &'static str,
    pub(in crate::http::pages) to_dashboard: &'static str,
    pub(in crate::http::pages) to_front: &'static str,
    pub(in crate::http::pages) code: &'static str,
    pub(in crate::http::pages) request: &'static str,
}

pub(super) const ENGLISH: Refused = Refused {
    not_found: "There is nothing here",
    form_not_taken: "The form was not taken",
    later: "Not now",
    failed: "That did not work",
    no_page: "This page does not exist, or is somebody else’s.",
    to_dashboard: "To the dashboard",
    to_front: "To the front page",
    code: "Code",
    request: "request",
};

pub(super) const FRENCH: Refused = Refused {
    not_found: "Il n’y a rien ici",
    form_not_taken: "Le formulaire n’a pas été accepté",
    later: "Pas maintenant",
    failed: "Cela n’a pas fonctionné",
    no_page: "Cette page n’existe pas, ou est celle de quelqu’un d’autre.",
    to_dashboard: "Vers le tableau de bord",
    to_front: "Vers la page d’accueil",
    code: "Code",
    request: "requête",
};
