//! Actors as they are drawn: those that need attention in a list, all of them as a tree in which each tenant can be opened.

use maud::{Markup, html};

use super::super::words::Actors;
use super::clock;
use crate::actors::Health;
use crate::domain::health::ActorStatus;

/// How many actors are drawn, and how many of those that need attention: what is left out is counted, and is all there as JSON.
const DRAWN_MAX: usize = 2000;
const ATTENTION_MAX: usize = 100;

/// How an actor is for whoever looks at it: the worst comes first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(in crate::http::pages) enum State {
    Quarantined,
    Restarting,
    Silent,
    Stopped,
    Running,
}

impl State {
    pub(in crate::http::pages) fn of(actor: &Health) -> Self {
        let silent = actor.probe.is_some_and(|probe| !probe.answered);
        match actor.status {
            ActorStatus::Quarantined => Self::Quarantined,
            ActorStatus::Restarting => Self::Restarting,
            ActorStatus::Stopped => Self::Stopped,
            ActorStatus::Running if silent => Self::Silent,
            ActorStatus::Running => Self::Running,
        }
    }

    /// The worst in this part of the tree.
    fn worst(actor: &Health) -> Self {
        actor.children.iter().map(Self::worst).fold(Self::of(actor), Ord::min)
    }

    /// A class, a sign, and a word.
    pub(in crate::http::pages) const fn shown(self, words: &Actors) -> (&'static str, &'static str, &'static str) {
        let [quarantined, restarting, silent, stopped, running] = words.states;
        match self {
            Self::Quarantined => ("quarantined", "■", quarantined),
            Self::Restarting => ("restarting", "↻", restarting),
            Self::Silent => ("silent", "?", silent),
            Self::Stopped => ("stopped", "○", stopped),
            Self::Running => ("running", "●", running),
        }
    }

    const fn needs_attention(self) -> bool {
        matches!(self, Self::Quarantined | Self::Restarting | Self::Silent)
    }
}

/// Every actor, from the root down, with its place in the tree.
fn walk<'a>(actor: &'a Health, above: &str, found: &mut Vec<(String, &'a Health)>) {
    let place = if above.is_empty() { actor.name.clone() } else { format!("{above}/{}", actor.name) };
    found.push((place.clone(), actor));
    actor.children.iter().for_each(|child| walk(child, &place, found));
}

/// Draws in a language.
pub(in crate::http::pages) struct Drawing {
    pub(in crate::http::pages) words: &'static Actors,
}

impl Drawing {
    /// What needs attention, the worst first; or that nothing does.
    pub(in crate::http::pages) fn attention(&self, root: &Health) -> Markup {
        let words = self.words;
        let mut all = Vec::new();
        walk(root, "", &mut all);
        let count = all.len();
        all.retain(|(_, actor)| State::of(actor).needs_attention());
        all.sort_by_key(|(_, actor)| State::of(actor));
        let rest = all.len().saturating_sub(ATTENTION_MAX);
        html! {
            section id="attention" aria-labelledby="attention-title" {
                h2 id="attention-title" { (words.attention) }
                p role="status" {
                    @if all.is_empty() { (words.all_well) " " (count) }
                    @else { (words.need_it) " " (all.len()) " / " (count) }
                }
                ul {
                    @for (place, actor) in all.iter().take(ATTENTION_MAX) {
                        li id={ "needs:" (place) } { (self.row(actor)) p.place { (place) } }
                    }
                }
                @if rest > 0 { p { (words.more) " " (rest) } }
            }
        }
    }

    pub(in crate::http::pages) fn tree(&self, root: &Health) -> Markup {
        let mut left = DRAWN_MAX;
        html! {
            section id="tree" aria-labelledby="tree-title" {
                h2 id="tree-title" { (self.words.tree) }
                ul { (self.branch(root, "", &mut left)) }
            }
        }
    }

    /// An actor and those under it, for as long as there is room.
    fn branch(&self, actor: &Health, above: &str, left: &mut usize) -> Markup {
        *left = left.saturating_sub(1);
        let place = format!("{above}/{}", actor.name);
        html! {
            li id={ "at:" (place) } {
                @if let Some(inside) = self.inside(actor) {
                    details id={ "open:" (place) } {
                        summary { (self.row(actor)) (self.sum(inside, actor)) }
                        (self.below(actor, &place, left))
                    }
                } @else {
                    (self.row(actor))
                    (self.below(actor, &place, left))
                }
            }
        }
    }

    fn below(&self, actor: &Health, place: &str, left: &mut usize) -> Markup {
        let mut children: Vec<&Health> = actor.children.iter().collect();
        children.sort_by_key(|child| State::worst(child));
        let mut drawn = Vec::new();
        for child in &children {
            if *left == 0 {
                break;
            }
            drawn.push(self.branch(child, place, left));
        }
        let rest = children.len() - drawn.len();
        html! {
            @if !children.is_empty() {
                ul {
                    @for child in &drawn { (child) }
                    @if rest > 0 { li.rest { (self.words.more) " " (rest) } }
                }
            }
        }
    }

    /// What those are of whom an actor has so many that it is drawn closed.
    fn inside(&self, actor: &Health) -> Option<&'static str> {
        match actor.kind {
            "tenant" => Some(self.words.sessions),
            "media" => Some(self.words.workers),
            _ => None,
        }
    }

    /// What a closed actor has inside.
    fn sum(&self, inside: &str, actor: &Health) -> Markup {
        let troubled = actor.children.iter().filter(|session| State::worst(session).needs_attention()).count();
        html! {
            span.sum {
                (inside) (self.words.colon) (actor.children.len())
                @if troubled > 0 { ", " strong { (self.words.in_trouble) (self.words.colon) (troubled) } }
            }
        }
    }

    /// One actor's figures.
    fn row(&self, actor: &Health) -> Markup {
        let words = self.words;
        let (class, sign, word) = State::of(actor).shown(words);
        html! {
            span.row {
                span class={ "state " (class) } { span aria-hidden="true" { (sign) } " " (word) }
                span.who {
                    b { (actor.kind) }
                    @if actor.name != actor.kind { " " code { (actor.name) } }
                }
                span.figures {
                    @match actor.uptime_seconds {
                        Some(seconds) => span { (length(seconds)) },
                        None => span { (words.since) " " (clock(&actor.since)) },
                    }
                    @if let Some(back) = &actor.back_at { span { (words.back_at) " " (clock(back)) } }
                    (figure(words, words.waiting, actor.mailbox as u64))
                    (figure(words, words.handled, actor.handled))
                    @if actor.restarts > 0 { (figure(words, words.restarts, actor.restarts.into())) }
                    @if let Some(micros) = actor.probe.and_then(|probe| probe.micros) {
                        span { (words.answered_in) " " (micros) " µs" }
                    }
                }
                @if let Some(error) = &actor.last_error {
                    span.error {
                        (words.last_error) @if let Some(at) = &actor.last_error_at { ", " (clock(at)) } (words.colon) span lang="en" { (error) }
                    }
                }
            }
        }
    }
}

fn figure(words: &Actors, name: &str, figure: u64) -> Markup {
    html! { span { (name) (words.colon) (figure) } }
}

/// A length of time, as it is written in both languages.
fn length(seconds: u64) -> String {
    match seconds {
        0..60 => format!("{seconds} s"),
        60..3600 => format!("{} min", seconds / 60),
        3600..86400 => format!("{} h {} min", seconds / 3600, seconds % 3600 / 60),
        _ => format!("{} d {} h", seconds / 86400, seconds % 86400 / 3600),
    }
}

#[cfg(test)]
mod tests;
