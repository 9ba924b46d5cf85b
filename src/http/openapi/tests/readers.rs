//! What is documented of a request, driven through the reader that the handler uses.

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};

use super::super::builder::Given;
use crate::domain::error::FieldError;
use crate::http::fields::{Fields, asked};

/// Where the fields are given: it decides how they are written.
#[derive(Clone, Copy, PartialEq)]
enum Place {
    Body,
    /// A form: everything is a text, and nothing is null.
    Form,
    Query,
}

/// A reader with what is documented of it.
struct Held<'g> {
    what: String,
    place: Place,
    given: &'g Given,
    properties: Map<String, Value>,
    required: Vec<String>,
}

impl<'g> Held<'g> {
    fn new(what: String, place: Place, given: &'g Given) -> Self {
        let schema = serde_json::to_value(&given.schema).unwrap();
        assert_eq!(schema["additionalProperties"], false, "{what}");
        let required = schema["required"].as_array().into_iter().flatten();
        let required = required.map(|name| name.as_str().unwrap().to_owned()).collect();
        Self { properties: schema["properties"].as_object().unwrap().clone(), what, place, given, required }
    }

    /// What the reader says of these fields.
    fn read(&self, fields: &Map<String, Value>) -> Result<(), Vec<FieldError>> {
        let fields = match self.place {
            Place::Body => Fields::of_json(&serde_json::to_vec(fields).unwrap()).unwrap(),
            Place::Form | Place::Query => {
                let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
                Fields::of_query(fields.iter().map(|(name, value)| (name.clone(), text(value))).collect())
            }
        };
        (self.given.reader)(fields).map_err(|refusal| refusal.fields)
    }

    /// The fields that there have to be, and this one.
    fn with(&self, name: &str, value: Value) -> Map<String, Value> {
        let needed = self.required.iter().map(|name| (name.clone(), self.given.example[name].clone()));
        needed.chain([(name.to_owned(), value)]).collect()
    }

    #[track_caller]
    #[allow(clippy::needless_pass_by_value, reason = "values are made where they are tried")]
    fn takes(&self, name: &str, value: Value) {
        let said = self.read(&self.with(name, value.clone()));
        assert_eq!(said, Ok(()), "{}: {name} = {value}", self.what);
    }

    #[track_caller]
    #[allow(clippy::needless_pass_by_value, reason = "values are made where they are tried")]
    fn refuses(&self, name: &str, value: Value) {
        let said = self.read(&self.with(name, value.clone()));
        let named = said.is_err_and(|errors| errors.iter().any(|error| error.field == name));
        assert!(named, "{}: {name} = {value} is not refused", self.what);
    }

    /// Null is as good as nothing, unless it is in place of what there has to be.
    fn takes_null(&self, name: &str) {
        let mut fields = self.given.example.as_object().unwrap().clone();
        let there = fields.insert(name.to_owned(), Value::Null).is_some();
        if !(there && self.given.rule.is_some()) {
            assert_eq!(self.read(&fields), Ok(()), "{}: {name} = null", self.what);
        }
    }

    fn as_a_whole(&self) {
        for name in &self.required {
            let mut without = self.given.example.as_object().unwrap().clone();
            without.remove(name);
            let named = |errors: Vec<FieldError>| errors.iter().any(|error| error.field == *name);
            assert!(self.read(&without).is_err_and(named), "{}: {name} is not required", self.what);
        }
        assert_eq!(self.read(self.given.example.as_object().unwrap()), Ok(()), "{}: the example", self.what);
        self.refuses("nonsense", json!("x"));
    }

    fn field(&self, name: &str, schema: &Value) {
        let kinds: Vec<&str> = match &schema["type"] {
            Value::Array(kinds) => kinds.iter().filter_map(Value::as_str).collect(),
            kind => kind.as_str().into_iter().collect(),
        };
        let is = |kind: &str| kinds.contains(&kind);
        match (is("null"), self.place) {
            (true, _) => self.takes_null(name),
            (false, Place::Body) => self.refuses(name, Value::Null),
            (false, Place::Form | Place::Query) => {}
        }
        if self.place != Place::Form {
            self.refuses(name, json!([]));
            self.refuses(name, json!({}));
        }
        let good = if schema["enum"].is_array() {
            let words = schema["enum"].as_array().unwrap();
            for word in words {
                self.takes(name, word.clone());
            }
            self.refuses(name, json!("nonsense"));
            words[0].clone()
        } else if is("boolean") {
            self.takes(name, json!(false));
            self.refuses(name, json!(if self.place == Place::Body { "true" } else { "yes" }));
            json!(true)
        } else if is("integer") || is("number") {
            self.figure(name, schema, is("integer"))
        } else {
            assert!(is("string"), "{}: {name} is of no known type", self.what);
            self.text(name, schema)
        };
        self.spellings(name, &good);
    }

