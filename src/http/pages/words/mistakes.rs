//! What is wrong with a field, in the reader's language. The sentences are the API's own, which speaks English.

use maud::{Markup, html};

use super::Language;
use super::told::{Sentences, in_english, in_french};

/// The sentence that follows a field's name, as this reader is told it; in English, and marked so, where no other is known.
pub(in crate::http::pages) fn mistake(language: Language, sentence: &str) -> Markup {
    match language {
        Language::English => html! { (sentence) },
        Language::French => in_french(KNOWN, sentence).unwrap_or_else(|| in_english(language, sentence)),
    }
}

const KNOWN: &Sentences = &[
    ("is required", "est obligatoire"),
    ("is given more than once", "est donné plus d’une fois"),
    ("is not known here", "n’est pas connu ici"),
    ("must be a UUID", "doit être un UUID"),
    ("must be text in UTF-8", "doit être du texte en UTF-8"),
    ("must be true or false", "doit être true ou false"),
    ("must be yes or no", "doit être yes ou no"),
    ("must be image or video", "doit être image ou video"),
    ("must be text, image, video, audio or voice", "doit être text, image, video, audio ou voice"),
    ("must be a whole number from {} to {}", "doit être un nombre entier de {0} à {1}"),
    ("unknown variant `{}`, expected `{}` or `{}`", "ne peut pas être « {0} », mais « {1} » ou « {2} »"),
    ("unknown variant `{}`, expected one of {}", "ne peut pas être « {0} », mais un de ces mots : {1}"),
    (
        "must be an international number that starts with +, such as +237612345678",
        "doit être un numéro international qui commence par +, tel que +237612345678",
    ),
    ("must have 8 to 15 digits after the +", "doit avoir de 8 à 15 chiffres après le +"),
    (
        "may hold only digits, spaces, dots, dashes and brackets after the +",
        "ne peut contenir après le + que des chiffres, espaces, points, tirets et parenthèses",
    ),
    ("must not be empty", "ne doit pas être vide"),
    ("must be at most {} characters", "doit avoir au plus {0} caractères"),
    ("must be at most {} bytes", "doit avoir au plus {0} octets"),
    ("must not hold a NUL character", "ne doit pas contenir de caractère NUL"),
    ("must be 1 to {} characters, none of them a NUL", "doit avoir de 1 à {0} caractères, dont aucun n’est un NUL"),
    (
        "must be 1 to {} characters, none of them a control character, and one at least that can be seen",
        "doit avoir de 1 à {0} caractères, dont aucun n’est un caractère de contrôle et dont l’un au moins se voit",
    ),
    (
        "must be a URL such as https://example.com/picture.jpg",
        "doit être une URL telle que https://example.com/picture.jpg",
    ),
    ("must be an http or https URL", "doit être une URL http ou https"),
    ("must not hold a user name or a password", "ne doit contenir ni nom d’utilisateur ni mot de passe"),
    ("is required, or a file in its place", "est obligatoire, ou un fichier à sa place"),
    (
        "is required and must not be empty, or {} in its place",
        "est obligatoire et ne doit pas être vide, ou bien une URL à sa place",
    ),
    ("must not be given together with a file", "ne doit pas être donné avec un fichier"),
    ("must not be given together with mediaUrl", "ne doit pas être donné avec une URL"),
    ("must not be given together with audioUrl", "ne doit pas être donné avec une URL"),
    ("must not be given together with {}", "ne doit pas être donné avec {0}"),
    (
        "must be socks5://[user:password@]host:port or http://[user:password@]host:port",
        "doit être de la forme socks5://[utilisateur:mot de passe@]hôte:port ou http://[utilisateur:mot de passe@]hôte:port",
    ),
    (
        "must have a user of 1 to {} bytes without ':', and a password of at most {}",
        "doit avoir un utilisateur de 1 à {0} octets sans « : », et un mot de passe de {1} au plus",
    ),
    ("is another one now: give its password again", "n’est plus le même : donnez à nouveau son mot de passe"),
    (
        "must be an e-mail address such as you@example.com",
        "doit être une adresse électronique telle que vous@example.com",
    ),
    ("is not one of this server's plans", "n’est pas une formule de ce serveur"),
    ("stands for a number that is not on WhatsApp", "représente un numéro qui n’est pas sur WhatsApp"),
    (
        "must be the 8 letters and digits of a pairing code, such as ABCD-EFGH",
        "doit être les 8 lettres et chiffres d’un code d’association, comme ABCD-EFGH",
    ),
];

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;
    use crate::domain::access::Email;
    use crate::domain::content::{TEXT_MAX, Text};
    use crate::domain::id::SessionId;
    use crate::domain::media::{CAPTION_MAX, Caption, MediaUrl, URL_MAX};
    use crate::domain::message::{Direction, Search, Status};
    use crate::domain::phone::Phone;
    use crate::domain::proxy::NotAProxy;
    use crate::domain::session::SessionKey;
    use crate::http::fields::{Fields, digits, id, line, text, word, yes_or_no_in_words};
    use crate::http::pages::words::told::tests::assert_each_is_itself;

    /// What is said of a form that gives `a` twice, `b` as `x y` and something unknown, where this field is read so.
    fn wrong<T>(name: &str, read: impl FnOnce(Value) -> Result<T, String>) -> Vec<String> {
        let given = [("a", "x y"), ("a", "again"), ("b", "x y"), ("unknown", "x")];
        let mut fields = Fields::of_form(given.map(|(name, text)| (name.to_owned(), text.to_owned())).into());
        let read = fields.required(name, read);
        fields.finish(read.map(drop)).unwrap_err().fields.into_iter().map(|field| field.message).collect()
    }

    fn of_forms() -> Vec<String> {
        let long = |count: usize| "x".repeat(count + 1);
        let number = |text: &str| text.parse::<Phone>().unwrap_err().to_string();
        let url = |text: String| MediaUrl::try_from(text).unwrap_err().to_string();
        let mut all = vec![
            number("12"),
            number("+12"),
            number("+12345678x"),
            Text::try_from(String::new()).unwrap_err().to_string(),
            Text::try_from(long(TEXT_MAX)).unwrap_err().to_string(),
            Text::try_from("\0".to_owned()).unwrap_err().to_string(),
            Caption::read(long(CAPTION_MAX)).unwrap_err().to_string(),
            Caption::read("\0".to_owned()).unwrap_err().to_string(),
            Search::try_from(long(100)).unwrap_err().to_string(),
            SessionKey::try_from(String::new()).unwrap_err().to_string(),
            "x".parse::<Email>().unwrap_err().to_string(),
            url("x".to_owned()),
            url("ftp://a/b".to_owned()),
            url("http://a:b@c/".to_owned()),
            url(long(URL_MAX)),
        ];
        all.extend([NotAProxy::Shape, NotAProxy::Long, NotAProxy::Login].map(|why| why.to_string()));
        all.extend(wrong("a", text(Ok::<_, String>)));
        all.extend(wrong("c", text(Ok::<_, String>)));
        all.extend(wrong("b", digits(1..=365)));
        all.extend(wrong("b", id::<SessionId>));
        all.extend(wrong("b", word::<Status>));
        all.extend(wrong("b", word::<Direction>));
        all.extend(wrong("b", yes_or_no_in_words));
        all.extend(wrong("b", line(2)));
        all
    }

    #[test]
    fn the_mistakes_that_people_make_are_told_in_their_language() {
        assert_each_is_itself(KNOWN);
        for sentence in of_forms() {
            assert!(in_french(KNOWN, &sentence).is_some(), "{sentence}");
        }
        let told = |sentence: &str| mistake(Language::French, sentence).into_string();
        assert_eq!(told("must be a whole number from 1 to 365"), "doit être un nombre entier de 1 à 365");
        assert_eq!(told("must be <new>"), "<span lang=\"en\">must be &lt;new&gt;</span>");
        assert_eq!(mistake(Language::English, "is required").0, "is required");
    }
}
