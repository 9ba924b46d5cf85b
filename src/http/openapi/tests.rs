//! The document against the routes, the codes, and the readers of requests.

mod readers;

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;
use warp::http::{HeaderMap, HeaderValue, Method};

use super::*;
use crate::domain::error::Code;

fn parsed() -> Value {
    serde_json::from_str(document()).unwrap()
}

/// Every call of the document: its method, its path, and what is said of it.
fn operations(document: &Value) -> Vec<(Method, String, &Value)> {
    let paths = document["paths"].as_object().unwrap().iter();
    let all =
        paths.flat_map(|(path, item)| item.as_object().unwrap().iter().map(move |(verb, said)| (verb, path, said)));
    all.map(|(verb, path, said)| (verb.to_uppercase().parse().unwrap(), path.clone(), said)).collect()
}

#[test]
fn every_route_is_documented_and_nothing_else_is() {
    let document = parsed();
    let name = |(method, path): (Method, String)| format!("{method} {path}");
    let routes: BTreeSet<_> = crate::http::surface().into_iter().map(name).collect();
    let documented: BTreeSet<_> = operations(&document).into_iter().map(|(m, p, _)| name((m, p))).collect();
    assert_eq!(documented, routes);
    assert_eq!(documented.iter().any(|name| name.contains("/sandbox/")), cfg!(feature = "sandbox"));
    assert_eq!((&document["openapi"], &document["servers"][0]["url"]), (&"3.1.0".into(), &"/".into()));
}

#[test]
fn a_path_names_its_parameters_and_an_operation_has_a_name_of_its_own() {
    let document = parsed();
    let mut ids = BTreeSet::new();
    for (method, path, said) in operations(&document) {
        let inside: Vec<&str> = path.split('{').skip(1).map(|rest| rest.split('}').next().unwrap()).collect();
        let parameters = said["parameters"].as_array().unwrap().iter();
        let named: Vec<_> = parameters.filter(|p| p["in"] == "path").map(|p| p["name"].as_str().unwrap()).collect();
        assert_eq!(named, inside, "{method} {path}");
        assert!(ids.insert(said["operationId"].as_str().unwrap()), "{method} {path}");
        for about in ["summary", "description"] {
            assert!(said[about].as_str().is_some_and(|text| text.len() > 10), "{method} {path} has no {about}");
        }
    }
}

#[test]
fn every_code_can_be_given_by_something_with_the_status_that_it_has() {
    let document = parsed();
    let mut given: BTreeMap<&str, u16> = BTreeMap::new();
    for (name, response) in document["components"]["responses"].as_object().unwrap() {
        let status = name[..3].parse().unwrap();
        let said = &response["content"]["application/problem+json"]["schema"]["allOf"][1]["properties"];
        assert_eq!(said["status"]["enum"], serde_json::json!([status]));
        given.extend(said["code"]["enum"].as_array().unwrap().iter().map(|code| (code.as_str().unwrap(), status)));
    }
    let listed = document["components"]["schemas"]["Code"]["enum"].as_array().unwrap();
    assert_eq!(listed.len(), Code::ALL.len());
    // Pages alone refuse forms, and they are no part of the document.
    let of_pages = |code: &Code| *code == Code::FormRefused;
    let mine = |code: &Code| !of_pages(code) && (cfg!(feature = "sandbox") || !code.as_str().starts_with("phone_"));
    for code in Code::ALL.iter().filter(|code| mine(code)) {
        assert_eq!(given.get(code.as_str()).copied(), Some(reply::status(*code).as_u16()), "{}", code.as_str());
    }
}

#[test]
fn every_reference_leads_somewhere() {
    fn walk(value: &Value, document: &Value) {
        match value {
            Value::Object(fields) => {
                if let Some(Value::String(to)) = fields.get("$ref") {
                    let pointer = to.strip_prefix('#').unwrap();
                    assert!(document.pointer(pointer).is_some(), "{to} leads nowhere");
                }
                fields.values().for_each(|value| walk(value, document));
            }
            Value::Array(items) => items.iter().for_each(|value| walk(value, document)),
            _ => {}
        }
    }
    let document = parsed();
    walk(&document, &document);
}

#[test]
fn whoever_has_the_document_is_told_so() {
    let known = |tag: &str| {
        let mut headers = HeaderMap::new();
        headers.insert(IF_NONE_MATCH, HeaderValue::from_str(tag).unwrap());
        is_known(&headers)
    };
    for tag in [etag().to_owned(), "*".into(), format!("W/{}", etag()), format!("\"old\", {}", etag())] {
        assert!(known(&tag), "{tag}");
    }
    for tag in ["\"old\"", "", etag().trim_matches('"')] {
        assert!(!known(tag), "{tag}");
    }
    assert!(!is_known(&HeaderMap::new()));
}
