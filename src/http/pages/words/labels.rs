//! What things of the API are called on pages: fields on the forms that ask for them, plans, groups of calls.

use super::Language;

/// The label of a field, if a form has one for it.
pub(in crate::http::pages) fn label(language: Language, field: &str) -> Option<&'static str> {
    let words = language.words();
    let (sessions, keys, console) = (words.sessions, words.keys, words.console);
    Some(match field {
        "sessionKey" | "name" => sessions.name,
        "proxyUrl" => sessions.proxy,
        "messagesPerMinute" => sessions.per_minute,
        "messageJitter" => sessions.jitter,
        "simulateTyping" => sessions.typing,
        "phone" => sessions.number,
        "description" => keys.description,
        "expiresInDays" => keys.expires,
        "to" => console.to,
        "message" => console.message,
        "caption" => console.caption,
        "sessionId" => console.via,
        "mediaUrl" | "audioUrl" => console.url,
        "email" => words.entry.email,
        "password" => words.entry.password,
        "plan" => words.operator.plan,
        _ => return None,
    })
}

/// The name of a plan as it is written for people: Free, Pro.
pub(in crate::http::pages) fn plan(name: &str) -> String {
    let mut signs = name.chars();
    signs.next().map(|first| first.to_uppercase().chain(signs).collect()).unwrap_or_default()
}

/// What a group of calls is called, whose texts are English.
pub(in crate::http::pages) fn group(language: Language, name: &str) -> &str {
    match (language, name) {
        (Language::French, "API keys") => "Clés d’API",
        (Language::French, "Sandbox") => "Réseau simulé",
        (Language::French, "Server") => "Serveur",
        _ => name,
    }
}
