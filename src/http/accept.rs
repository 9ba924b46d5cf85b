//! Which of the forms that an answer can take its caller wants: the `Accept` header, as RFC 9110 reads it.

use warp::http::HeaderMap;
use warp::http::header::ACCEPT;

/// What these headers like best of what is offered.
pub(super) fn liked<T: Copy>(headers: &HeaderMap, offers: &[(&str, T)]) -> Option<T> {
    // A line that is no text names a form that nobody can read.
    let wish: Vec<&str> = headers.get_all(ACCEPT).iter().map(|line| line.to_str().unwrap_or("?")).collect();
    best(&wish, offers)
}

/// The offer that the caller likes best; of two it likes the same, the one offered first. None if it takes none of them.
///
/// Every `Accept` line of the request is given; without one, or with an empty one, everything is welcome.
fn best<T: Copy>(accept: &[&str], offers: &[(&str, T)]) -> Option<T> {
    let ranges: Vec<Range> = accept.iter().flat_map(|line| line.split(',')).filter_map(Range::parse).collect();
    if ranges.is_empty() {
        // What names no form at all is no wish; what names only forms that nobody can read is one that cannot be met.
        return offers.first().filter(|_| accept.iter().all(|line| line.trim().is_empty())).map(|(_, offer)| *offer);
    }
    let mut best: Option<(u16, T)> = None;
    for (form, offer) in offers {
        let weight = weight(&ranges, form);
        if weight > best.map_or(0, |(most, _)| most) {
            best = Some((weight, *offer));
        }
    }
    best.map(|(_, offer)| offer)
}

/// A range of media types and its weight in thousandths.
struct Range {
    kind: String,
    sub: String,
    weight: u16,
}

impl Range {
    fn parse(text: &str) -> Option<Self> {
        let mut parts = text.split(';').map(str::trim);
        let (kind, sub) = parts.next()?.split_once('/')?;
        let q = parts.find_map(|part| {
            let (name, value) = part.split_once('=')?;
            name.trim().eq_ignore_ascii_case("q").then(|| value.trim().parse::<f32>().ok())
        });
        // What is no weight counts as if it had not been said: a stray character must not cost the answer.
        #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "clamped to 0..=1000")]
        let weight = q.flatten().map_or(1000, |q| (q.clamp(0.0, 1.0) * 1000.0).round() as u16);
        Some(Self { kind: kind.trim().to_ascii_lowercase(), sub: sub.trim().to_ascii_lowercase(), weight })
    }

    /// How closely this range names the type: not at all, any, any of its kind, itself.
    fn closeness(&self, kind: &str, sub: &str) -> Option<u8> {
        match (self.kind.as_str(), self.sub.as_str()) {
            ("*", "*") => Some(0),
            (k, "*") if k == kind => Some(1),
            (k, s) if k == kind && s == sub => Some(2),
            _ => None,
        }
    }
}

/// What the closest range says of this type; 0 if none speaks of it.
fn weight(ranges: &[Range], form: &str) -> u16 {
    let (kind, sub) = form.split_once('/').unwrap_or((form, ""));
    let close = ranges.iter().filter_map(|range| Some((range.closeness(kind, sub)?, range.weight)));
    close.max().map_or(0, |(_, weight)| weight)
}

#[cfg(test)]
mod tests {
    use super::*;

    const OFFERS: [(&str, char); 3] = [("image/png", 'p'), ("image/svg+xml", 's'), ("text/plain", 't')];

    #[test]
    fn the_caller_gets_what_it_likes_best() {
        for (accept, want) in [
            ("", Some('p')),
            ("*/*", Some('p')),
            ("image/*", Some('p')),
            ("text/*", Some('t')),
            ("image/svg+xml", Some('s')),
            ("IMAGE/SVG+XML", Some('s')),
            ("text/plain; charset=utf-8", Some('t')),
            ("image/svg+xml, image/png", Some('p')),
            ("image/svg+xml;q=0.9, image/png;q=0.8", Some('s')),
            ("image/svg+xml;q=0.001, text/html", Some('s')),
            ("image/*;q=0.5, text/plain", Some('t')),
            ("image/png;q=0, */*", Some('s')),
            ("image/png;q=0, image/*", Some('s')),
            ("*/*, image/*;q=0", Some('t')),
            // A browser's address line.
            ("text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8", Some('p')),
            ("image/png;q=oops", Some('p')),
            ("text/html", None),
            ("application/json, text/html;q=0.9", None),
            ("*/*;q=0", None),
            ("image/png;q=0", None),
            ("png", None),
            ("/", None),
        ] {
            assert_eq!(best(&[accept], &OFFERS), want, "{accept}");
        }
    }

    #[test]
    fn a_header_may_be_missing_or_come_in_several_lines() {
        assert_eq!(best(&[], &OFFERS), Some('p'));
        assert_eq!(best(&["text/html", "text/plain;q=0.2"], &OFFERS), Some('t'));
    }
}
