//! What stands around the rooms of the dashboard, and in the room of the account.

pub(in crate::http::pages) struct Rooms {
    pub(in crate::http::pages) dashboard: &'static str,
    pub(in crate::http::pages) list: &'static str,
    pub(in crate::http::pages) no_back: &'static str,
    pub(in crate::http::pages) sign_out: &'static str,
    pub(in crate::http::pages) account: &'static str,
    pub(in crate::http::pages) address: &'static str,
    pub(in crate::http::pages) plan: &'static str,
    pub(in crate::http::pages) change_password: &'static str,
    pub(in crate::http::pages) old_password: &'static str,
    pub(in crate::http::pages) new_password: &'static str,
    pub(in crate::http::pages) others_out: &'static str,
    pub(in crate::http::pages) changed: &'static str,
    pub(in crate::http::pages) wrong_password: &'static str,
    pub(in crate::http::pages) delete: &'static str,
    pub(in crate::http::pages) delete_about: &'static str,
    pub(in crate::http::pages) delete_sure: &'static str,
}

pub(super) const ENGLISH: Rooms = Rooms {
    dashboard: "Dashboard",
    list: "Dashboard",
    no_back: "No, go back",
    sign_out: "Sign out",
    account: "Account",
    address: "E-mail",
    plan: "Plan",
    change_password: "Change the password",
    old_password: "Current password",
    new_password: "New password",
    others_out: "Every other browser is signed out with it.",
    changed: "The password is changed, and every other browser signed out.",
    wrong_password: "That is not the current password.",
    delete: "Delete the account",
    delete_about: "Your sessions are unlinked, your keys refused at once, and all your messages erased within minutes. Nobody can bring \
                   them back.",
    delete_sure: "Delete this account with all that is in it?",
};

pub(super) const FRENCH: Rooms = Rooms {
    dashboard: "Tableau de bord",
    list: "Tableau de bord",
    no_back: "Non, revenir",
    sign_out: "Se déconnecter",
    account: "Compte",
    address: "Adresse électronique",
    plan: "Formule",
    change_password: "Changer le mot de passe",
    old_password: "Mot de passe actuel",
    new_password: "Nouveau mot de passe",
    others_out: "Tous les autres navigateurs sont alors déconnectés.",
    changed: "Le mot de passe est changé, et tous les autres navigateurs sont déconnectés.",
    wrong_password: "Ce n’est pas le mot de passe actuel.",
    delete: "Supprimer le compte",
    delete_about: "Vos sessions sont dissociées, vos clés refusées aussitôt, et tous vos messages effacés en quelques minutes. Personne ne \
                   pourra les rétablir.",
    delete_sure: "Supprimer ce compte avec tout ce qu’il contient ?",
};
