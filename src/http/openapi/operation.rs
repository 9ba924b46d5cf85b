//! One call as the document says it: what it takes, what it answers, how it can be refused.

use std::collections::BTreeMap;

use utoipa::openapi::content::{Content, ContentBuilder};
use utoipa::openapi::example::ExampleBuilder;
use utoipa::openapi::path::{Operation, OperationBuilder, Parameter, ParameterBuilder, ParameterIn};
use utoipa::openapi::request_body::{RequestBody, RequestBodyBuilder};
use utoipa::openapi::schema::{AllOfBuilder, OneOfBuilder, Schema, SchemaType, Type};
use utoipa::openapi::security::SecurityRequirement;
use utoipa::openapi::{Ref, RefOr, Required, Response};

use super::answers::refused;
use super::builder::{Described, Entry, Given};
use crate::domain::error::Code;
use crate::http::reply;

/// What the calls share, by name; it is collected while they are written.
#[derive(Default)]
pub(super) struct Shared {
    pub(super) schemas: BTreeMap<String, RefOr<Schema>>,
    pub(super) responses: BTreeMap<String, RefOr<Response>>,
}

/// One call, under the name of its group.
pub(super) fn operation(said: Described, group: &str, shared: &mut Shared) -> Operation {
    for (name, mut schema) in said.schemas {
        always_there(&mut schema);
        shared.schemas.insert(name, schema);
    }
    let mut operation = OperationBuilder::new()
        .tag(group)
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
        operation = operation.request_body(Some(request(said.bodies, said.upload, shared)));
    }
    for answer in said.answers {
        let status = answer.status;
        operation = operation.response(status.as_str(), answer.response());
    }
    let mut by_status: BTreeMap<u16, Vec<Code>> = BTreeMap::new();
    for code in said.refusals.into_iter().chain(usual(said.entry).iter().copied()).chain(ANYWHERE) {
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

/// How every path refuses: what cannot be read, what nobody there answers to, and what goes wrong here.
const ANYWHERE: [Code; 5] =
    [Code::HeadersTooLarge, Code::InternalError, Code::MalformedRequest, Code::MethodNotAllowed, Code::UriTooLong];

/// How every call can be refused besides, by whom it is for.
const fn usual(entry: Entry) -> &'static [Code] {
    match entry {
        Entry::Key | Entry::KeyOrTicket => {
            &[Code::InvalidApiKey, Code::RateLimited, Code::NotReady, Code::Overloaded, Code::Stopping]
        }
        Entry::Operator => &[Code::OperatorOnly],
        Entry::Anyone => &[],
    }
}

fn request(bodies: Vec<Given>, upload: Option<Given>, shared: &mut Shared) -> RequestBody {
    let request =
        RequestBodyBuilder::new().required(Some(Required::True)).content("application/json", content(bodies, shared));
    match upload {
        Some(form) => request.content("multipart/form-data", content(vec![form], shared)).build(),
        None => request.build(),
    }
}

/// What a body says, in one of these forms.
fn content(bodies: Vec<Given>, shared: &mut Shared) -> Content {
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
    ContentBuilder::new().schema(Some(schema)).examples_from_iter(examples).build()
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
