//! Every answer that a test gets is held against the OpenAPI document: its status, its code, its form and its headers.

use std::sync::OnceLock;

use reqwest::Method;
use serde_json::Value;

use super::app::Answer;

fn document() -> &'static Value {
    static DOCUMENT: OnceLock<Value> = OnceLock::new();
    DOCUMENT.get_or_init(|| serde_json::from_str(wamux::http::document()).unwrap())
}

/// What a reference leads to.
fn followed(value: &'static Value) -> &'static Value {
    match value["$ref"].as_str() {
        Some(to) => document().pointer(to.strip_prefix('#').unwrap()).unwrap(),
        None => value,
    }
}

/// What is said of this call, if it is one of the API's.
fn call(method: &Method, path: &str) -> Option<&'static Value> {
    let path: Vec<&str> = path.split('/').collect();
    let fits = |template: &str| {
        let template: Vec<&str> = template.split('/').collect();
        let alike = |(name, part): (&&str, &&str)| name == part || (name.starts_with('{') && !part.is_empty());
        template.len() == path.len() && template.iter().zip(&path).all(alike)
    };
    let paths = document()["paths"].as_object().unwrap();
    let (_, item) =
        paths.iter().filter(|(template, _)| fits(template)).min_by_key(|(template, _)| template.contains('{'))?;
    // Of a method that a path does not know, every call there says the same: a 405.
    let any = || item.as_object().unwrap().values().next();
    // The names of methods are in capitals; `get` is no method that there is.
    let verb = match method.as_str() {
        "GET" | "HEAD" => "get",
        "POST" => "post",
        "PATCH" => "patch",
        "DELETE" => "delete",
        "PUT" => "put",
        _ => return None,
    };
    item.get(verb).or_else(any)
}

/// Fails if the answer is not documented.
#[track_caller]
pub fn check(method: &Method, path: &str, answer: &Answer) {
    let Some(said) = call(method, path) else { return };
    let what = format!("{method} {path}: {} {}", answer.status, answer.text.chars().take(300).collect::<String>());
    let response = said["responses"].get(answer.status.to_string());
    let response = followed(response.unwrap_or_else(|| panic!("the status is not documented: {what}")));
    for name in response["headers"].as_object().unwrap().keys() {
        // This one alone is not always there where it is named.
        assert!(name == "Idempotency-Replayed" || answer.header(name).is_some(), "no {name}: {what}");
    }
    let Some(kind) = answer.header("content-type") else {
        assert!(response["content"].is_null() || *method == Method::HEAD, "no form: {what}");
        return;
    };
    let forms = response["content"].as_object().unwrap_or_else(|| panic!("no form is documented: {what}"));
    let form =
        forms.get(kind).or_else(|| forms.get("*/*")).unwrap_or_else(|| panic!("{kind} is not documented: {what}"));
    if kind == "application/problem+json" && *method != Method::HEAD {
        let codes = &form["schema"]["allOf"][1]["properties"]["code"]["enum"];
        assert!(codes.as_array().unwrap().contains(&answer.json()["code"]), "the code is not documented: {what}");
    }
}
