//! Sends and queries as they are read.

use super::media::{Given, Route};
use super::*;
use crate::domain::content::{Content, Text};
use crate::domain::media::{Caption, Media, Source, Wanted};
use crate::domain::message::{Direction, Filter, Kind, Status};

const ID: &str = "0199a7b0-0000-7000-8000-000000000000";

fn wrong(refusal: Refusal) -> Vec<String> {
    refusal.fields.into_iter().map(|f| f.field).collect()
}

fn send_of(body: &str) -> Result<Send, Vec<String>> {
    text::asked(Fields::of_json(body.as_bytes()).unwrap()).map_err(wrong)
}

fn filter_of(query: &[(&str, &str)]) -> Result<Filter, Vec<String>> {
    let query = query.iter().map(|(name, text)| ((*name).to_owned(), (*text).to_owned())).collect();
    list::filter(Fields::of_query(query)).map_err(wrong)
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

/// A send of media by JSON, or by a form without a file.
fn medium_of(route: Route, body: &str, given: Given) -> Result<(Send, Media), Vec<String>> {
    let send = media::asked(Fields::of_json(body.as_bytes()).unwrap(), route, given).map_err(wrong)?;
    let Content::Media(medium) = send.content.clone() else { panic!("{send:?}") };
    Ok((send, *medium))
}

#[test]
fn a_medium_says_what_it_is_and_where_it_lies() {
    let to = r#""to": "+237612345678", "sessionKey": "shop""#;
    for (route, rest, wanted, caption) in [
        (
            Route::Media,
            r#""mediaUrl": "http://a/b", "mediaType": "image", "caption": "a cat""#,
            Wanted::Image,
            Some("a cat"),
        ),
        (Route::Media, r#""media_url": "http://a/b", "media_type": "video", "caption": """#, Wanted::Video, None),
        (Route::Media, r#""mediaUrl": "http://a/b", "mediaType": "video", "caption": null"#, Wanted::Video, None),
        (Route::Audio, r#""audioUrl": "http://a/b", "ptt": true"#, Wanted::Voice, None),
        (Route::Audio, r#""audio_url": "http://a/b", "ptt": false"#, Wanted::Audio, None),
        (Route::Audio, r#""audioUrl": "http://a/b""#, Wanted::Audio, None),
    ] {
        let (send, medium) = medium_of(route, &format!("{{{to}, {rest}}}"), Given::Json).unwrap();
        assert_eq!(send.via, Via::Key("shop".to_owned().try_into().unwrap()));
        assert_eq!((medium.wanted, medium.caption.as_ref().map(Caption::as_str)), (wanted, caption), "{rest}");
        let Source::Url(url) = medium.source else { panic!("{rest}") };
        assert_eq!(url.as_str(), "http://a/b");
    }
}

#[test]
fn every_mistake_in_a_medium_is_named() {
    let to = r#""to": "+237612345678""#;
    for (route, rest, named) in [
        (Route::Media, r#""x": 1"#.to_owned(), &["mediaUrl", "mediaType", "x"][..]),
        (Route::Media, r#""mediaUrl": "ftp://a/b", "mediaType": "gif""#.to_owned(), &["mediaUrl", "mediaType"]),
        (Route::Media, r#""mediaUrl": null, "mediaType": "image", "file": "b""#.to_owned(), &["mediaUrl", "file"]),
        (
            Route::Media,
            r#""mediaUrl": "http://a/b", "mediaType": "audio", "ptt": true"#.to_owned(),
            &["mediaType", "ptt"],
        ),
        (
            Route::Media,
            format!(r#""mediaUrl": "http://a/b", "mediaType": "image", "caption": "{}""#, "é".repeat(1025)),
            &["caption"],
        ),
        (Route::Audio, r#""audioUrl": "http://a/b", "ptt": "true""#.to_owned(), &["ptt"]),
        (Route::Audio, r#""mediaUrl": "http://a/b", "caption": "x""#.to_owned(), &["audioUrl", "mediaUrl", "caption"]),
    ] {
        assert_eq!(medium_of(route, &format!("{{{to}, {rest}}}"), Given::Json).unwrap_err(), named, "{rest}");
    }
    // In a form all values are texts, and a file may stand for the URL.
    for (route, rest, named) in [
        (Route::Audio, r#""audioUrl": "http://a/b", "ptt": "yes""#, &["ptt"][..]),
        (Route::Audio, r#""ptt": "true""#, &["audioUrl", "file"]),
        (Route::Media, r#""mediaType": "image""#, &["mediaUrl", "file"]),
    ] {
        assert_eq!(medium_of(route, &format!("{{{to}, {rest}}}"), Given::Form(None)).unwrap_err(), named, "{rest}");
    }
    let said = format!(r#"{{{to}, "audioUrl": "http://a/b", "ptt": "true"}}"#);
    assert_eq!(medium_of(Route::Audio, &said, Given::Form(None)).unwrap().1.wanted, Wanted::Voice);
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
