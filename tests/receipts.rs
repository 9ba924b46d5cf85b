//! Receipts as networks bring them: late, twice, out of order, many in one, from several devices. A status only moves forward.

use std::collections::HashMap;

use serde_json::{Value, json};

use crate::ground::app::{App, Caller, until};
use crate::ground::{Ground, on_both_databases};

on_both_databases![
    whatever_the_network_does_to_receipts_a_status_only_moves_forward,
    a_reader_with_several_devices_reads_once,
    a_receipt_under_a_lid_is_matched_all_the_same,
];

const ALICE: &str = "+237600000001";
const BOB: &str = "+237611111111";
const STEPS: [&str; 4] = ["pending", "sent", "delivered", "read"];

async fn inject(caller: &Caller, fault: Value) {
    caller.post("/sandbox/faults", fault).await.expect(201);
}

/// Looks at all messages until so many have come so far, and sees none of them go back.
async fn come_to(caller: &Caller, seen: &mut HashMap<String, usize>, count: usize, status: &str) {
    let wanted = STEPS.iter().position(|step| *step == status).unwrap();
    let looking = async {
        loop {
            let page = caller.get("/messages?limit=100&direction=outbound").await.expect(200);
            for message in page["messages"].as_array().unwrap() {
                let step = STEPS.iter().position(|step| message["status"] == *step).expect("none failed");
                let before = seen.insert(message["id"].as_str().unwrap().to_owned(), step).unwrap_or(0);
                assert!(before <= step, "it went back: {message}");
                // What is delivered was sent, whichever of the two was heard of first.
                let times = ["sentAt", "deliveredAt", "readAt"].map(|time| !message[time].is_null());
                assert_eq!(times, [step > 0, step > 1, step > 2], "{message}");
            }
            if seen.values().filter(|step| **step >= wanted).count() >= count {
                return;
            }
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(std::time::Duration::from_secs(40), looking).await.expect(status);
}

async fn whatever_the_network_does_to_receipts_a_status_only_moves_forward(on: Ground) {
    let app = App::start_on(on).await;
    app.caller.link("one", ALICE).await;
    // Acks come late and some not at all, receipts twice and out of order.
    inject(&app.caller, json!({ "fault": "delay_acks", "seconds": 1, "probability": 0.5 })).await;
    inject(&app.caller, json!({ "fault": "lose_acks", "probability": 0.3 })).await;
    inject(&app.caller, json!({ "fault": "repeat_stanzas", "probability": 0.5 })).await;
    inject(&app.caller, json!({ "fault": "reorder_stanzas", "probability": 0.5 })).await;
    for n in 0..24 {
        app.caller.text(BOB, &format!("text {n}")).await;
    }
    let mut seen = HashMap::new();
    come_to(&app.caller, &mut seen, 24, "delivered").await;
    // One receipt for all of them.
    let chat = json!({ "chat": ALICE });
    assert_eq!(app.caller.post(&format!("/sandbox/phones/{BOB}/read"), chat).await.status, 204);
    come_to(&app.caller, &mut seen, 24, "read").await;
    // What comes once more, over another connection, changes nothing.
    app.caller.delete("/sandbox/faults").await.expect(204);
    inject(&app.caller, json!({ "fault": "drop_connection" })).await;
    app.caller.until_count("status=read", 24).await;
    let app = app.restart().await;
    come_to(&app.caller, &mut seen, 24, "read").await;
    let shown = app.caller.screen(BOB).await;
    assert_eq!(shown, (0..24).map(|n| format!("text {n}")).collect::<Vec<_>>());
    app.stop().await;
}

/// Each device of the recipient says for itself that it has a message, under the address that it was sent to.
async fn a_reader_with_several_devices_reads_once(on: Ground) {
    let app = App::start_on(on).await;
    app.caller.link("one", ALICE).await;
    let bobs = app.tenant("bob@example.com", "pro").await;
    bobs.link("office", BOB).await;
    bobs.link("home", BOB).await;
    for n in 0..8 {
        app.caller.text(BOB, &format!("text {n}")).await;
    }
    let mut seen = HashMap::new();
    come_to(&app.caller, &mut seen, 8, "delivered").await;
    assert_eq!(app.caller.post(&format!("/sandbox/phones/{BOB}/read"), json!({ "chat": ALICE })).await.status, 204);
    come_to(&app.caller, &mut seen, 8, "read").await;
    // Bob's other devices come back and say so again.
    inject(&bobs, json!({ "fault": "drop_connection" })).await;
    bobs.until_count("direction=inbound", 16).await;
    come_to(&app.caller, &mut seen, 8, "read").await;
    app.stop().await;
}

/// Bob's number was written to, and the first that anybody hears of it is that a LID has read it, which stands for him: people read
/// under theirs, whichever address was written to.
async fn a_receipt_under_a_lid_is_matched_all_the_same(on: Ground) {
    let app = App::start_on(on).await;
    app.caller.link("one", ALICE).await;
    inject(&app.caller, json!({ "fault": "lose_receipts" })).await;
    for n in 0..4 {
        app.caller.text(BOB, &format!("text {n}")).await;
    }
    let mut seen = HashMap::new();
    come_to(&app.caller, &mut seen, 4, "sent").await;
    until("all are shown", async || app.caller.screen(BOB).await.len() == 4).await;
    app.caller.delete("/sandbox/faults").await.expect(204);
    app.caller.until_count("status=sent", 4).await;
    assert_eq!(app.caller.post(&format!("/sandbox/phones/{BOB}/read"), json!({ "chat": ALICE })).await.status, 204);
    come_to(&app.caller, &mut seen, 4, "read").await;
    app.stop().await;
}
