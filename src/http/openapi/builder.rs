//! What is said of one call, beside its handler: what it does, what it takes, what it answers, how it can be refused.

use serde_json::Value;
use utoipa::ToSchema;
use utoipa::openapi::content::{Content, ContentBuilder};
use utoipa::openapi::path::{Parameter, ParameterBuilder, ParameterIn};
use utoipa::openapi::schema::{AdditionalProperties, Schema};
use utoipa::openapi::{Ref, RefOr, Required};
use warp::http::StatusCode;

use super::answers::Answer;
use crate::domain::error::{Code, Refusal};
use crate::http::fields::Fields;

/// The groups of calls, in the order of the published page.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(in crate::http) enum Tag {
    Sessions,
    Messages,
    Keys,
    #[cfg(feature = "sandbox")]
    Sandbox,
    Server,
}

/// Who may call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::http) enum Entry {
    /// Whoever has a key.
    Key,
    /// The same, or whoever has a ticket for this stream.
    KeyOrTicket,
    Operator,
    Anyone,
}

/// Reads what was given as the handler does. Tests drive what is documented through it.
pub(in crate::http) type Reader = fn(Fields) -> Result<(), Refusal>;

/// The fields of a body or of a query, and the reader that they are for.
pub(in crate::http) struct Given {
    pub(super) schema: Schema,
    pub(super) rule: Option<Schema>,
    pub(super) name: String,
    pub(super) example: Value,
    #[cfg_attr(not(test), expect(dead_code, reason = "tests hold the description against it"))]
    pub(super) reader: Reader,
}

pub(in crate::http) struct Described {
    pub(super) tag: Tag,
    pub(super) id: &'static str,
    pub(super) summary: &'static str,
    pub(super) about: &'static str,
    pub(super) entry: Entry,
    pub(super) parameters: Vec<RefOr<Parameter>>,
    /// The forms that the body may have.
    pub(super) bodies: Vec<Given>,
    /// The form with a file that may stand in the place of a JSON body.
    pub(super) upload: Option<Given>,
    pub(super) query: Option<Given>,
    pub(super) answers: Vec<Answer>,
    pub(super) refusals: Vec<Code>,
    pub(super) schemas: Vec<(String, RefOr<Schema>)>,
}

impl Described {
    pub(in crate::http) const fn new(tag: Tag, id: &'static str, summary: &'static str, about: &'static str) -> Self {
        Self {
            tag,
            id,
            summary,
            about,
            entry: Entry::Key,
            parameters: Vec::new(),
            bodies: Vec::new(),
            upload: None,
            query: None,
            answers: Vec::new(),
            refusals: Vec::new(),
            schemas: Vec::new(),
        }
    }

    pub(in crate::http) fn for_whom(self, entry: Entry) -> Self {
        Self { entry, ..self }
    }

    /// A name in the path. What it could stand for and does not is a 404.
    pub(in crate::http) fn at<T: ToSchema>(mut self, name: &str, about: &str) -> Self {
        let schema = self.schema_of::<T>();
        self.refusals.push(Code::NotFound);
        self.at_schema(name, about, schema)
    }

    /// The same of something that is no type of ours.
    pub(in crate::http) fn at_schema(mut self, name: &str, about: &str, schema: impl Into<RefOr<Schema>>) -> Self {
        let parameter = ParameterBuilder::new()
            .name(name)
            .parameter_in(ParameterIn::Path)
            .required(Required::True)
            .description(Some(about))
            .schema(Some(schema));
        self.parameters.push(RefOr::T(parameter.build()));
        self
    }

    /// A header, or one parameter of a query, that may be there.
    pub(in crate::http) fn hears(
        mut self,
        place: ParameterIn,
        name: &str,
        about: &str,
        schema: impl Into<Schema>,
    ) -> Self {
        let parameter = ParameterBuilder::new()
            .name(name)
            .parameter_in(place)
            .required(Required::False)
            .description(Some(about))
            .schema(Some(schema.into()));
        self.parameters.push(RefOr::T(parameter.build()));
        self
    }

