//! Answers and problems as they are written.

use super::*;

async fn read(response: Response) -> (StatusCode, warp::http::HeaderMap, serde_json::Value) {
    use futures_util::StreamExt;
    let (head, body) = response.into_parts();
    let mut bytes = Vec::new();
    let mut body = std::pin::pin!(body);
    let mut frames = futures_util::stream::poll_fn(|cx| hyper::body::Body::poll_frame(body.as_mut(), cx));
    while let Some(frame) = frames.next().await {
        bytes.extend_from_slice(&frame.unwrap().into_data().unwrap());
    }
    (head.status, head.headers, serde_json::from_slice(&bytes).unwrap_or_default())
}

#[tokio::test]
async fn a_problem_says_what_is_wrong_and_every_field_of_it() {
    let fields = vec![FieldError::new("to", "is required"), FieldError::new("x", "is not known here")];
    let (status, headers, body) = read(refused(&Refusal::invalid(fields), &RequestId::none())).await;
    assert_eq!(status, 422);
    assert_eq!(headers["content-type"], "application/problem+json");
    let want = serde_json::json!({
        "type": "/docs#validation_failed",
        "title": "The request is not valid",
        "status": 422,
        "detail": "Correct: to, x.",
        "code": "validation_failed",
        "errors": [{"field": "to", "message": "is required"}, {"field": "x", "message": "is not known here"}],
    });
    assert_eq!(body, want);
}

#[tokio::test]
async fn what_a_caller_should_do_next_is_in_the_headers() {
    for (refusal, name, value) in [
        (Refusal::new(Code::InvalidApiKey, "x"), "www-authenticate", "Bearer"),
        (Refusal::overloaded().after(Duration::from_millis(1500)), "retry-after", "2"),
        (Refusal::new(Code::RateLimited, "x").after(Duration::from_millis(3)), "retry-after", "1"),
        (Refusal::new(Code::NotReady, "x"), "retry-after", "1"),
    ] {
        let (_, headers, _) = read(refused(&refusal, &RequestId::none())).await;
        assert_eq!(headers[name], value, "{refusal:?}");
    }
}

#[tokio::test]
async fn what_answers_get_answers_head_and_says_so() {
    let response = method_not_allowed(&[Method::POST, Method::GET], |refusal| refused(refusal, &RequestId::none()));
    let (status, headers, body) = read(response).await;
    assert_eq!((status.as_u16(), &body["code"]), (405, &"method_not_allowed".into()));
    assert_eq!(headers["allow"], "POST, GET, HEAD, OPTIONS");
    assert_eq!(options(&[Method::DELETE]).headers()["allow"], "DELETE, OPTIONS");
}

#[test]
fn every_code_is_an_error_to_http_too() {
    for code in Code::ALL {
        assert!(status(code).is_client_error() || status(code).is_server_error(), "{code:?}");
    }
}

#[test]
fn a_send_s_answer_tells_what_is_left_of_the_day() {
    let usage = Usage { limit: 100, used: 40, reset_seconds: 3600 };
    let response = with_usage(accepted(b"{}".to_vec(), true), Some(usage));
    for (name, value) in [
        ("ratelimit-limit", "100"),
        ("ratelimit-remaining", "60"),
        ("ratelimit-reset", "3600"),
        ("idempotency-replayed", "true"),
    ] {
        assert_eq!(response.headers()[name], value);
    }
    assert!(!accepted(vec![], false).headers().contains_key("idempotency-replayed"));
}
