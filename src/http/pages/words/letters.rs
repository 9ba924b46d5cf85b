//! What mails say. Plain text, lines short enough for any reader, and a subject that says what it is about.

use crate::domain::mail::{Letter, Letters};

pub(super) const ENGLISH: Letters = Letters {
    confirm: Letter {
        subject: "Confirm your Wamux account",
        text: "Hello,

somebody, most likely you, signed up for Wamux with this address.
Open this link within 24 hours to make the account:

{link}

If it was not you, do nothing: then there will be no account.
",
    },
    taken: Letter {
        subject: "You have a Wamux account already",
        text: "Hello,

somebody, most likely you, signed up for Wamux with this address.
There is an account with it already, and nothing was changed.

Sign in:
{login}

Choose a new password, if you forgot yours:
{forgot}

If it was not you, you need not do anything.
",
    },
    reset: Letter {
        subject: "A new password for Wamux",
        text: "Hello,

somebody, most likely you, asked for a new password for your Wamux
account. Choose one here; the link works once, and for one hour:

{link}

If it was not you, do nothing: your password stays as it is.
",
    },
};

pub(super) const FRENCH: Letters = Letters {
    confirm: Letter {
        subject: "Confirmez votre compte Wamux",
        text: "Bonjour,

quelqu’un, sans doute vous, s’est inscrit à Wamux avec cette adresse.
Ouvrez ce lien dans les 24 heures pour créer le compte :

{link}

Si ce n’était pas vous, ne faites rien : aucun compte ne sera créé.
",
    },
    taken: Letter {
        subject: "Vous avez déjà un compte Wamux",
        text: "Bonjour,

quelqu’un, sans doute vous, s’est inscrit à Wamux avec cette adresse.
Elle a déjà un compte, et rien n’a été changé.

Se connecter :
{login}

Choisir un nouveau mot de passe, si vous avez oublié le vôtre :
{forgot}

Si ce n’était pas vous, vous n’avez rien à faire.
",
    },
    reset: Letter {
        subject: "Un nouveau mot de passe pour Wamux",
        text: "Bonjour,

quelqu’un, sans doute vous, a demandé un nouveau mot de passe pour
votre compte Wamux. Choisissez-le ici ; le lien sert une seule fois,
pendant une heure :

{link}

Si ce n’était pas vous, ne faites rien : votre mot de passe reste le même.
",
    },
};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_letter_leads_where_it_says_and_nowhere_else() {
        for letters in [&ENGLISH, &FRENCH] {
            for (letter, places) in [
                (&letters.confirm, &["{link}"][..]),
                (&letters.taken, &["{login}", "{forgot}"]),
                (&letters.reset, &["{link}"]),
            ] {
                assert!(places.iter().all(|place| letter.text.contains(place)), "{letter:?}");
                assert_eq!(letter.text.matches('{').count(), places.len(), "{letter:?}");
                assert!(letter.text.lines().all(|line| line.chars().count() <= 76), "{letter:?}");
                assert!(!letter.subject.contains(['\r', '\n']) && letter.subject.chars().count() <= 60, "{letter:?}");
            }
        }
    }
}
