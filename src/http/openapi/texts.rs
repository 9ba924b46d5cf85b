//! The texts that callers write, as schemas. Their lengths are those of the types that the texts are read into.

use utoipa::openapi::schema::{KnownFormat, Object, ObjectBuilder, SchemaFormat, SchemaType, Type};

use crate::domain::content::TEXT_MAX;
use crate::domain::idempotency::IDEMPOTENCY_KEY_MAX;
use crate::domain::media::CAPTION_MAX;
use crate::domain::session::SESSION_KEY_MAX;

/// What drops out of a number that people write.
const BETWEEN: &str = r"[ .()\[\]-]*";

fn string() -> ObjectBuilder {
    ObjectBuilder::new().schema_type(Type::String)
}

/// The same, or null, which is as good as nothing.
pub(in crate::http) fn or_null(mut object: Object) -> Object {
    if let SchemaType::Type(kind) = object.schema_type {
        object.schema_type = SchemaType::Array(vec![kind, Type::Null]);
    }
    object
}

/// A number as people write it.
pub(in crate::http) fn number() -> Object {
    string()
        .pattern(Some(format!("^{BETWEEN}\\+(?:{BETWEEN}[0-9]){{8,15}}{BETWEEN}$")))
        .description(Some(
            "An international number: `+` and 8 to 15 digits. Spaces, dots, dashes and brackets are dropped.",
        ))
        .examples(["+237612345678"])
        .build()
}

/// The text of a message.
pub(in crate::http) fn text() -> Object {
    string()
        .min_length(Some(1))
        .max_length(Some(TEXT_MAX))
        .pattern(Some(r"^[^\u0000]*$"))
        .description(Some("The text. It is shown as it is, line breaks included."))
        .examples(["Hello"])
        .build()
}

/// A file of a form.
pub(in crate::http) fn file() -> Object {
    string()
        .format(Some(SchemaFormat::KnownFormat(KnownFormat::Binary)))
        .min_length(Some(1))
        .description(Some(
            "The file itself. What it is, is judged by its content, and not by its name or its Content-Type.",
        ))
        .build()
}

/// Words under a medium; none of them are as good as nothing.
pub(in crate::http) fn caption() -> Object {
    let words = string().max_length(Some(CAPTION_MAX)).pattern(Some(r"^[^\u0000]*$"));
    or_null(words.description(Some("Words under it.")).build())
}

/// Bytes as text (RFC 4648, section 4).
#[cfg(feature = "sandbox")]
pub(in crate::http) fn base64() -> ObjectBuilder {
    string().pattern(Some(
        "^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{4}|[A-Za-z0-9+/]{2}[AEIMQUYcgkosw048]=|[A-Za-z0-9+/][AQgw]==)$",
    ))
}

/// One line for people, without control characters.
pub(in crate::http) fn line(longest: usize) -> ObjectBuilder {
    string().min_length(Some(1)).max_length(Some(longest)).pattern(Some(r"^[^\u0000-\u001f\u007f-\u009f]*$"))
}

/// The caller's own name for a session.
pub(in crate::http) fn session_key() -> Object {
    line(SESSION_KEY_MAX)
        .description(Some("Your own name for the session, unique among your sessions."))
        .examples(["my-session"])
        .build()
}

/// A proxy; the plainest spelling of what is taken.
pub(in crate::http) fn proxy() -> Object {
    or_null(
        string()
            .pattern(Some(
                r"^(socks5|http)://([A-Za-z0-9._~-]{1,100}:[A-Za-z0-9._~-]{0,100}@)?[a-z][a-z0-9]{0,30}(\.[a-z][a-z0-9]{0,30}){0,3}(:[1-9][0-9]{0,3})?$",
            ))
            .description(Some(
                "A proxy for this session's connection: `socks5://[user:password@]host:port` or \
                 `http://[user:password@]host:port`; letters other than these are percent-encoded, and the host may be an \
                 address. Names are resolved by the proxy.",
            ))
            .examples(["socks5://user:password@proxy.example.com:1080"])
            .build(),
    )
}

/// A UUID, as all ids here are.
pub(in crate::http) fn uuid() -> ObjectBuilder {
    string().format(Some(SchemaFormat::KnownFormat(KnownFormat::Uuid)))
}

/// A whole number from one figure to another.
pub(in crate::http) fn whole(least: u64, most: u64) -> ObjectBuilder {
    ObjectBuilder::new().schema_type(Type::Integer).minimum(Some(least)).maximum(Some(most))
}

/// What a caller chooses so that a call is done once.
pub(in crate::http) fn idempotency_key() -> Object {
    string()
        .min_length(Some(1))
        .max_length(Some(IDEMPOTENCY_KEY_MAX))
        .pattern(Some("^[!-~]+$"))
        .examples(["0199a7b0-6f6c-7c6e-8d6a-3b1f5a0c9e11"])
        .build()
}
