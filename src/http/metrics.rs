//! Metrics for Prometheus, for the operator alone.

pub(super) mod described;

use warp::http::HeaderValue;
use warp::http::header::{ACCEPT, VARY};

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
    let wish: Vec<&str> = call.headers.get_all(ACCEPT).iter().map(|line| line.to_str().unwrap_or("?")).collect();
    let form = accept::best(&wish, &FORMS).unwrap_or(Form::Prometheus);
    let text = call.system().metrics(form).await;
    let mut response = reply::shown(form.media_type(), text.into_bytes());
    response.headers_mut().insert(VARY, HeaderValue::from_static("accept"));
    Ok(response)
}
