//! Fields: every mistake is named at once.

use proptest::prelude::*;

use super::*;

fn fields(body: &str) -> Fields {
    Fields::of_json(body.as_bytes()).unwrap()
}

fn named<T: std::fmt::Debug>(read: Result<T, Refusal>) -> Vec<(String, String)> {
    read.unwrap_err().fields.into_iter().map(|f| (f.field, f.message)).collect()
}

#[test]
fn everything_wrong_is_told_at_once() {
    let mut given = fields(r#"{"a": 1, "b_c": "x", "b_c": "y", "z": 0, "Y": null}"#);
    let a = given.required("a", text(Ok::<_, &str>));
    let b = given.optional("bC", text(Ok::<_, &str>));
    let d = given.required("d", text(Ok::<_, &str>));
    let wrong = named(given.finish(Some((a, b, d))));
    let wrong: Vec<_> = wrong.iter().map(|(name, why)| (name.as_str(), why.as_str())).collect();
    assert_eq!(
        wrong,
        [
            ("a", "must be a string"),
            ("bC", "is given more than once"),
            ("d", "is required"),
            ("z", "is not known here"),
            ("Y", "is not known here"),
        ]
    );
}

#[test]
fn null_is_the_same_as_nothing() {
    let mut given = fields(r#"{"a": null, "b": null}"#);
    assert_eq!(given.optional("a", whole(0..=9)), None);
    assert!(given.errors.is_empty());
    assert_eq!(given.required("b", whole(0..=9)), None);
    assert_eq!(named(given.finish(Some(()))), [("b".to_owned(), "is required".to_owned())]);
}

#[test]
fn a_query_is_read_as_a_body_is() {
    let query = [("limit", "20"), ("session_id", "x")].map(|(name, text)| (name.to_owned(), text.to_owned()));
    let mut given = Fields::of_query(query.into());
    assert_eq!(given.optional("limit", digits(1..=100)), Some(20));
    assert_eq!(given.optional("sessionId", text(Ok::<_, &str>)), Some("x".to_owned()));
    given.finish(Some(())).unwrap();
}

#[test]
fn numbers_are_whole_and_within_their_range() {
    for (value, want) in [
        (r"1", Some(1)),
        (r"100", Some(100)),
        (r"100.0", Some(100)),
        (r"1e2", Some(100)),
        (r#""100""#, None),
        (r"0", None),
        (r"101", None),
        (r"1.5", None),
        (r"-1", None),
        (r"99999999999999999999999", None),
        (r"1e300", None),
        (r"true", None),
    ] {
        assert_eq!(whole(1..=100)(serde_json::from_str(value).unwrap()).ok(), want, "{value}");
    }
    for (text, want) in
        [("1", Some(1)), ("100", Some(100)), ("+1", None), ("", None), ("1.0", None), ("99999999999999999999999", None)]
    {
        assert_eq!(digits(1..=100)(text.into()).ok(), want, "{text}");
    }
}

#[test]
fn only_an_object_has_fields() {
    for (body, kind) in [
        ("[]", serde_json::error::Category::Data),
        ("\"x\"", serde_json::error::Category::Data),
        ("null", serde_json::error::Category::Data),
        ("{", serde_json::error::Category::Eof),
        ("", serde_json::error::Category::Eof),
        ("{} {}", serde_json::error::Category::Syntax),
        ("{'a': 1}", serde_json::error::Category::Syntax),
    ] {
        assert_eq!(Fields::of_json(body.as_bytes()).unwrap_err().classify(), kind, "{body}");
    }
}

#[test]
fn an_answer_stays_small_whatever_was_sent() {
    let body: serde_json::Map<String, Value> = (0..5000).map(|n| (format!("{n:0>500}"), Value::Null)).collect();
    let wrong = named(fields(&serde_json::to_string(&body).unwrap()).finish(Some(())));
    assert_eq!(wrong.len(), ERRORS_MAX);
    assert!(wrong.iter().all(|(name, _)| name.len() == NAME_MAX));
}

proptest! {
    #[test]
    fn no_body_makes_it_panic(body in proptest::collection::vec(any::<u8>(), 0..200)) {
        let _ = Fields::of_json(&body);
    }

    #[test]
    fn a_field_is_found_under_both_its_names(name in "[a-z]{1,8}([A-Z][a-z]{1,8}){0,3}") {
        for given in [name.clone(), snake_case(&name)] {
            let mut fields = Fields::of_query(vec![(given, "x".to_owned())]);
            prop_assert!(fields.required(&name, text(Ok::<_, &str>)).is_some());
            prop_assert!(fields.finish(Some(())).is_ok());
        }
    }
}
