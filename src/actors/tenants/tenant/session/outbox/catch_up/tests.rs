//! What is sent again arrives, whatever breaks on the way, each chat in its order.

use std::collections::HashSet;

use proptest::collection::vec;
use proptest::prelude::*;

use super::*;

fn chat(seq: i64) -> Phone {
    Phone::from_digits(&format!("23760000000{}", seq % 3)).unwrap()
}

fn up_to(end: i64) -> CatchUp {
    let mut catch_up = CatchUp::default();
    assert_eq!(catch_up.next(), None, "nobody knows yet what was sent before");
    ask(&mut catch_up, end);
    catch_up
}

/// The store's answer, where every place up to `end` holds a message of a chat.
fn ask(catch_up: &mut CatchUp, end: i64) {
    if let Some((after, until)) = catch_up.to_ask() {
        catch_up.asked((after + 1..=until.unwrap_or(end)).map(|seq| (chat(seq), seq)).collect());
    }
}

/// What became of one step of the walk, or of a chat.
#[derive(PartialEq)]
enum Step {
    Put(i64),
    /// Passed over, or found that there is no more.
    Nothing,
    Over,
}

impl Step {
    fn put(self) -> Option<i64> {
        if let Self::Put(seq) = self { Some(seq) } else { None }
    }
}

fn step(catch_up: &mut CatchUp, within: Option<&Phone>) -> Step {
    let Some((after, until)) = within.map_or_else(|| catch_up.next(), |chat| catch_up.next_in(chat)) else {
        return Step::Over;
    };
    let next = (after + 1..=until).find(|seq| within.is_none_or(|within| chat(*seq) == *within));
    match (next, within) {
        (None, None) => catch_up.end(),
        (None, Some(chat)) => catch_up.end_in(chat),
        (Some(seq), _) if catch_up.is_left(&chat(seq), seq) => {
            catch_up.putting(&seq.to_string(), seq, within);
            catch_up.put(&seq.to_string(), seq, within, true);
            return Step::Put(seq);
        }
        (Some(seq), None) => catch_up.passed(seq),
        (Some(seq), Some(chat)) => catch_up.passed_in(chat, seq),
    }
    Step::Nothing
}

fn all_of(catch_up: &mut CatchUp, within: Option<&Phone>) -> Vec<i64> {
    let steps = std::iter::from_fn(|| Some(step(catch_up, within)).filter(|step| *step != Step::Over));
    steps.filter_map(Step::put).collect()
}

fn walk(catch_up: &mut CatchUp) -> Vec<i64> {
    all_of(catch_up, None)
}

fn walk_in(catch_up: &mut CatchUp, chat: &Phone) -> Vec<i64> {
    all_of(catch_up, Some(chat))
}

#[test]
fn a_connection_that_breaks_in_the_middle_costs_only_what_was_not_answered() {
    let mut catch_up = up_to(7);
    (1..=5).for_each(|_| assert!(step(&mut catch_up, None).put().is_some()));
    catch_up.answered("3");
    catch_up.answered("1");
    catch_up = catch_up.anew();
    ask(&mut catch_up, 9);
    assert_eq!(walk(&mut catch_up), [4, 5, 6, 7], "what was sent since is none of its business");
    catch_up.answered("6");
    catch_up = catch_up.anew();
    ask(&mut catch_up, 9);
    assert_eq!(walk(&mut catch_up), [7]);
    catch_up.answered("7");
    catch_up = catch_up.anew();
    assert_eq!((catch_up.to_ask(), catch_up.next()), (None, None), "over for good");
}

#[test]
fn what_cannot_be_sent_is_waited_for_by_nobody() {
    let mut catch_up = up_to(2);
    step(&mut catch_up, None);
    catch_up.putting("2", 2, None);
    catch_up.put("2", 2, None, false);
    assert!(walk(&mut catch_up).is_empty());
    catch_up.answered("1");
    catch_up = catch_up.anew();
    assert_eq!((catch_up.to_ask(), catch_up.next()), (None, None));
}

#[test]
fn a_chat_with_something_new_goes_ahead_and_is_passed_over_by_the_walk() {
    let mut catch_up = up_to(8);
    step(&mut catch_up, None);
    assert_eq!(walk_in(&mut catch_up, &chat(4)), [4, 7], "1 went with the walk");
    assert!(walk_in(&mut catch_up, &chat(4)).is_empty(), "once");
    assert_eq!(walk(&mut catch_up), [2, 3, 5, 6, 8]);
}

#[test]
fn what_went_ahead_and_was_not_answered_goes_again() {
    let mut catch_up = up_to(6);
    assert_eq!(walk_in(&mut catch_up, &chat(1)), [1, 4]);
    assert_eq!(walk(&mut catch_up), [2, 3, 5, 6]);
    catch_up.answered("1");
    catch_up = catch_up.anew();
    ask(&mut catch_up, 6);
    assert_eq!(walk(&mut catch_up), [1, 2, 3, 4, 5, 6]);
    catch_up.answered("6");
    catch_up = catch_up.anew();
    assert_eq!(catch_up.next(), None);
}

#[test]
fn what_was_sent_for_the_first_time_in_this_life_is_no_repeat() {
    let mut catch_up = up_to(5);
    catch_up.sent_anew(2);
    catch_up.sent_anew(6);
    assert_eq!(walk(&mut catch_up), [1, 3, 4, 5]);
}

#[test]
fn new_messages_without_an_end_do_not_keep_repeats_from_going() {
    let mut catch_up = up_to(40);
    let (mut new, mut again) = (0, 0);
    while again < 20 {
        if let Some(owed) = catch_up.owed() {
            (0..owed).for_each(|_| again += u64::from(step(&mut catch_up, None).put().is_some()));
        } else {
            new += 1;
            catch_up.sent_anew(100 + new);
        }
    }
    assert!(new <= 20 * 3 + 8, "{new} new ones went before 20 repeats");
    walk(&mut catch_up);
    (0..20).for_each(|seq| catch_up.sent_anew(200 + seq));
    assert_eq!(catch_up.owed(), None, "nothing is owed when it is over");
}

proptest! {
    /// Connections on which any steps are taken, by the walk or in a chat, of which any number arrived, and of those any were answered.
    #[test]
    fn in_the_end_everything_has_arrived_and_every_connection_keeps_the_order_of_each_chat(
        breaks in vec((vec(0i64..6, 0..9), 0usize..9, 0usize..9), 0..20),
        all in 0i64..20,
    ) {
        let mut catch_up = up_to(all);
        let mut arrived = HashSet::new();
        for (steps, reach, answer) in breaks {
            ask(&mut catch_up, all);
            let taken = steps.into_iter().filter_map(|at| {
                let within = chat(at);
                step(&mut catch_up, (at < 3).then_some(&within)).put()
            });
            let on_it: Vec<i64> = taken.collect();
            for (n, seq) in on_it.iter().enumerate() {
                prop_assert!(on_it[..n].iter().all(|before| chat(*before) != chat(*seq) || before < seq), "{on_it:?}");
            }
            for (n, seq) in on_it.iter().enumerate().take(reach) {
                arrived.insert(*seq);
                if n < answer {
                    catch_up.answered(&seq.to_string());
                }
            }
            catch_up = catch_up.anew();
        }
        ask(&mut catch_up, all);
        arrived.extend(walk(&mut catch_up));
        prop_assert_eq!(arrived.len(), usize::try_from(all).unwrap());
    }
}
