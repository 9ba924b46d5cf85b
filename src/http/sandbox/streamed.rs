//! An answer whose body streams: from the media servers, from a phone's album, from a network elsewhere.

use std::pin::Pin;
use std::task::{Poll, ready};

use futures_util::stream;
use hyper::body::Body as _;
use warp::Reply as _;
use warp::http::{HeaderMap, StatusCode};

use crate::http::reply::Response;

pub(super) fn streamed(status: StatusCode, headers: HeaderMap, mut body: reqwest::Body) -> Response {
    let pieces = stream::poll_fn(move |cx| {
        loop {
            match ready!(Pin::new(&mut body).poll_frame(cx)) {
                Some(Ok(frame)) => {
                    // Anything else is trailers, which nobody here sends.
                    if let Ok(piece) = frame.into_data() {
                        return Poll::Ready(Some(Ok(piece)));
                    }
                }
                Some(Err(error)) => return Poll::Ready(Some(Err(error))),
                None => return Poll::Ready(None),
            }
        }
    });
    let mut response = warp::reply::stream(pieces).into_response();
    *response.status_mut() = status;
    *response.headers_mut() = headers;
    response
}
