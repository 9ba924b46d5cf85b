//! Metrics for Prometheus, for the operator alone.

pub(super) mod described;

use warp::http::HeaderValue;
use warp::http::header::VARY;

use super::accept;
use super::call::{Answered, Call};
use super::health::operator;
use super::reply;
use crate::metrics::Form;

/// Whoever asks for neither gets the first: a person with curl, mostly.
const FORMS: [(&str, Form); 2] =
    [("text/plain", Form::Prometheus), ("application/openmetrics-text", Form::OpenMetrics)];

pub(super) async fn show(call: Call) -> Answered {
    operator(&call)?;
    let form = accept::liked(&call.headers, &FORMS).unwrap_or(Form::Prometheus);
    let text = call.system().metrics(form).await;
    let mut response = reply::shown(form.media_type(), text.into_bytes());
    response.headers_mut().insert(VARY, HeaderValue::from_static("accept"));
    Ok(response)
}
