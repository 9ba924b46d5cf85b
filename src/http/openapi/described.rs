//! What is said of the document in the document.

use utoipa::openapi::content::ContentBuilder;
use utoipa::openapi::path::ParameterIn;
use utoipa::openapi::schema::{Object, Type};
use warp::http::StatusCode;

use super::{Described, Entry, Tag};

pub(in crate::http) fn show() -> Described {
    let about = "This document, in OpenAPI 3.1. `wamux openapi` prints the same without a server.";
    let document = ContentBuilder::new().schema(Some(Object::with_type(Type::Object))).build();
    Described::new(Tag::Server, "getOpenApi", "Get this document", about)
        .for_whom(Entry::Anyone)
        .hears(
            ParameterIn::Header,
            "If-None-Match",
            "The `ETag` of the copy that you have: if it is still the newest, the answer is a 304 without a body.",
            Object::with_type(Type::String),
        )
        .says(StatusCode::OK, "The document")
        .form("application/json", document)
        .with_header("ETag")
        .with_header("Cache-Control")
        .says(StatusCode::NOT_MODIFIED, "Your copy is the newest.")
        .with_header("ETag")
        .with_header("Cache-Control")
}
