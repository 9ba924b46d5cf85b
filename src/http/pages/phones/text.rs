//! Texts as messengers show them: `*bold*`, `_italic_`, `~struck~` and `` `code` ``, and a few emoji alone in large.

use maud::{Markup, PreEscaped, html};

/// What a mark makes of the words between two of it. Three back-ticks come before one.
const MARKS: [(&str, &str); 5] = [("```", "code"), ("*", "strong"), ("_", "em"), ("~", "s"), ("`", "code")];

/// Marks within marks.
const DEEP: usize = 4;

/// A text with its marks.
pub(super) fn formatted(text: &str) -> Markup {
    PreEscaped(within(text, DEEP))
}

fn within(text: &str, deep: usize) -> String {
    let mut html = String::with_capacity(text.len() + 16);
    let mut plain = 0;
    let mut at = 0;
    while at < text.len() {
        if let Some((tag, inner, after)) = marked(text, at).filter(|_| deep > 0) {
            html.push_str(&escaped(&text[plain..at]));
            let inside = if tag == "code" { escaped(inner) } else { within(inner, deep - 1) };
            html.extend(["<", tag, ">", &inside, "</", tag, ">"]);
            (at, plain) = (after, after);
        } else {
            at += text[at..].chars().next().map_or(1, char::len_utf8);
        }
    }
    html.push_str(&escaped(&text[plain..]));
    html
}

fn escaped(text: &str) -> String {
    html! { (text) }.0
}

/// What stands between two marks from here on, with the tag that they stand for and where it ends.
fn marked(text: &str, at: usize) -> Option<(&'static str, &str, usize)> {
    let (mark, tag) = MARKS.into_iter().find(|(mark, _)| text[at..].starts_with(mark))?;
    let word = |c: Option<char>| c.is_some_and(char::is_alphanumeric);
    let space = |c: Option<char>| c.is_none_or(char::is_whitespace);
    let begin = at + mark.len();
    if word(text[..at].chars().next_back()) || space(text[begin..].chars().next()) {
        return None;
    }
    let line = if mark == "```" { &text[begin..] } else { text[begin..].lines().next()? };
    let end = line.match_indices(mark).map(|(end, _)| end).find(|&end| {
        end > 0 && !space(line[..end].chars().next_back()) && !word(line[end + mark.len()..].chars().next())
    })?;
    Some((tag, &line[..end], begin + end + mark.len()))
}

/// One to three emoji and nothing else.
pub(super) fn is_emoji(text: &str) -> bool {
    let joins = |c: char| matches!(c, '\u{200d}' | '\u{fe0f}' | '\u{1f3fb}'..='\u{1f3ff}');
    let emoji = |c: char| matches!(c, '\u{2600}'..='\u{27bf}' | '\u{1f300}'..='\u{1faff}' | '\u{1f1e6}'..='\u{1f1ff}');
    let mut count = 0;
    let mut joined = false;
    for c in text.trim().chars() {
        if !joins(c) && !emoji(c) {
            return false;
        }
        if emoji(c) && !joins(c) && !joined {
            count += 1;
        }
        joined = c == '\u{200d}';
    }
    // A flag is two of them.
    (1..=3).contains(&count)
        || (count <= 6 && text.trim().chars().all(|c| matches!(c, '\u{1f1e6}'..='\u{1f1ff}')) && count > 0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn marks_are_read_as_messengers_read_them() {
        for (text, html) in [
            ("plain", "plain"),
            ("*bold* and _it_ ~no~", "<strong>bold</strong> and <em>it</em> <s>no</s>"),
            ("*bold _and more_*", "<strong>bold <em>and more</em></strong>"),
            ("`a*b*c` ```x\ny```", "<code>a*b*c</code> <code>x\ny</code>"),
            ("2*3*4, snake_case_name", "2*3*4, snake_case_name"),
            ("* a *, *a\nb*", "* a *, *a\nb*"),
            ("*<b>*", "<strong>&lt;b&gt;</strong>"),
            ("(*x*), **", "(<strong>x</strong>), **"),
            ("é*é* *é*é *é*", "é*é* <strong>é*é *é</strong>"),
        ] {
            assert_eq!(formatted(text).0, html, "{text}");
        }
    }

    #[test]
    fn emoji_alone_are_few() {
        for (text, alone) in [
            ("👍", true),
            ("👩‍👩‍👧 ❤️", false),
            ("👩‍👩‍👧❤️", true),
            ("👍🏽👍🏽👍🏽", true),
            ("🇨🇲", true),
            ("👍👍👍👍", false),
            ("ok 👍", false),
            ("", false),
            ("7", false),
        ] {
            assert_eq!(is_emoji(text), alone, "{text}");
        }
    }

    proptest! {
        #[test]
        fn no_text_brings_a_tag_of_its_own(text in "[*_~`<>&a é\n]{0,60}") {
            let mut html = formatted(&text).0;
            for tag in ["strong", "em", "s", "code"] {
                html = html.replace(&format!("<{tag}>"), "").replace(&format!("</{tag}>"), "");
            }
            prop_assert!(!html.contains(['<', '>']), "{}", html);
        }
    }
}
