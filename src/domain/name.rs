//! A line that people call something by: a session, a key, what either is for.

/// Whether this is such a line, of so many characters at most: one that can be seen on a page, and be clicked there.
pub fn is_name(text: &str, longest: usize) -> bool {
    (1..=longest).contains(&text.chars().count())
        && !text.chars().any(char::is_control)
        && text.chars().any(|c| !c.is_whitespace() && !is_unseen(c))
}

/// What is no blank and takes no room all the same (Unicode 16, `Default_Ignorable_Code_Point`, of which these are typed or pasted),
/// or shows as nothing: the blanks of Braille and of Hangul.
const fn is_unseen(c: char) -> bool {
    matches!(
        c,
        '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}'..='\u{1160}' | '\u{17b4}'..='\u{17b5}' | '\u{180b}'..='\u{180f}'
            | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{2800}' | '\u{3164}'
            | '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{ffa0}' | '\u{e0000}'..='\u{e0fff}'
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_can_be_seen() {
        for (text, is) in [
            ("support", true),
            (" a ", true),
            ("été 🌞", true),
            ("👩\u{200d}👧", true),
            ("ሀሎ", true),
            ("", false),
            ("   ", false),
            ("\u{a0}\u{3000}", false),
            ("\u{200b}\u{2060}", false),
            ("\u{202e}", false),
            ("a\nb", false),
            ("a\0", false),
            ("twelve chars", true),
            ("thirteen char", false),
        ] {
            assert_eq!(is_name(text, 12), is, "{text:?}");
        }
    }
}
