//! All actors at a glance: a mark each, whose shape and colour say how the actor is, and whose size says how much waits in its mailbox.

use maud::{Markup, html};

use super::super::actors::Standing;
use super::super::look::Look;
use crate::actors::Health;

/// How many are drawn: the page stays small. The worst come first.
const DRAWN: usize = 400;
/// In units of the picture.
const CELL: usize = 28;
const ACROSS: usize = 30;

/// Every actor, from the root down.
fn walk<'a>(actor: &'a Health, found: &mut Vec<&'a Health>) {
    found.push(actor);
    actor.children.iter().for_each(|child| walk(child, found));
}

pub(super) fn map(look: &Look, root: &Health) -> Markup {
    let (words, states) = (look.words().operator, &look.words().actors);
    let mut all = Vec::new();
    walk(root, &mut all);
    let count = all.len();
    // The sort is stable: within a state the tree's order stays.
    all.sort_by_key(|actor| Standing::of(actor));
    all.truncate(DRAWN);
    let down = all.len().div_ceil(ACROSS).max(1);
    let across = all.len().clamp(1, ACROSS);
    html! {
        section id="map" aria-labelledby="map-title" {
            h2 id="map-title" { (words.map) }
            p { (count) " " (words.map_about) }
            svg.map viewBox=(format!("0 0 {} {}", across * CELL, down * CELL)) width=(across * CELL) height=(down * CELL) role="img"
                aria-labelledby="map-title" {
                @for (n, actor) in all.iter().enumerate() {
                    @let standing = Standing::of(actor);
                    @let (class, _, word) = standing.shown(states);
                    g class=(class) transform=(format!("translate({} {})", (n % ACROSS) * CELL + CELL / 2, (n / ACROSS) * CELL + CELL / 2)) {
                        title { (actor.kind) " " (actor.name) (states.colon) (word) ", " (states.waiting) " " (actor.mailbox) }
                        (mark(standing, size(actor.mailbox)))
                    }
                }
            }
        }
    }
}

/// From 4, for an empty mailbox, to 13: it grows with the length of the number, as mailboxes differ a thousandfold.
fn size(mailbox: usize) -> u32 {
    (4 + 2 * (usize::BITS - mailbox.leading_zeros()) / 2).min(13)
}

/// A shape for each state, so that no colour is needed to tell them apart.
fn mark(standing: Standing, size: u32) -> Markup {
    html! {
        @match standing {
            Standing::Running => circle r=(size) {},
            Standing::Stopped => circle.hollow r=(size) {},
            Standing::Quarantined => rect x=(-i64::from(size)) y=(-i64::from(size)) width=(2 * size) height=(2 * size) {},
            Standing::Restarting => path d=(format!("M0 -{size} {size} {size} -{size} {size}Z")) {},
            Standing::Silent => path d=(format!("M0 -{size} {size} 0 0 {size} -{size} 0Z")) {},
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marks_grow_with_what_waits_and_stay_in_their_cells() {
        let sizes: Vec<u32> = [0, 1, 10, 100, 1000, 1_000_000].into_iter().map(size).collect();
        assert!(sizes.is_sorted() && sizes[0] < sizes[2] && sizes[2] < sizes[3], "{sizes:?}");
        assert!(sizes.iter().all(|size| *size as usize * 2 <= CELL), "{sizes:?}");
    }
}
