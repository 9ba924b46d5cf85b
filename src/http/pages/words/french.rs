//! The words of the pages in French.

use super::{Actors, Documentation, Landing, Words};

pub(super) const WORDS: Words = Words {
    entry: &super::entry::FRENCH,
    rooms: &super::rooms::FRENCH,
    overview: &super::overview::FRENCH,
    sessions: &super::sessions::FRENCH,
    keys: &super::keys::FRENCH,
    refused: &super::refused::FRENCH,
    #[cfg(feature = "sandbox")]
    phones: &super::phones::FRENCH,
    theme: "Thème",
    themes: ["Auto", "Clair", "Sombre"],
    skip: "Aller au contenu",
    main_navigation: "Principale",
    docs: "Documentation",
    no_affiliation: "Sans lien avec WhatsApp.",
    landing: Landing {
        title: "Wamux : des messages WhatsApp depuis vos propres logiciels",
        heading: "Des messages WhatsApp depuis vos propres logiciels",
        lead: "Reliez un compte en scannant un code QR. Envoyez textes, images, vidéos et notes vocales par une petite API REST, et \
               recevez ce que les gens répondent. Ce qui est accepté est en sûreté sur le disque, et n'est remis qu'une fois.",
        begin: "Envoyer un premier message",
        read: "Lire la documentation",
        reasons: [
            (
                "Rien de perdu, rien en double",
                "Un 202 veut dire que le message est dans la base de données. Tuez le processus à tout moment : il part après le \
                 démarrage suivant, sous le même identifiant, et les téléphones ne l'affichent qu'une fois.",
            ),
            (
                "Chaque compte chez lui",
                "Un acteur par client et un par session, sous des superviseurs qui les relancent. Les ennuis d'un compte restent chez lui.",
            ),
            (
                "Aucun téléphone pour l'essayer",
                "Un réseau WhatsApp simulé est fourni. Il parle le vrai protocole avec le vrai chiffrement, et ses téléphones \
                 scannent, lisent et répondent.",
            ),
            ("Petit", "Une session connectée tient dans bien moins d'un mégaoctet de mémoire."),
            (
                "Scellé",
                "Les clés des appareils liés sont chiffrées dans la base, sous une clé maîtresse que vous seul détenez.",
            ),
            ("SQLite ou PostgreSQL", "Un fichier pour commencer, et PostgreSQL quand il ne suffit plus."),
        ],
    },
    documentation: Documentation {
        contents: "Sommaire",
        guide: "Guide",
        codes: "Codes d'erreur",
        about_codes: "Un refus est un application/problem+json avec l'un de ces codes. Les codes sont stables : comparez-les, et montrez le détail aux gens. Leurs textes, comme toutes les réponses de l'API, sont en anglais.",
        path: "Dans le chemin",
        query: "Dans la requête",
        body: "Corps",
        answers: "Réponses",
        required: "obligatoire",
        request: "Requête",
        answer: "Réponse",
    },
    actors: Actors {
        title: "Acteurs",
        as_of: "à",
        this_page: "Cette page",
        ask: "Interroger chaque acteur",
        only_read: "Lire seulement les chiffres",
        read_again: "Relire",
        pause: "Pause",
        go_on: "Reprendre",
        forget: "Oublier le jeton",
        not_read: "Lecture impossible pour l'instant ; nouvel essai bientôt.",
        not_taken: "Le serveur n'accepte pas ce jeton.",
        token: "Jeton de l'opérateur",
        show: "Montrer les acteurs",
        no_script: "Sans script, un navigateur ne peut pas envoyer le jeton ; une commande le peut, dans un en-tête.",
        attention: "À surveiller",
        all_well: "Rien. Acteurs présents :",
        need_it: "Acteurs, sur tous ceux qui existent :",
        more: "et encore, non dessinés :",
        tree: "L'arbre",
        states: ["mis à l'écart", "redémarre", "pas de réponse", "arrêté", "en marche"],
        since: "depuis",
        back_at: "de retour à",
        waiting: "en attente",
        handled: "traités",
        restarts: "redémarrages",
        answered_in: "réponse en",
        last_error: "Dernière erreur",
        sessions: "sessions",
        in_trouble: "en difficulté",
    },
};
