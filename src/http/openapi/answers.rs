//! Answers as they are documented: their forms, their headers, and the refusals, each of which is documented once.

use serde_json::json;
use utoipa::openapi::content::{Content, ContentBuilder};
use utoipa::openapi::header::{Header, HeaderBuilder};
use utoipa::openapi::response::{Response, ResponseBuilder};
use utoipa::openapi::schema::{AllOfBuilder, Object, ObjectBuilder, Schema, Type};
use utoipa::openapi::{Ref, RefOr};
use utoipa::{PartialSchema, ToSchema};
use warp::http::StatusCode;

use crate::domain::error::{Code, FieldError, Refusal};
use crate::http::reply;

/// The headers that answers have, by their names, with a word on each. All but those marked are always there where they are named.
pub(super) fn headers() -> Vec<(&'static str, Header)> {
    let text = || ObjectBuilder::new().schema_type(Type::String);
    let figure = || ObjectBuilder::new().schema_type(Type::Integer).minimum(Some(0));
    let seconds = || ObjectBuilder::new().schema_type(Type::Integer).minimum(Some(1));
    let header = |about: &str, schema: ObjectBuilder| {
        HeaderBuilder::new().schema(Some(Schema::Object(schema.build()))).description(Some(about)).build()
    };
    vec![
        ("X-Request-Id", header("Names this request in the server's log: the id that you sent, or a new one.", text())),
        ("Location", header("The path of what was made.", text())),
        ("Retry-After", header("In how many seconds the same call may succeed.", seconds())),
        ("RateLimit-Limit", header("How many messages your plan allows a day, from 00:00 UTC.", figure())),
        ("RateLimit-Remaining", header("How many of them are left today.", figure())),
        ("RateLimit-Reset", header("In how many seconds the count starts again.", figure())),
        (
            "Idempotency-Replayed",
            header(
                "There, and `true`, if this is the answer that the first call with this key was given; nothing was done again.",
                text().enum_values(Some(["true"])),
            ),
        ),
        ("WWW-Authenticate", header("How to say who you are.", text().enum_values(Some(["Bearer"])))),
        ("Allow", header("The methods that this path answers to.", text())),
        ("ETag", header("Changes when the document does.", text())),
        ("Cache-Control", header("For how many seconds a copy may be used without asking.", text())),
        ("Vary", header("What the form of the answer depends on.", text())),
        ("Content-Disposition", header("A name for the file, by its type.", text())),
        ("Expires", header("When the code stops working and the next one takes its place.", text())),
    ]
}

/// One answer of a call.
pub(in crate::http) struct Answer {
    pub(super) status: StatusCode,
    about: &'static str,
    forms: Vec<(&'static str, Content)>,
    headers: Vec<&'static str>,
}

impl Answer {
    pub(super) const fn new(status: StatusCode, about: &'static str) -> Self {
        Self { status, about, forms: Vec::new(), headers: Vec::new() }
    }

    pub(super) fn form(mut self, kind: &'static str, content: Content) -> Self {
        self.forms.push((kind, content));
        self
    }

    pub(super) fn header(mut self, name: &'static str) -> Self {
        self.headers.push(name);
        self
    }

    pub(super) fn response(self) -> Response {
        let response = ResponseBuilder::new().description(self.about);
        let response = self.forms.into_iter().fold(response, |response, (kind, form)| response.content(kind, form));
        with_headers(response, &self.headers).build()
    }
}

fn with_headers(response: ResponseBuilder, names: &[&'static str]) -> ResponseBuilder {
    let all = names.iter().chain(&["X-Request-Id"]);
    all.fold(response, |response, name| response.header_ref(*name, Ref::new(format!("#/components/headers/{name}"))))
}

/// All refusals of one status that a call can give: the name they have among the components, and what they are.
pub(super) fn refused(status: StatusCode, codes: &[Code]) -> (String, Response) {
    let names: Vec<&str> = codes.iter().map(|code| code.as_str()).collect();
    let about: Vec<String> = codes.iter().map(|code| format!("`{}`: {}.", code.as_str(), code.title())).collect();
    let said = ObjectBuilder::new()
        .property("status", ObjectBuilder::new().schema_type(Type::Integer).enum_values(Some([status.as_u16()])))
        .property("code", ObjectBuilder::new().schema_type(Type::String).enum_values(Some(names.clone())));
    let schema = AllOfBuilder::new().item(Ref::from_schema_name(reply::Problem::name())).item(said).build();
    let mut content = ContentBuilder::new().schema(Some(Schema::AllOf(schema)));
    for code in codes {
        let example = utoipa::openapi::example::ExampleBuilder::new().summary(code.title()).value(Some(example(*code)));
        content = content.examples_from_iter([(code.as_str(), RefOr::T(example.build()))]);
    }
    let response = ResponseBuilder::new().description(about.join("\n\n")).content(reply::PROBLEM, content.build());
    let mut headers = Vec::new();
    if status == StatusCode::UNAUTHORIZED {
        headers.push("WWW-Authenticate");
    }
    if matches!(status, StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE) {
        headers.push("Retry-After");
    }
    if status == StatusCode::METHOD_NOT_ALLOWED {
        headers.push("Allow");
    }
    (format!("{}.{}", status.as_u16(), names.join(".")), with_headers(response, &headers).build())
}

/// What refusals are made of.
pub(super) fn problems() -> Vec<(String, RefOr<Schema>)> {
    let mut all = vec![(reply::Problem::name().into_owned(), reply::Problem::schema())];
    reply::Problem::schemas(&mut all);
    all
}

/// A refusal with this code, as the server writes it.
fn example(code: Code) -> serde_json::Value {
    let refusal = match code {
        Code::ValidationFailed => Refusal::invalid(vec![FieldError::new("to", "is required")]),
        Code::NotFound => Refusal::not_found(),
        Code::InvalidStreamTicket => Refusal::invalid_ticket(),
        Code::Overloaded => Refusal::overloaded(),
        Code::Stopping => Refusal::stopping(),
        Code::NotReady => Refusal::away(),
        Code::InternalError => Refusal::internal(),
        other => Refusal::new(other, format!("{}.", other.title())),
    };
    serde_json::from_slice(&reply::written(&refusal, "0199a7b0-0000-7000-8000-000000000000"))
        .unwrap_or_else(|_| json!({}))
}

impl PartialSchema for Code {
    fn schema() -> RefOr<Schema> {
        let line =
            |code: &Self| format!("- `{}` ({}): {}.", code.as_str(), reply::status(*code).as_u16(), code.title());
        let lines: Vec<String> = Self::ALL.iter().map(line).collect();
        let code: Object = ObjectBuilder::new()
            .schema_type(Type::String)
            .enum_values(Some(Self::ALL.iter().map(|code| code.as_str())))
            .description(Some(format!(
                "What a program goes by. This is the whole list; a code keeps its meaning, and its status stands in brackets.\n\n{}",
                lines.join("\n")
            )))
            .build();
        code.into()
    }
}

impl ToSchema for Code {}
