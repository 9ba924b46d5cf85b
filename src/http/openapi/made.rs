//! The document as a whole: every call under its path, and what several of them share.

use utoipa::openapi::path::{HttpMethod, Parameter, ParameterBuilder, ParameterIn, Paths};
use utoipa::openapi::schema::{Object, Type};
use utoipa::openapi::security::{ApiKey, ApiKeyValue, HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa::openapi::tag::{Tag as Group, TagBuilder};
use utoipa::openapi::{
    ComponentsBuilder, InfoBuilder, LicenseBuilder, OpenApi, OpenApiBuilder, Required, ServerBuilder,
};
use warp::http::Method;

use super::answers::{headers, problems};
use super::builder::Tag;
use super::operation::{Shared, operation};
use super::texts;

const ABOUT: &str = include_str!("about.md");

pub(super) fn document() -> OpenApi {
    let mut described = crate::http::described();
    described.sort_by_key(|(.., said)| said.tag);
    let (mut paths, mut shared) = (Paths::new(), Shared::default());
    for (method, path, said) in described {
        let group = said.tag.name();
        paths.add_path_operation(path, vec![verb(&method)], operation(said, group, &mut shared));
    }
    for (name, schema) in problems() {
        shared.schemas.insert(name, schema);
    }
    let mut components =
        ComponentsBuilder::new().parameter("Idempotency-Key", once()).parameter("X-Request-Id", named());
    for (name, header) in headers() {
        components = components.header(name, header);
    }
    for (name, scheme) in schemes() {
        components = components.security_scheme(name, scheme);
    }
    let mut components = components.build();
    components.schemas = shared.schemas;
    components.responses = shared.responses;
    let license = LicenseBuilder::new().name("MIT").identifier(Some("MIT")).build();
    let info = InfoBuilder::new()
        .title("Wamux")
        .version(env!("CARGO_PKG_VERSION"))
        .description(Some(ABOUT))
        .license(Some(license));
    OpenApiBuilder::new()
        .info(info)
        .servers(Some([ServerBuilder::new()
            .url("/")
            .description(Some("The server that this document is from"))
            .build()]))
        .tags(Some(groups()))
        .paths(paths)
        .components(Some(components))
        .build()
}

fn groups() -> Vec<Group> {
    let group = |tag: Tag, about: &str| TagBuilder::new().name(tag.name()).description(Some(about)).build();
    vec![
        group(Tag::Sessions, "A session is one WhatsApp account, linked as another device of it."),
        group(Tag::Messages, "Send messages, and see how far they have come and what has arrived."),
        group(Tag::Keys, "The keys that callers show. Each is shown once, when it is made."),
        #[cfg(feature = "sandbox")]
        group(
            Tag::Sandbox,
            "The simulated network's phones: each is a person with the app, who scans, reads and writes. These calls exist on \
             the sandbox alone.",
        ),
        group(Tag::Server, "How the server does, and this document."),
    ]
}

impl Tag {
    const fn name(self) -> &'static str {
        match self {
            Self::Sessions => "Sessions",
            Self::Messages => "Messages",
            Self::Keys => "API keys",
            #[cfg(feature = "sandbox")]
            Self::Sandbox => "Sandbox",
            Self::Server => "Server",
        }
    }
}

fn verb(method: &Method) -> HttpMethod {
    match method.as_str() {
        "POST" => HttpMethod::Post,
        "PUT" => HttpMethod::Put,
        "PATCH" => HttpMethod::Patch,
        "DELETE" => HttpMethod::Delete,
        _ => HttpMethod::Get,
    }
}

fn schemes() -> [(&'static str, SecurityScheme); 3] {
    let bearer = |about: &str, format: &str| {
        let scheme = HttpBuilder::new().scheme(HttpAuthScheme::Bearer).bearer_format(format).description(Some(about));
        SecurityScheme::Http(scheme.build())
    };
    let ticket = "A ticket for one session's stream, from POST /api/v1/stream-tickets, for browsers.";
    [
        (
            "apiKey",
            bearer(
                "`Authorization: Bearer <api key>`. Keys come from the dashboard or from POST /api/v1/keys.",
                "sk_live_… or sk_test_…",
            ),
        ),
        ("operator", bearer("The operator's token, WAMUX_OPERATOR_TOKEN, in the place of a key.", "the token")),
        ("ticket", SecurityScheme::ApiKey(ApiKey::Query(ApiKeyValue::with_description("ticket", ticket)))),
    ]
}

/// The parameter `Idempotency-Key`.
fn once() -> Parameter {
    let schema = texts::idempotency_key();
    let about = "Makes it safe to send this call again when its answer was lost: the same key with the same body within 24 hours gives the \
                 first answer again, and nothing is done twice. Choose a new key, such as a UUID, for every new call.";
    header("Idempotency-Key", about, schema)
}

/// The parameter `X-Request-Id`.
fn named() -> Parameter {
    let about = "Your own id for this request: 1 to 128 letters, digits and `-_.:`. It names the request in the server's log and \
                 in the answer; anything else is replaced by a new one.";
    header("X-Request-Id", about, Object::with_type(Type::String))
}

fn header(name: &str, about: &str, schema: Object) -> Parameter {
    ParameterBuilder::new()
        .name(name)
        .parameter_in(ParameterIn::Header)
        .required(Required::False)
        .description(Some(about))
        .schema(Some(schema))
        .build()
}
