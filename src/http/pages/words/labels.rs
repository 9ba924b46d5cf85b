//! What a field of the API is called on the forms that ask for it.

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
