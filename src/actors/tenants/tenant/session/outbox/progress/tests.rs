//! Progress under everything that may come between two messages: the order within a chat holds, and nothing goes out twice.

use std::collections::{BTreeMap, BTreeSet};

use proptest::collection::vec;
use proptest::prelude::*;
use uuid::Uuid;

use super::*;

fn phone(chat: u8) -> Phone {
    Phone::from_digits(&format!("2376000000{chat:02}")).unwrap()
}

fn place(chat: u8, seq: i64) -> Place {
    Place { chat: phone(chat), seq, message: MessageId(Uuid::from_u128(seq.unsigned_abs().into())) }
}

fn start() -> Instant {
    crate::clock::instant()
}

/// When a message that has all the time it needs has no more.
fn never() -> Instant {
    start() + Duration::from_hours(24)
}

#[test]
fn a_chat_goes_on_where_it_began_to_wait() {
    let mut progress = Progress::default();
    progress.saw(1);
    progress.wait_for_medium(&place(1, 2), never());
    progress.saw(5);
    assert!(progress.waits(&phone(1)) && !progress.waits(&phone(2)));
    // Somebody else's medium, and then the one that it waits for.
    progress.settle(place(1, 9).message);
    assert_eq!(progress.released(), None);
    progress.settle(place(1, 2).message);
    assert_eq!(progress.released(), Some((phone(1), 2)));
    assert!(progress.waits(&phone(1)), "what comes now stands behind what waits");
    progress.done(&place(1, 2));
    assert_eq!(progress.released(), Some((phone(1), 3)), "a round that was cut short goes on behind it");
    progress.caught_up(true);
    assert!(!progress.waits(&phone(1)) && progress.released().is_none());
    assert_eq!(progress.seen(), 5);
}

#[test]
fn a_medium_that_is_settled_while_a_round_reads_of_it_holds_up_nothing() {
    let mut progress = Progress::default();
    progress.begin();
    progress.settle(place(1, 2).message);
    progress.wait_for_medium(&place(1, 2), never());
    assert_eq!(progress.released(), Some((phone(1), 2)));
    progress.caught_up(true);
    // A later round would have read that it is settled.
    progress.settle(place(1, 7).message);
    progress.begin();
    progress.wait_for_medium(&place(1, 7), never());
    assert_eq!(progress.released(), None);
}

#[test]
fn a_message_has_six_tries_with_growing_pauses_whatever_becomes_of_the_connection() {
    let (mut progress, now) = (Progress::default(), start());
    let mut waits = Vec::new();
    while progress.pause(&place(1, 1), now) {
        waits.push(progress.next_wake().unwrap().duration_since(now).as_secs());
        progress = progress.anew();
        assert!(!progress.waits(&phone(1)), "a new connection starts over");
    }
    assert_eq!(waits, [2, 4, 8, 16, 30]);
    assert!(progress.is_tried_out(place(1, 1).message));
    progress.done(&place(1, 1));
    assert!(!progress.is_tried_out(place(1, 1).message));
}

#[test]
fn a_pause_ends_by_the_clock_and_not_by_a_medium() {
    let (mut progress, now) = (Progress::default(), start());
    assert!(progress.pause(&place(1, 1), now));
    progress.settle(place(1, 1).message);
    progress.wake(now + Duration::from_secs(1));
    assert_eq!(progress.released(), None);
    progress.wake(now + Duration::from_secs(2));
    assert_eq!((progress.released(), progress.next_wake()), (Some((phone(1), 1)), None));
}

#[test]
fn a_message_that_breaks_every_round_is_given_up_and_holds_up_only_its_chat() {
    let (mut progress, mut now) = (Progress::default(), start());
    for _ in 0..TRIES {
        assert!(!progress.is_tried_out(place(1, 1).message));
        progress.trying(Some(place(1, 1)));
        progress.failed(now);
        assert!(progress.waits(&phone(1)) && !progress.waits(&phone(2)));
        now = progress.next_wake().unwrap();
        progress.wake(now);
        assert_eq!(progress.released(), Some((phone(1), 1)));
        progress.caught_up(false);
    }
    assert!(progress.is_tried_out(place(1, 1).message));
}

/// A store and a network in small: what was accepted, and what of it went out.
#[derive(Default)]
struct World {
    /// By seq: the chat, and whether its medium is still to be uploaded.
    accepted: BTreeMap<i64, (u8, bool)>,
    failed: BTreeSet<i64>,
    sent: Vec<i64>,
}

#[derive(Debug, Clone)]
enum Event {
    Accept(u8, bool),
    /// The nth medium that waits is uploaded, or fails.
    Settle(usize, bool),
    /// The network cannot take the next message just now.
    Refuse,
    /// Time passes.
    Later,
    Round,
}

fn event() -> impl Strategy<Value = Event> {
    prop_oneof![
        4 => (0..4_u8, prop::bool::weighted(0.3)).prop_map(|(chat, medium)| Event::Accept(chat, medium)),
        3 => (0..8_usize, any::<bool>()).prop_map(|(nth, fails)| Event::Settle(nth, fails)),
        1 => Just(Event::Refuse),
        1 => Just(Event::Later),
        3 => Just(Event::Round),
    ]
}

