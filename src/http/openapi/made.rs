//! The document as a whole: every call under its path, and what several of them share.

use std::collections::BTreeMap;

use utoipa::openapi::content::ContentBuilder;
use utoipa::openapi::example::ExampleBuilder;
use utoipa::openapi::path::{HttpMethod, Operation, OperationBuilder, Parameter, ParameterBuilder, ParameterIn, Paths};
use utoipa::openapi::request_body::{RequestBody, RequestBodyBuilder};
use utoipa::openapi::schema::{AllOfBuilder, Object, OneOfBuilder, Schema, SchemaType, Type};
use utoipa::openapi::security::{
    ApiKey, ApiKeyValue, HttpAuthScheme, HttpBuilder, SecurityRequirement, SecurityScheme,
};
use utoipa::openapi::tag::{Tag as Group, TagBuilder};
use utoipa::openapi::{
    ComponentsBuilder, InfoBuilder, LicenseBuilder, OpenApi, OpenApiBuilder, Ref, RefOr, Required, Response,
    ServerBuilder,
};
use warp::http::Method;

use super::answers::{headers, problems, refused};
use super::builder::{Described, Entry, Given, Tag};
use super::texts;
use crate::domain::error::Code;
use crate::http::reply;

const ABOUT: &str = include_str!("about.md");

/// What the calls share, by name; it is collected while they are written.
#[derive(Default)]
struct Shared {
    schemas: BTreeMap<String, RefOr<Schema>>,
    responses: BTreeMap<String, RefOr<Response>>,
}

pub(super) fn document() -> OpenApi {
    let mut described = crate::http::described();
    described.sort_by_key(|(.., said)| said.tag);
    let (mut paths, mut shared) = (Paths::new(), Shared::default());
    for (method, path, said) in described {
        paths.add_path_operation(path, vec![verb(&method)], operation(said, &mut shared));
    }
    for (name, schema) in problems() {
        shared.schemas.insert(name, schema);
    }
    // Every path answers this one to the methods that it does not know.
    let (name, response) = refused(reply::status(Code::MethodNotAllowed), &[Code::MethodNotAllowed]);
    shared.responses.insert(name, response.into());
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

fn operation(said: Described, shared: &mut Shared) -> Operation {
    for (name, mut schema) in said.schemas {
        always_there(&mut schema);
        shared.schemas.insert(name, schema);
    }
    let mut operation = OperationBuilder::new()
        .tag(said.tag.name())
        .operation_id(Some(said.id))
        .summary(Some(said.summary))
        .description(Some(said.about));
    for parameter in said.parameters {
        operation = match parameter {
            RefOr::T(parameter) => operation.parameter(parameter),
            RefOr::Ref(parameter) => operation.parameter_ref(parameter),
        };
    }
    for parameter in said.query.into_iter().flat_map(parameters) {
        operation = operation.parameter(parameter);
    }
    operation = operation.parameter_ref(Ref::new("#/components/parameters/X-Request-Id"));
    if !said.bodies.is_empty() {
        operation = operation.request_body(Some(request(said.bodies, shared)));
    }
    for answer in said.answers {
        let status = answer.status;
        operation = operation.response(status.as_str(), answer.response());
    }
    let mut by_status: BTreeMap<u16, Vec<Code>> = BTreeMap::new();
    for code in said.refusals.into_iter().chain(usual(said.entry).iter().copied()) {
        let codes = by_status.entry(reply::status(code).as_u16()).or_default();
        if !codes.contains(&code) {
            codes.push(code);
        }
    }
    for mut codes in by_status.into_values() {
        codes.sort_by_key(|code| code.as_str());
        let Some(status) = codes.first().map(|code| reply::status(*code)) else { continue };
        let (name, response) = refused(status, &codes);
        operation = operation.response(status.as_str(), Ref::new(format!("#/components/responses/{name}")));
        shared.responses.insert(name, response.into());
    }
    let mut securities: Vec<_> =
        said.entry.schemes().iter().map(|name| SecurityRequirement::new(*name, [""; 0])).collect();
    if said.entry == Entry::Operator {
        // Where no token is set, whoever calls from the server's own machine needs none.
        securities.push(SecurityRequirement::default());
    }
    operation.securities(Some(securities)).build()
}

impl Entry {
    const fn schemes(self) -> &'static [&'static str] {
        match self {
            Self::Key => &["apiKey"],
            Self::KeyOrTicket => &["apiKey", "ticket"],
            Self::Operator => &["operator"],
            Self::Anyone => &[],
        }
    }
}

