//! A message's way: its steps from top to bottom, when each was, and how long it took to get there.

use chrono::{DateTime, Utc};
use maud::{Markup, html};

use super::sign;
use crate::domain::message::{Direction, Message, Status};
use crate::http::pages::measure;
use crate::http::pages::words::Words;

/// A step: done at a time that is known or not, or still to come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Step {
    name: &'static str,
    /// What it is drawn as.
    class: &'static str,
    at: Option<DateTime<Utc>>,
}

pub(super) fn way(words: &Words, message: &Message, failed_at: Option<DateTime<Utc>>) -> Markup {
    let own = words.messages;
    let steps = steps(words, message, failed_at);
    let mut last = None;
    html! {
        ol.steps {
            @for step in &steps {
                li.(step.class) {
                    b { (step.name) }
                    @if let Some(at) = step.at {
                        span.when { (measure::exact(at)) }
                        @if let Some(before) = last.replace(at) {
                            span.took { (own.after) " " (measure::span(words.measures, at - before)) }
                        }
                    } @else if step.class == "todo" {
                        span.when { (own.not_yet) }
                    }
                }
            }
        }
        @if message.direction == Direction::Outbound && message.status == Status::Pending { p.hint { (own.waits) } }
    }
}

fn steps(words: &Words, message: &Message, failed_at: Option<DateTime<Utc>>) -> Vec<Step> {
    let own = words.messages;
    let done = |name, at| Step { name, class: "done", at: Some(at) };
    if message.direction == Direction::Inbound {
        return vec![done(own.received, message.created_at)];
    }
    let first = done(own.accepted, message.created_at);
    if message.status == Status::Failed {
        return vec![first, Step { name: sign::name(own, Status::Failed), class: "failed", at: failed_at }];
    }
    let later =
        [(Status::Sent, message.sent_at), (Status::Delivered, message.delivered_at), (Status::Read, message.read_at)];
    let step = |(status, at): (Status, Option<DateTime<Utc>>)| {
        let class = if message.status.number() < status.number() { "todo" } else { "done" };
        Step { name: sign::name(own, status), class, at }
    };
    std::iter::once(first).chain(later.map(step)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::id::{MessageId, SessionId};
    use crate::domain::message::{Kind, Shown};
    use crate::http::pages::words::Language;

    fn message(direction: Direction, status: Status) -> Message {
        let at = |second| DateTime::from_timestamp(second, 0).unwrap();
        let reached =
            |step: Status, second| (status != Status::Failed && status.number() >= step.number()).then(|| at(second));
        Message {
            id: MessageId(uuid::Uuid::nil()),
            session_id: SessionId(uuid::Uuid::nil()),
            direction,
            to_phone: None,
            from_phone: None,
            kind: Kind::Text,
            status,
            shown: Shown::Text { message: None },
            whatsapp_message_id: String::new(),
            error_code: None,
            error_message: None,
            sent_at: reached(Status::Sent, 11),
            delivered_at: reached(Status::Delivered, 12),
            read_at: reached(Status::Read, 13),
            created_at: at(10),
            request_id: None,
        }
    }

    #[test]
    fn the_way_shows_what_was_and_what_is_to_come() {
        let words = Language::English.words();
        for (direction, status, want) in [
            (Direction::Outbound, Status::Pending, &["Accepted done", "Sent todo", "Delivered todo", "Read todo"][..]),
            (Direction::Outbound, Status::Sent, &["Accepted done", "Sent done", "Delivered todo", "Read todo"]),
            (Direction::Outbound, Status::Read, &["Accepted done", "Sent done", "Delivered done", "Read done"]),
            (Direction::Outbound, Status::Failed, &["Accepted done", "Failed failed"]),
            (Direction::Inbound, Status::Delivered, &["Received done"]),
        ] {
            let steps = steps(words, &message(direction, status), None);
            let got: Vec<String> = steps.iter().map(|step| format!("{} {}", step.name, step.class)).collect();
            assert_eq!(got, want);
            assert!(steps.iter().all(|step| step.class != "done" || step.at.is_some()));
        }
    }

    #[test]
    fn the_time_between_is_told() {
        let shown =
            way(Language::English.words(), &message(Direction::Outbound, Status::Delivered), None).into_string();
        assert_eq!(shown.matches("after 1.0\u{a0}s").count(), 2, "{shown}");
        assert_eq!(shown.matches("not yet").count(), 1);
        let failed =
            |at| way(Language::English.words(), &message(Direction::Outbound, Status::Failed), at).into_string();
        let known = failed(DateTime::from_timestamp(13, 0));
        assert!(known.contains("1970-01-01 00:00:13.000 UTC") && known.contains("after 3.0\u{a0}s"), "{known}");
        assert_eq!(failed(None).matches("<time").count(), 1, "what is not known is not told");
    }
}
