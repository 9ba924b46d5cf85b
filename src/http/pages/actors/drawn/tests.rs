//! The drawing of large and troubled trees.

use chrono::DateTime;

use super::*;
use crate::actors::system::health::Probed;
use crate::http::pages::words::Language;

const DRAWING: fn() -> Drawing = || Drawing { words: &Language::English.words().actors };

fn actor(kind: &'static str, name: &str, status: ActorStatus, children: Vec<Health>) -> Health {
    Health {
        name: name.to_owned(),
        kind,
        status,
        since: DateTime::from_timestamp(1_800_000_000, 0).unwrap(),
        uptime_seconds: (status == ActorStatus::Running).then_some(61),
        restarts: 0,
        back_at: None,
        mailbox: 0,
        handled: 0,
        last_error: None,
        last_error_at: None,
        probe: None,
        children,
    }
}

fn running(kind: &'static str, name: &str, children: Vec<Health>) -> Health {
    actor(kind, name, ActorStatus::Running, children)
}

#[test]
fn what_is_in_trouble_comes_first_the_worst_before_all() {
    let mut silent = running("session", "silent", vec![]);
    silent.probe = Some(Probed { answered: false, micros: None });
    let sessions = vec![
        running("session", "well", vec![]),
        silent,
        actor("session", "back soon", ActorStatus::Restarting, vec![]),
        actor("session", "left", ActorStatus::Quarantined, vec![]),
    ];
    let tenant = running("tenant", "ada", sessions);
    let drawn = DRAWING().attention(&tenant).into_string();
    let at = |what: &str| drawn.find(what).unwrap_or_else(|| panic!("no {what}: {drawn}"));
    assert!(at("ada/left") < at("ada/back soon") && at("ada/back soon") < at("ada/silent"));
    assert!(!drawn.contains("ada/well") && drawn.contains("3 / 5"), "{drawn}");
    let drawn = DRAWING().tree(&tenant).into_string();
    let at = |what: &str| drawn.find(&format!("at:/ada/{what}")).unwrap();
    assert!(at("left") < at("back soon") && at("back soon") < at("silent") && at("silent") < at("well"), "{drawn}");
    assert!(drawn.contains("<details id=\"open:/ada\">") && drawn.contains("in trouble: 3"), "{drawn}");
}

#[test]
fn a_crowd_is_drawn_in_part_and_the_rest_is_counted() {
    let crowd = |tenant: usize| {
        let sessions = (0..1000).map(|n| running("session", &format!("{tenant}-{n}"), vec![])).collect();
        running("tenant", &format!("tenant {tenant}"), sessions)
    };
    let mut root = running("tenants", "tenants", (0..5).map(crowd).collect());
    root.children[4].children[999].status = ActorStatus::Quarantined;
    let drawn = DRAWING().tree(&root).into_string();
    assert!(drawn.matches("id=\"at:").count() <= DRAWN_MAX, "{}", drawn.len());
    assert!(drawn.contains("at:/tenants/tenant 4/4-999"), "the one in trouble is among them");
    assert!(drawn.contains("which are not drawn: "), "the rest is counted");
    assert!(drawn.len() < 2 * 1024 * 1024, "{}", drawn.len());
}

#[test]
fn what_an_error_says_is_no_markup() {
    let mut actor = running("session", "<b>", vec![]);
    actor.last_error = Some("<script>alert(1)</script>".to_owned());
    let drawn = DRAWING().tree(&actor).into_string();
    assert!(!drawn.contains("<script>") && !drawn.contains("<b>&lt;b>") && drawn.contains("&lt;script&gt;"), "{drawn}");
}

#[test]
fn lengths_are_for_people() {
    for (seconds, text) in [(0, "0 s"), (59, "59 s"), (60, "1 min"), (3661, "1 h 1 min"), (90_000, "1 d 1 h")] {
        assert_eq!(length(seconds), text);
    }
}
