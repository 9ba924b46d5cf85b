//! Sends and queries as they are read.

use super::*;
use crate::domain::message::{Direction, Kind, Status};

const ID: &str = "0199a7b0-0000-7000-8000-000000000000";

fn send_of(body: &str) -> Result<Send, Vec<String>> {
    asked(Fields::of_json(body.as_bytes()).unwrap())
        .map_err(|refusal| refusal.fields.into_iter().map(|f| f.field).collect())
}

fn filter_of(query: &[(&str, &str)]) -> Result<Filter, Vec<String>> {
    let query = query.iter().map(|(name, text)| ((*name).to_owned(), (*text).to_owned())).collect();
    filter(Fields::of_query(query)).map_err(|refusal| refusal.fields.into_iter().map(|f| f.field).collect())
}

#[test]
fn a_send_says_to_whom_what_and_perhaps_through_which_session() {
    let plain = r#"{"to": "+237 612-345-678", "message": "Hello""#;
    let hello = Content::Text(Text::try_from("Hello".to_owned()).unwrap());
    for (rest, via) in [
        ("}".to_owned(), Via::Latest),
        (format!(r#", "sessionId": "{ID}"}}"#), Via::Id(ID.parse().unwrap())),
        (format!(r#", "session_id": "{ID}"}}"#), Via::Id(ID.parse().unwrap())),
        (r#", "session_key": "shop"}"#.to_owned(), Via::Key("shop".to_owned().try_into().unwrap())),
    ] {
        let send = send_of(&format!("{plain}{rest}")).unwrap();
        assert_eq!((send.to.to_string(), send.content), ("+237612345678".to_owned(), hello.clone()));
        assert_eq!(send.via, via);
    }
}

#[test]
fn every_mistake_in_a_send_is_named() {
    for (body, wrong) in [
        ("{}".to_owned(), &["to", "message"][..]),
        (r#"{"to": "612", "message": ""}"#.to_owned(), &["to", "message"]),
        (r#"{"to": 237612345678, "message": ["x"], "text": "x"}"#.to_owned(), &["to", "message", "text"]),
        (
            format!(r#"{{"to": "+237612345678", "message": "x", "sessionId": "{ID}", "sessionKey": "s"}}"#),
            &["sessionKey"],
        ),
        (r#"{"to": "+237612345678", "message": "x", "sessionId": "shop"}"#.to_owned(), &["sessionId"]),
    ] {
        assert_eq!(send_of(&body).unwrap_err(), wrong, "{body}");
    }
}

#[test]
fn a_list_can_be_asked_for_in_parts() {
    let filter = filter_of(&[
        ("limit", "100"),
        ("offset", "200"),
        ("session_id", ID),
        ("status", "delivered"),
        ("direction", "inbound"),
        ("type", "text"),
        ("to", " 237612345678"),
        ("cursor", ID),
    ])
    .unwrap();
    assert_eq!((filter.limit, filter.offset), (100, 200));
    assert_eq!((filter.status, filter.direction), (Some(Status::Delivered), Some(Direction::Inbound)));
    assert_eq!((filter.kind, filter.to.unwrap().to_string()), (Some(Kind::Text), "+237612345678".to_owned()));
    assert_eq!((filter.session, filter.before), (ID.parse().ok(), ID.parse().ok()));
    let plain = filter_of(&[]).unwrap();
    assert_eq!((plain.limit, plain.offset, plain.status), (50, 0, None));
}

#[test]
fn every_mistake_in_a_list_s_parameters_is_named() {
    for (query, wrong) in [
        (&[("limit", "0")][..], &["limit"][..]),
        (&[("limit", "101"), ("offset", "-1")], &["limit", "offset"]),
        (
            &[("limit", "ten"), ("status", "gone"), ("direction", "up"), ("type", "gif")],
            &["status", "direction", "type", "limit"],
        ),
        (&[("sessionId", "x"), ("session_id", "x")], &["sessionId"]),
        (&[("sessionId", "x"), ("cursor", "y"), ("to", "12")], &["sessionId", "to", "cursor"]),
        (&[("page", "1"), ("status", "sent"), ("status", "read")], &["status", "page"]),
    ] {
        assert_eq!(filter_of(query).unwrap_err(), wrong, "{query:?}");
    }
}
