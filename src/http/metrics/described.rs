//! What is said of the metrics in the OpenAPI document.

use utoipa::openapi::content::ContentBuilder;
use utoipa::openapi::schema::{Object, Type};
use warp::http::StatusCode;

use crate::http::openapi::{Described, Entry, Tag};
use crate::metrics::Form;

pub(in crate::http) fn show() -> Described {
    let text = || ContentBuilder::new().schema(Some(Object::with_type(Type::String))).build();
    Described::new(
        Tag::Server,
        "getMetrics",
        "Get the server's metrics",
        "For Prometheus, in its text format, or as OpenMetrics if the `Accept` header prefers that. For the operator: with the operator's \
         token, or, where none is set, from the server's own machine.",
    )
    .for_whom(Entry::Operator)
    .says(StatusCode::OK, "All of them. Their labels name no tenant, no session and nobody's number.")
    .form(Form::Prometheus.media_type(), text())
    .form(Form::OpenMetrics.media_type(), text())
    .with_header("Vary")
}
