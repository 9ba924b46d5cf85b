//! The documentation leads nowhere that is not there, and says nothing that the document does not.

use std::collections::BTreeSet;

use super::*;

const ADDRESS: &str = "https://wamux.example";

/// Every page of the documentation, in a language.
fn pages(language: Language) -> Vec<(String, String)> {
    let guide = html! { (guide::guide(language, ADDRESS)) (guide::codes(language)) (contents(language, None)) };
    let mut pages = vec![("/docs".to_owned(), guide.0)];
    for group in groups() {
        let calls = html! { @for call in &group.calls { (operation::shown(language.words(), call, ADDRESS)) } };
        pages.push((format!("/docs/{}", slug(group.name)), calls.0));
    }
    pages
}

/// What stands between `before` and the next quotation mark, wherever that is.
fn between<'a>(text: &'a str, before: &'a str) -> impl Iterator<Item = &'a str> {
    text.split(before).skip(1).filter_map(|rest| rest.split('"').next())
}

#[test]
fn every_link_leads_somewhere() {
    for language in Language::ALL {
        let pages = pages(language);
        let mut there: BTreeSet<String> = ["/".to_owned(), "/api/v1/openapi.json".to_owned()].into();
        for (path, page) in &pages {
            there.insert(path.clone());
            there.extend(between(page, " id=\"").map(|id| format!("{path}#{id}")));
        }
        for (path, page) in &pages {
            for link in between(page, "href=\"") {
                let link = if link.starts_with('#') { format!("{path}{link}") } else { link.to_owned() };
                // Pages of their own, of which `tests/pages.rs` says that they are there.
                let other = link == "/signup" || link.starts_with("/dashboard");
                assert!(other || there.contains(&link), "{path} leads to {link}, which is not there");
            }
        }
    }
}

#[test]
fn every_call_of_the_document_has_its_place_and_every_page_is_small() {
    let all: usize = groups().iter().map(|group| group.calls.len()).sum();
    let paths = value()["paths"].as_object().unwrap();
    assert_eq!(all, paths.values().map(|verbs| verbs.as_object().unwrap().len()).sum::<usize>());
    for language in Language::ALL {
        for (path, page) in pages(language) {
            assert!(page.len() < 90_000, "{path} has {} bytes", page.len());
        }
    }
}

#[test]
fn commands_call_the_server_that_shows_them() {
    for language in Language::ALL {
        for (path, page) in pages(language) {
            assert!(page.contains(ADDRESS) && !page.contains("127.0.0.1:8080"), "{path}");
        }
    }
}

#[test]
fn both_languages_have_the_same_headings() {
    let [english, french] =
        Language::ALL.map(|language| guide::headings(language).into_iter().map(|(id, _)| id).collect::<Vec<_>>());
    assert!(english.len() > 5 && english.iter().all(|id| !id.is_empty()));
    assert_eq!(english, french);
}