impl World {
    /// What is due after a seq, a few at a time, as the store gives it.
    fn due(&self, after: i64, until: i64, chat: Option<u8>) -> Vec<(i64, u8, bool)> {
        let found = self
            .accepted
            .range(after.saturating_add(1)..)
            .filter(|(seq, _)| **seq <= until && !self.failed.contains(seq));
        found
            .filter(|(_, (of, _))| chat.is_none_or(|chat| chat == *of))
            .map(|(seq, (of, medium))| (*seq, *of, *medium))
            .take(3)
            .collect()
    }

    fn settle(&mut self, progress: &mut Progress, nth: usize, fails: bool) {
        let waiting: Vec<i64> = self
            .accepted
            .iter()
            .filter(|(seq, (_, medium))| *medium && !self.failed.contains(seq))
            .map(|(seq, _)| *seq)
            .collect();
        let Some(seq) = waiting.get(nth).copied() else { return };
        if fails {
            self.failed.insert(seq);
        } else if let Some((_, medium)) = self.accepted.get_mut(&seq) {
            *medium = false;
        }
        progress.settle(place(0, seq).message);
    }

    /// Sends one message; false if its chat has to wait.
    fn send(
        &mut self,
        progress: &mut Progress,
        (seq, chat, medium): (i64, u8, bool),
        refused: &mut u32,
        now: Instant,
    ) -> bool {
        let place = place(chat, seq);
        if medium {
            progress.wait_for_medium(&place, never());
            return false;
        }
        if *refused > 0 {
            *refused -= 1;
            if progress.pause(&place, now) {
                return false;
            }
            self.failed.insert(seq);
        } else {
            self.sent.push(seq);
        }
        progress.done(&place);
        true
    }

    /// A round as `Round` makes it. What happens meanwhile happens between what it reads and what it sends.
    fn round(&mut self, progress: &mut Progress, refused: &mut u32, now: Instant, mut meanwhile: Vec<(usize, bool)>) {
        progress.begin();
        loop {
            while let Some((chat, from)) = progress.released() {
                let number: u8 = chat.digits()[10..].parse().unwrap();
                let (until, mut after, mut all) = (progress.seen(), from - 1, true);
                'chat: loop {
                    let due = self.due(after, until, Some(number));
                    let Some(last) = due.last() else { break };
                    after = last.0;
                    for message in due {
                        if !self.send(progress, message, refused, now) {
                            all = false;
                            break 'chat;
                        }
                    }
                }
                progress.caught_up(all);
            }
            let due = self.due(progress.seen(), i64::MAX, None);
            if due.is_empty() {
                return;
            }
            for message in due {
                if let Some((nth, fails)) = meanwhile.pop() {
                    self.settle(progress, nth, fails);
                }
                // What failed since it was read is sent all the same, or not: the store decides when it hears of it.
                if !progress.waits(&phone(message.1)) && !self.failed.contains(&message.0) {
                    self.send(progress, message, refused, now);
                }
                progress.saw(message.0);
            }
        }
    }
}

proptest! {
    #[test]
    fn each_chat_goes_out_in_order_and_all_of_it_once(events in vec(event(), 0..120), meanwhile in vec((0..4_usize, any::<bool>()), 0..20)) {
        let (mut progress, mut world, mut now) = (Progress::default(), World::default(), start());
        let (mut seq, mut refused, mut meanwhile) = (0, 0, meanwhile);
        for event in events {
            match event {
                Event::Accept(chat, medium) => {
                    seq += 1;
                    world.accepted.insert(seq, (chat, medium));
                }
                Event::Settle(nth, fails) => world.settle(&mut progress, nth, fails),
                Event::Refuse => refused += 1,
                Event::Later => {
                    now += Duration::from_secs(10);
                    progress.wake(now);
                }
                Event::Round => {
                    let between = meanwhile.split_off(meanwhile.len().saturating_sub(2));
                    world.round(&mut progress, &mut refused, now, between);
                }
            }
        }
        // In the end every medium is uploaded, and every pause is over.
        for _ in 0..200 {
            world.settle(&mut progress, 0, false);
            now += Duration::from_mins(1);
            progress.wake(now);
            world.round(&mut progress, &mut refused, now, Vec::new());
        }
        let mut latest: BTreeMap<u8, i64> = BTreeMap::new();
        for seq in &world.sent {
            let chat = world.accepted[seq].0;
            prop_assert!(latest.insert(chat, *seq).is_none_or(|before| before < *seq), "{:?}", world.sent);
        }
        let all: BTreeSet<i64> = world.accepted.keys().copied().filter(|seq| !world.failed.contains(seq)).collect();
        prop_assert_eq!(world.sent.iter().copied().collect::<BTreeSet<_>>(), all);
        prop_assert!(progress.waiting.is_empty() && progress.released.is_empty());
    }
}