    fn figure(&self, name: &str, schema: &Value, whole: bool) -> Value {
        let limit =
            |which: &str| schema[which].as_i64().unwrap_or_else(|| panic!("{}: {name} has no {which}", self.what));
        let most = limit("maximum");
        self.takes(name, json!(most));
        self.refuses(name, json!(most + 1));
        self.refuses(name, json!("x"));
        if whole {
            self.takes(name, json!(limit("minimum")));
            self.refuses(name, json!(limit("minimum") - 1));
            self.refuses(name, json!(0.5));
        } else {
            self.refuses(name, json!(limit("exclusiveMinimum")));
            self.takes(name, json!(0.5));
        }
        if self.place == Place::Body {
            self.refuses(name, json!(most.to_string()));
        }
        json!(most)
    }

    fn text(&self, name: &str, schema: &Value) -> Value {
        if self.place == Place::Body {
            self.refuses(name, json!(7));
        }
        match schema["minLength"].as_u64() {
            None if schema["maxLength"].is_u64() && schema["examples"].is_null() => self.takes(name, json!("")),
            _ => self.refuses(name, json!("")),
        }
        if schema["format"] == "uuid" {
            self.refuses(name, json!("0199a7b0000070008000000000000000"));
            let id = json!("0199a7b0-0000-7000-8000-000000000000");
            self.takes(name, id.clone());
            return id;
        }
        if schema["format"] == "binary" {
            let file = json!("a file");
            self.takes(name, file.clone());
            return file;
        }
        let pattern = schema["pattern"].as_str().unwrap_or_default();
        for (excluded, text) in [(r"\u0000", "a\0b"), (r"\u001f", "a\u{1b}b"), (r"\u009f", "a\u{85}b")] {
            if pattern.contains(excluded) {
                self.refuses(name, json!(text));
            }
        }
        let Some(longest) = schema["maxLength"].as_u64() else {
            let own = &schema["examples"][0];
            let example = if own.is_null() { self.given.example[name].clone() } else { own.clone() };
            self.takes(name, example.clone());
            self.refuses(name, json!("nonsense%"));
            return example;
        };
        if let (Some(example), None) = (schema["examples"][0].as_str(), schema["minLength"].as_u64()) {
            // Of a shape of its own, a URL say, which may go on.
            let long = |count: u64| json!(format!("{example:a<width$}", width = usize::try_from(count).unwrap()));
            self.takes(name, json!(example));
            self.refuses(name, json!("nonsense%"));
            self.takes(name, long(longest));
            self.refuses(name, long(longest + 1));
            return json!(example);
        }
        // Characters are counted, and neither bytes nor units of UTF-16.
        let long = |count: u64| json!("\u{1f600}".repeat(usize::try_from(count).unwrap()));
        self.takes(name, long(1));
        self.takes(name, long(longest));
        self.refuses(name, long(longest + 1));
        long(1)
    }

    fn spellings(&self, name: &str, good: &Value) {
        let snake: String =
            name.chars().map(|c| if c.is_uppercase() { format!("_{}", c.to_lowercase()) } else { c.into() }).collect();
        let mut fields = self.with(name, good.clone());
        if snake != name {
            fields.insert(snake.clone(), good.clone());
            assert!(self.read(&fields).is_err(), "{}: {name} is taken twice", self.what);
            fields.remove(name);
        }
        assert_eq!(self.read(&fields), Ok(()), "{}: {snake}", self.what);
    }
}

#[test]
fn what_is_documented_of_a_request_is_what_its_reader_takes() {
    let (mut bodies, mut forms) = (0, 0);
    for (method, path, said) in crate::http::described() {
        let what = format!("{method} {path}");
        let of_body = said.bodies.iter().map(|given| Held::new(what.clone(), Place::Body, given));
        let of_query = said.query.iter().map(|given| Held::new(what.clone(), Place::Query, given));
        let of_form = said.upload.iter().map(|given| Held::new(what.clone(), Place::Form, given));
        let (mut documented, all) = (BTreeSet::new(), of_body.chain(of_form).chain(of_query).collect::<Vec<_>>());
        asked::forget();
        for held in &all {
            held.as_a_whole();
            held.properties.iter().for_each(|(name, schema)| held.field(name, schema));
            documented.extend(held.properties.keys().cloned());
            bodies += 1;
            forms += usize::from(held.place == Place::Form);
        }
        assert_eq!(asked::forget(), documented, "{what}: what is read is not what is documented");
    }
    assert!(bodies >= 6 && forms == 2, "{bodies} {forms}");
}
