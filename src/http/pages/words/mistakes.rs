//! What is wrong with a field, in the reader's language. The sentences are the API's own, which speaks English.

use super::Language;

/// The sentence that follows a field's name, as this reader is told it; in English where no other is known.
pub(in crate::http::pages) fn mistake(language: Language, sentence: &str) -> &str {
    match language {
        Language::English => sentence,
        Language::French => {
            FRENCH.iter().find(|(english, _)| *english == sentence).map_or(sentence, |(_, french)| *french)
        }
    }
}

const FRENCH: &[(&str, &str)] = &[
    ("is required", "est obligatoire"),
    ("is given more than once", "est donné plus d’une fois"),
    ("is not known here", "n’est pas connu ici"),
    ("must be a UUID", "doit être un UUID"),
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
    ("must be at most 4096 characters", "doit avoir au plus 4096 caractères"),
    ("must be at most 1024 characters", "doit avoir au plus 1024 caractères"),
    ("must not hold a NUL character", "ne doit pas contenir de caractère NUL"),
    ("must be 1 to 100 characters, none of them a NUL", "doit avoir de 1 à 100 caractères, dont aucun n’est un NUL"),
    (
        "must be a URL such as https://example.com/picture.jpg",
        "doit être une URL telle que https://example.com/picture.jpg",
    ),
    ("must be at most 2048 bytes", "doit avoir au plus 2048 octets"),
    ("must be an http or https URL", "doit être une URL http ou https"),
    ("must not hold a user name or a password", "ne doit contenir ni nom d’utilisateur ni mot de passe"),
    ("is required, or a file in its place", "est obligatoire, ou un fichier à sa place"),
    (
        "is required and must not be empty, or mediaUrl in its place",
        "est obligatoire et ne doit pas être vide, ou bien une URL à sa place",
    ),
    (
        "is required and must not be empty, or audioUrl in its place",
        "est obligatoire et ne doit pas être vide, ou bien une URL à sa place",
    ),
    ("must not be given together with a file", "ne doit pas être donné avec un fichier"),
    ("must not be given together with mediaUrl", "ne doit pas être donné avec une URL"),
    ("must not be given together with audioUrl", "ne doit pas être donné avec une URL"),
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::content::{TEXT_MAX, Text};
    use crate::domain::media::{CAPTION_MAX, Caption, MediaUrl, URL_MAX};
    use crate::domain::message::Search;
    use crate::domain::phone::Phone;

    #[test]
    fn the_mistakes_that_people_make_are_told_in_their_language() {
        let url = |text: String| MediaUrl::try_from(text).unwrap_err().to_string();
        let number = |text: &str| text.parse::<Phone>().unwrap_err().to_string();
        let long = |count: usize| "x".repeat(count + 1);
        for sentence in [
            number("12"),
            number("+12"),
            number("+12345678x"),
            Text::try_from(String::new()).unwrap_err().to_string(),
            Text::try_from(long(TEXT_MAX)).unwrap_err().to_string(),
            Text::try_from("\0".to_owned()).unwrap_err().to_string(),
            Caption::read(long(CAPTION_MAX)).unwrap_err().to_string(),
            Caption::read("\0".to_owned()).unwrap_err().to_string(),
            Search::try_from(long(100)).unwrap_err().to_string(),
            url("x".to_owned()),
            url("ftp://a/b".to_owned()),
            url("http://a:b@c/".to_owned()),
            url(long(URL_MAX)),
        ] {
            assert_ne!(mistake(Language::French, &sentence), sentence);
        }
        assert_eq!(mistake(Language::French, "must be new"), "must be new");
    }
}
