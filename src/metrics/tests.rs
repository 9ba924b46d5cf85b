//! What is written, in both forms.

use super::*;

fn some() -> (Metrics, Now) {
    let metrics = Metrics::default();
    metrics.accepted("text");
    metrics.accepted("text");
    metrics.failed("send_failed");
    metrics.answered("GET", &"/api/v1/messages/{id}".into(), 200, Duration::from_millis(3));
    metrics.answered("BREW", &"other".into(), 404, Duration::ZERO);
    metrics.committed(7, Duration::from_millis(2));
    metrics.media_standing(2, 1);
    let actors = Kind { by_status: [("running", 3)].into(), mailbox: 5, mailbox_max: 4, failures: 2 };
    let now = Now {
        network: "sandbox",
        sessions: Some([("connected", 2)].into()),
        actors: [("session", actors)].into(),
        writer_queue: 1,
        streams: 0,
    };
    (metrics, now)
}

#[test]
fn both_forms_say_the_same_each_in_its_own_way() {
    let (metrics, now) = some();
    let (open, plain) = (metrics.text(&now, Form::OpenMetrics), metrics.text(&now, Form::Prometheus));
    for line in [
        "wamux_messages_accepted_total{type=\"text\"} 2",
        "wamux_messages_failed_total{code=\"send_failed\"} 1",
        "wamux_http_requests_total{method=\"GET\",route=\"/api/v1/messages/{id}\",status=\"200\"} 1",
        "wamux_http_requests_total{method=\"other\",route=\"other\",status=\"404\"} 1",
        "wamux_http_request_seconds_bucket{le=\"0.005\",route=\"/api/v1/messages/{id}\"} 1",
        "wamux_writer_batch_size_sum 7.0",
        "wamux_media_jobs_waiting 2",
        "wamux_sessions{status=\"connected\"} 2",
        "wamux_actors{kind=\"session\",status=\"running\"} 3",
        "wamux_actor_mailbox{kind=\"session\"} 5",
        "wamux_actor_mailbox_max{kind=\"session\"} 4",
        "wamux_actor_restarts_total{kind=\"session\"} 2",
        "wamux_database_up 1",
    ] {
        assert!(open.lines().any(|said| said == line), "{line}\n{open}");
        assert!(plain.lines().any(|said| said == line), "{line}\n{plain}");
    }
    assert!(open.ends_with("# EOF\n") && open.contains("# TYPE wamux_messages_accepted counter\n"), "{open}");
    assert!(!plain.contains("# EOF") && plain.contains("# TYPE wamux_messages_accepted_total counter\n"), "{plain}");
    assert!(
        plain.contains("# TYPE wamux_build_info gauge\n") && plain.contains("# HELP wamux_build_info What"),
        "{plain}"
    );
    assert!(plain.contains("wamux_build_info{version="), "{plain}");
}

#[test]
fn a_database_that_does_not_answer_is_said_so_and_hides_nothing_else() {
    let (metrics, now) = some();
    let text = metrics.text(&Now { sessions: None, ..now }, Form::Prometheus);
    assert!(text.contains("wamux_database_up 0\n") && !text.contains("wamux_sessions{"), "{text}");
    assert!(text.contains("wamux_messages_accepted_total"), "{text}");
}

#[test]
fn the_process_is_seen() {
    let (metrics, now) = some();
    let text = metrics.text(&now, Form::Prometheus);
    for name in ["resident_memory_bytes", "open_fds", "max_fds", "start_time_seconds"] {
        let value = text.lines().find_map(|line| line.strip_prefix(&format!("process_{name} ")));
        assert!(value.is_some_and(|value| value.parse::<f64>().unwrap() > 0.0), "{name}: {text}");
    }
}
