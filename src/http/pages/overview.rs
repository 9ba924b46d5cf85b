//! The first room of the dashboard: how everything stands.

use maud::html;

use super::super::call::Answered;
use super::frame::Room;
use super::visit::Visit;

#[allow(clippy::unused_async, reason = "a route's handler")]
pub(in crate::http) async fn show(visit: Visit) -> Answered {
    let words = visit.words().rooms;
    let body = html! { h1 { (words.overview) } };
    visit.page(Room::Overview, words.overview, &body)
}