    /// A JSON body with these fields, read by this reader; or one of several, each with fields of its own.
    pub(in crate::http) fn takes<T: ToSchema>(mut self, example: Value, reader: Reader) -> Self {
        let given = self.given::<T>(example, reader);
        self.bodies.push(given);
        let codes = [
            Code::MalformedJson,
            Code::BodyTooSlow,
            Code::BodyTooLarge,
            Code::UnsupportedMediaType,
            Code::ValidationFailed,
        ];
        self.refusals.extend(codes);
        self
    }

    /// A form (multipart/form-data) in place of the JSON body, with a file named `file`. This reader finds a text in the file's place.
    pub(in crate::http) fn takes_form<T: ToSchema>(mut self, example: Value, reader: Reader) -> Self {
        self.upload = Some(self.given::<T>(example, reader));
        self
    }

    /// What holds between the fields of the body, however it is written.
    pub(in crate::http) fn under(mut self, rule: impl Into<Schema>) -> Self {
        let rule = rule.into();
        let under = |body: Given| Given { rule: Some(rule.clone()), ..body };
        let last = self.bodies.pop().map(under);
        self.bodies.extend(last);
        self.upload = self.upload.map(under);
        self
    }

    /// A query with these parameters, read by this reader.
    pub(in crate::http) fn asks_by<T: ToSchema>(mut self, example: Value, reader: Reader) -> Self {
        self.query = Some(self.given::<T>(example, reader));
        self.refusals.push(Code::ValidationFailed);
        self
    }

    fn given<T: ToSchema>(&mut self, example: Value, reader: Reader) -> Given {
        T::schemas(&mut self.schemas);
        let mut schema = match T::schema() {
            RefOr::T(schema) => schema,
            RefOr::Ref(_) => Schema::default(),
        };
        if let Schema::Object(object) = &mut schema {
            object.additional_properties = Some(Box::new(AdditionalProperties::FreeForm(false)));
        }
        Given { schema, rule: None, name: T::name().into_owned(), example, reader }
    }

    /// `Idempotency-Key` is read.
    pub(in crate::http) fn once(mut self) -> Self {
        self.parameters.push(RefOr::Ref(Ref::new("#/components/parameters/Idempotency-Key")));
        self.refusals.extend([Code::IdempotencyInProgress, Code::IdempotencyKeyReused]);
        self.with_header("Idempotency-Replayed")
    }

    /// An answer in JSON.
    pub(in crate::http) fn gives<T: ToSchema>(
        mut self,
        status: StatusCode,
        about: &'static str,
        example: Value,
    ) -> Self {
        let schema = self.schema_of::<T>();
        let content = ContentBuilder::new().schema(Some(schema)).example(Some(example)).build();
        self.answers.push(Answer::new(status, about).form("application/json", content));
        self
    }

    /// An answer without a body.
    pub(in crate::http) fn says(mut self, status: StatusCode, about: &'static str) -> Self {
        self.answers.push(Answer::new(status, about));
        self
    }

    /// Another form that the last answer can take.
    pub(in crate::http) fn form(mut self, kind: &'static str, content: Content) -> Self {
        self.answers = change_last(self.answers, |answer| answer.form(kind, content));
        self
    }

    /// A header of the last answer, by its name among the shared ones.
    pub(in crate::http) fn with_header(mut self, name: &'static str) -> Self {
        self.answers = change_last(self.answers, |answer| answer.header(name));
        self
    }

    pub(in crate::http) fn refuses(mut self, codes: &[Code]) -> Self {
        self.refusals.extend_from_slice(codes);
        self
    }

    /// A type that is described among the others, though no answer is made of it alone.
    pub(in crate::http) fn schema_of<T: ToSchema>(&mut self) -> RefOr<Schema> {
        T::schemas(&mut self.schemas);
        self.schemas.push((T::name().into_owned(), T::schema()));
        Ref::from_schema_name(T::name()).into()
    }
}

fn change_last(mut answers: Vec<Answer>, change: impl FnOnce(Answer) -> Answer) -> Vec<Answer> {
    let last = answers.pop().map(change);
    answers.extend(last);
    answers
}
