//! What the pages say where people sign up and in.

pub(in crate::http::pages) struct Entry {
    pub(in crate::http::pages) sign_up: &'static str,
    pub(in crate::http::pages) sign_up_lead: &'static str,
    pub(in crate::http::pages) create: &'static str,
    pub(in crate::http::pages) have_account: &'static str,
    pub(in crate::http::pages) closed: &'static str,
    pub(in crate::http::pages) sign_in: &'static str,
    pub(in crate::http::pages) no_account: &'static str,
    pub(in crate::http::pages) forgot: &'static str,
    pub(in crate::http::pages) made: &'static str,
    pub(in crate::http::pages) signed_out: &'static str,
    pub(in crate::http::pages) wrong: &'static str,
    pub(in crate::http::pages) email: &'static str,
    pub(in crate::http::pages) password: &'static str,
    pub(in crate::http::pages) password_hint: &'static str,
    pub(in crate::http::pages) bad_email: &'static str,
    pub(in crate::http::pages) short: &'static str,
    pub(in crate::http::pages) long: &'static str,
    pub(in crate::http::pages) plain: &'static str,
    pub(in crate::http::pages) no_cookies: &'static str,
    pub(in crate::http::pages) no_cookies_why: &'static str,
}

pub(super) const ENGLISH: Entry = Entry {
    sign_up: "Sign up",
    sign_up_lead: "Free: 10 sessions and 100 messages a day. No card, and on the simulated network no phone either.",
    create: "Create the account",
    have_account: "You have an account?",
    closed: "This server makes no new accounts. Ask whoever runs it.",
    sign_in: "Sign in",
    no_account: "No account yet?",
    forgot: "A forgotten password is replaced by whoever runs this server: wamux users reset-password.",
    made: "If this address was free, your account is ready. Sign in with the password that you chose.",
    signed_out: "You are signed out.",
    wrong: "There is no account with this address and this password.",
    email: "E-mail",
    password: "Password",
    password_hint: "At least 10 characters. A few words make a good one.",
    bad_email: "Give an e-mail address such as you@example.com.",
    short: "The password needs at least 10 characters.",
    long: "The password may have at most 256 bytes.",
    plain: "Choose a password that is harder to guess.",
    no_cookies: "Signing in needs a safe connection",
    no_cookies_why: "You are here over plain http from another machine, where browsers throw away the cookie that keeps you signed \
                     in. Open this page over https (through a proxy that sets X-Forwarded-Proto), or on the machine itself as \
                     http://localhost.",
};

pub(super) const FRENCH: Entry = Entry {
    sign_up: "Créer un compte",
    sign_up_lead: "Gratuit : 10 sessions et 100 messages par jour. Sans carte, et sur le réseau simulé sans téléphone.",
    create: "Créer le compte",
    have_account: "Vous avez un compte ?",
    closed: "Ce serveur ne crée plus de comptes. Adressez-vous à la personne qui l’administre.",
    sign_in: "Se connecter",
    no_account: "Pas encore de compte ?",
    forgot: "Un mot de passe oublié est remplacé par la personne qui administre ce serveur : wamux users reset-password.",
    made: "Si cette adresse était libre, votre compte est prêt. Connectez-vous avec le mot de passe choisi.",
    signed_out: "Vous êtes déconnecté.",
    wrong: "Aucun compte n’a cette adresse et ce mot de passe.",
    email: "Adresse électronique",
    password: "Mot de passe",
    password_hint: "Au moins 10 caractères. Quelques mots font un bon mot de passe.",
    bad_email: "Donnez une adresse telle que vous@exemple.com.",
    short: "Le mot de passe doit avoir au moins 10 caractères.",
    long: "Le mot de passe peut avoir au plus 256 octets.",
    plain: "Choisissez un mot de passe plus difficile à deviner.",
    no_cookies: "Il faut une connexion sûre pour se connecter",
    no_cookies_why: "Vous êtes ici en http simple depuis une autre machine, où les navigateurs jettent le cookie qui vous garde \
                     connecté. Ouvrez cette page en https (par un mandataire qui pose X-Forwarded-Proto), ou sur la machine \
                     elle-même à http://localhost.",
};