/// How every call can be refused, by whom it is for.
const fn usual(entry: Entry) -> &'static [Code] {
    match entry {
        Entry::Key | Entry::KeyOrTicket => &[
            Code::MalformedRequest,
            Code::UriTooLong,
            Code::HeadersTooLarge,
            Code::InternalError,
            Code::InvalidApiKey,
            Code::RateLimited,
            Code::NotReady,
            Code::Overloaded,
            Code::Stopping,
        ],
        Entry::Operator => {
            &[Code::MalformedRequest, Code::UriTooLong, Code::HeadersTooLarge, Code::InternalError, Code::OperatorOnly]
        }
        Entry::Anyone => &[Code::MalformedRequest, Code::UriTooLong, Code::HeadersTooLarge, Code::InternalError],
    }
}

fn request(bodies: Vec<Given>, shared: &mut Shared) -> RequestBody {
    let (mut names, mut examples) = (Vec::new(), Vec::new());
    for body in bodies {
        let schema = match body.rule {
            None => body.schema,
            Some(rule) => Schema::AllOf(AllOfBuilder::new().item(body.schema).item(rule).build()),
        };
        shared.schemas.insert(body.name.clone(), schema.into());
        let example = ExampleBuilder::new().value(Some(body.example)).build();
        examples.push((body.name.clone(), RefOr::T(example)));
        names.push(body.name);
    }
    let schema: RefOr<Schema> = match names.as_slice() {
        [one] => Ref::from_schema_name(one).into(),
        several => {
            let one_of = several.iter().fold(OneOfBuilder::new(), |one, name| one.item(Ref::from_schema_name(name)));
            Schema::OneOf(one_of.build()).into()
        }
    };
    let content = ContentBuilder::new().schema(Some(schema)).examples_from_iter(examples).build();
    RequestBodyBuilder::new().required(Some(Required::True)).content("application/json", content).build()
}

/// A parameter for each field of a query.
fn parameters(query: Given) -> Vec<Parameter> {
    let Schema::Object(object) = query.schema else { return Vec::new() };
    let of_one = |(name, schema): (String, RefOr<Schema>)| {
        let about = match &schema {
            RefOr::T(Schema::Object(object)) => object.description.clone(),
            _ => None,
        };
        let parameter = ParameterBuilder::new().parameter_in(ParameterIn::Query).required(Required::False);
        let example = query.example.get(&name).cloned();
        parameter.name(name).description(about).schema(Some(schema)).example(example).build()
    };
    object.properties.into_iter().map(of_one).collect()
}

/// In an answer, what has no value is there as null. What may be missing is marked as never null.
fn always_there(schema: &mut RefOr<Schema>) {
    match schema {
        RefOr::T(Schema::Object(object)) => {
            let missing = |name: &&String| !object.required.contains(name);
            let nullable: Vec<String> = object
                .properties
                .iter()
                .filter(|(_, schema)| is_nullable(schema))
                .map(|(name, _)| name)
                .filter(missing)
                .cloned()
                .collect();
            object.required.extend(nullable);
        }
        RefOr::T(Schema::AllOf(all)) => all.items.iter_mut().for_each(always_there),
        _ => {}
    }
}

fn is_nullable(schema: &RefOr<Schema>) -> bool {
    let has_null = |kind: &SchemaType| match kind {
        SchemaType::Array(kinds) => kinds.contains(&Type::Null),
        SchemaType::Type(kind) => *kind == Type::Null,
        SchemaType::AnyValue => false,
    };
    match schema {
        RefOr::T(Schema::Object(object)) => has_null(&object.schema_type),
        RefOr::T(Schema::Array(array)) => has_null(&array.schema_type),
        RefOr::T(Schema::OneOf(one)) => one.items.iter().any(is_nullable),
        _ => false,
    }
}
