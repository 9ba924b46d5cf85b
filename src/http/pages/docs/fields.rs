//! The fields of a body, and the parameters of a call: name, type, bounds and meaning, read from their schemas.

use maud::{Markup, html};
use serde_json::Value;

use super::super::words::Words;
use super::{guide, resolved};

/// All fields of a schema, those of its alternatives included.
pub(super) fn shown(words: &Words, schema: &'static Value) -> Markup {
    let mut all: Vec<(&'static str, bool, &'static Value)> = Vec::new();
    gather(schema, &mut all);
    html! {
        dl.fields { @for (name, required, field) in all { (row(words, name, required, field)) } }
    }
}

fn gather(schema: &'static Value, all: &mut Vec<(&'static str, bool, &'static Value)>) {
    let schema = resolved(schema);
    let required = |name: &str| schema["required"].as_array().is_some_and(|names| names.iter().any(|n| n == name));
    for (name, field) in schema["properties"].as_object().into_iter().flatten() {
        // A rule between fields may name a field without saying what it is.
        let says = field.as_object().is_some_and(|field| !field.is_empty());
        if says && !all.iter().any(|(known, ..)| known == name) {
            all.push((name, required(name), field));
        }
    }
    for more in ["allOf", "oneOf", "anyOf"] {
        schema[more].as_array().into_iter().flatten().for_each(|part| gather(part, all));
    }
}

/// One of them. `field` is a schema, or a parameter that has one.
pub(super) fn row(words: &Words, name: &str, required: bool, field: &'static Value) -> Markup {
    let schema = resolved(field.get("schema").unwrap_or(field));
    let about = field["description"].as_str().or_else(|| schema["description"].as_str()).unwrap_or_default();
    html! {
        dt {
            code { (name) } " " span.kind { (kind(schema)) }
            @if required { " " span.required lang=(words.language.tag()) { (words.documentation.required) } }
        }
        dd {
            (guide::markdown(about))
            @if let Some(bounds) = bounds(schema) { p.bounds { (bounds) } }
        }
    }
}

fn kind(schema: &Value) -> String {
    let types: Vec<&str> = match &schema["type"] {
        Value::String(kind) => vec![kind],
        Value::Array(kinds) => kinds.iter().filter_map(Value::as_str).filter(|kind| *kind != "null").collect(),
        _ => Vec::new(),
    };
    let kind = types.join(" | ");
    match schema["format"].as_str() {
        Some(format) => format!("{kind} ({format})"),
        None => kind,
    }
}

/// What the schema asks of a value beyond its type.
fn bounds(schema: &Value) -> Option<String> {
    let words: Vec<String> = schema["enum"].as_array().into_iter().flatten().map(Value::to_string).collect();
    if !words.is_empty() {
        return Some(words.join(" · "));
    }
    let number = |name: &str| schema[name].as_u64();
    match (number("minLength").or(number("minimum")), number("maxLength").or(number("maximum"))) {
        (None | Some(0), Some(most)) => Some(format!("≤ {most}")),
        (Some(least), Some(most)) => Some(format!("{least} … {most}")),
        _ => None,
    }
}
