//! The first room of the dashboard: the day's messages, the sessions, how the newest messages stand, and the last thirty days.

use chrono::NaiveDate;
use maud::{Markup, html};

use super::super::call::Answered;
use super::frame::Room;
use super::sessions::{is_logged_out, status_tag};
use super::visit::Visit;
use super::words::{Overview, Words, plan};
use crate::actors::Figures;
use crate::domain::message::{Direction, Status};
use crate::domain::quota::Usage;
use crate::domain::session::{Session, Status as Standing};

pub(in crate::http) async fn show(visit: Visit) -> Answered {
    let words = visit.words().overview;
    let system = visit.system();
    let usage = system.usage(&visit.access).await?;
    let sessions = system.sessions(&visit.access).await?;
    let figures = system.figures(&visit.access).await?;
    let linked = sessions.iter().any(|session| session.status == Standing::Connected);
    let body = html! {
        h1 { (words.title) }
        @if !linked {
            section.card.begin {
                div { h2 { (words.begin) } p.muted { (words.begin_why) } }
                a.button.first href="/dashboard/start" { (words.first_steps) }
            }
        }
        div.cards id="figures" data-live="5000" {
            (today(words, &visit, usage))
            (standing_sessions(visit.words(), &visit, &sessions))
            (standing_messages(visit.words(), &figures))
        }
        (chart(words, &figures.days))
    };
    visit.page(Room::Overview, words.title, &body)
}

fn today(words: &Overview, visit: &Visit, usage: Usage) -> Markup {
    let hours = usage.reset_seconds / 3600;
    html! {
        section.card.figure {
            h2 { (words.today) }
            p.big.num { (usage.used) span { " / " (usage.limit) } }
            progress max=(usage.limit.max(1)) value=(usage.used) aria-label=(words.today) {}
            p.muted.small { (words.plan) " " strong { (plan(&visit.access.plan.name)) } " · " (words.resets_in) " "
                @if hours > 0 { (hours) " h" } @else { (usage.reset_seconds / 60) " min" } }
        }
    }
}

fn standing_sessions(words: &Words, visit: &Visit, sessions: &[Session]) -> Markup {
    let is_out = |session: &Session| is_logged_out(session.status, session.error_code.as_deref());
    let out = sessions.iter().filter(|session| is_out(session)).count();
    let connected = sessions.iter().filter(|session| session.status == Standing::Connected).count();
    html! {
        section.card.figure {
            h2 { a href="/dashboard/sessions" { (words.overview.sessions) } }
            p.big.num { (connected) span { " / " (sessions.len()) } }
            ul.tally {
                @for status in Standing::ALL {
                    @let n = sessions.iter().filter(|session| session.status == status && !is_out(session)).count();
                    @if n > 0 { li { (status_tag(words.sessions, status)) span.num { (n) } } }
                }
                @if out > 0 { li { span.tag { (words.sessions.logged_out) } span.num { (out) } } }
            }
            @if let Some(most) = visit.access.plan.sessions {
                p.muted.small { (words.overview.at_most) " " (most) }
            }
        }
    }
}

fn standing_messages(words: &Words, figures: &Figures) -> Markup {
    let count = |direction, status| {
        let same = |(d, s, _): &&(Direction, Status, u64)| *d == direction && *s == status;
        figures.standing.iter().filter(same).map(|(_, _, n)| n).sum::<u64>()
    };
    let received: u64 = Status::ALL.into_iter().map(|status| count(Direction::Inbound, status)).sum();
    html! {
        section.card.figure {
            h2 { (words.overview.day) }
            ul.tally.many {
                @for (status, name) in Status::ALL.into_iter().zip(words.overview.statuses) {
                    @let class = match status { Status::Failed => "tag bad", Status::Pending => "tag warn", _ => "tag ok" };
                    li { span class=(class) { (name) } span.num { (count(Direction::Outbound, status)) } }
                }
                li { span.tag { (words.overview.received) } span.num { (received) } }
            }
            @if figures.is_cut() { p.muted.small { (words.overview.newest) } }
        }
    }
}

/// The last days as bars, and as a table for whoever would rather read.
fn chart(words: &Overview, days: &[(NaiveDate, u64)]) -> Markup {
    const WIDE: usize = 20;
    const HIGH: u64 = 120;
    let most = days.iter().map(|(_, n)| *n).max().unwrap_or(0).max(1);
    let total: u64 = days.iter().map(|(_, n)| n).sum();
    html! {
        section.card.chart {
            h2 { (words.month) }
            @if total == 0 { p.muted.small { (words.nothing) } }
            @else { p.muted.small { (total) " " (words.accepted[usize::from(total != 1)]) ", " (words.at_most_a_day) " " (most) } }
            svg viewBox=(format!("0 0 {} {}", days.len() * WIDE, HIGH + 4)) role="img" aria-label=(format!("{}: {total}", words.month))
                preserveAspectRatio="none" {
                line class="base" x1="0" x2=(days.len() * WIDE) y1=(HIGH + 2) y2=(HIGH + 2) {}
                @for (n, (day, count)) in days.iter().enumerate() {
                    @let high = if *count == 0 { 0 } else { (count * HIGH / most).max(2) };
                    g {
                        title { (day) ": " (count) }
                        rect class="whole" x=(n * WIDE) y="0" width=(WIDE) height=(HIGH + 2) {}
                        rect class="bar-of" x=(n * WIDE + 3) y=(HIGH + 2 - high) width=(WIDE - 6) height=(high) rx="2" {}
                    }
                }
            }
            p.ends.small.muted {
                @if let (Some((first, _)), Some((last, _))) = (days.first(), days.last()) { span { (first) } span { (last) } }
            }
            details {
                summary { (words.as_table) }
                div.wide {
                    table {
                        thead { tr { th { (words.date) } th { (words.accepted_title) } } }
                        tbody { @for (day, count) in days.iter().rev() { tr { td { (day) } td.num { (count) } } } }
                    }
                }
            }
        }
    }
}
