//! Texts as literals: whatever is in them, a shell or a language reads them as they are, and a reader sees what is there.

/// Signs that would end a line, or change how what follows is shown: a literal names them.
const fn is_hidden(sign: char) -> bool {
    matches!(
        sign,
        '\0'..='\u{1f}'
            | '\u{7f}'..='\u{9f}'
            | '\u{61c}'
            | '\u{200e}'..='\u{200f}'
            | '\u{2028}'..='\u{202e}'
            | '\u{2066}'..='\u{2069}'
            | '\u{feff}'
    )
}

/// A text between double quotes, as JSON, JavaScript and Python all read it.
pub(super) fn double(text: &str) -> String {
    literal(text, |sign| match sign {
        '\u{8}' => "\\b".to_owned(),
        '\u{c}' => "\\f".to_owned(),
        // All hidden signs are of the basic plane: four digits name them.
        other => format!("\\u{:04x}", u32::from(other)),
    })
}

/// A text as Rust reads it.
pub(super) fn rust(text: &str) -> String {
    literal(text, |sign| format!("\\u{{{:x}}}", u32::from(sign)))
}

fn literal(text: &str, named: impl Fn(char) -> String) -> String {
    let mut quoted = String::with_capacity(text.len() + 2);
    quoted.push('"');
    for sign in text.chars() {
        match sign {
            '"' => quoted.push_str("\\\""),
            '\\' => quoted.push_str("\\\\"),
            '\n' => quoted.push_str("\\n"),
            '\r' => quoted.push_str("\\r"),
            '\t' => quoted.push_str("\\t"),
            hidden if is_hidden(hidden) => quoted.push_str(&named(hidden)),
            plain => quoted.push(plain),
        }
    }
    quoted + "\""
}

/// A word of a command line. Between single quotes a shell reads everything as it is, but for the quote itself.
pub(super) fn shell(text: &str) -> String {
    let plain = |sign: char| sign.is_ascii_alphanumeric() || "/:.,_-+=@%".contains(sign);
    if !text.is_empty() && text.chars().all(plain) {
        return text.to_owned();
    }
    // No command line can hold a NUL.
    format!("'{}'", text.replace('\0', "").replace('\'', "'\\''"))
}

/// A file's name as curl's `-F` reads it after the `@`.
pub(super) fn curl_file(name: &str) -> String {
    let plain = |sign: char| sign.is_alphanumeric() || "/._- ".contains(sign);
    if name.chars().all(plain) && !name.starts_with([' ', '-']) {
        return name.to_owned();
    }
    format!("\"{}\"", name.replace('\\', "\\\\").replace('"', "\\\""))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_text_is_one_literal() {
        for (text, both, rust_s, shell_s) in [
            ("", "\"\"", "\"\"", "''"),
            ("plain", "\"plain\"", "\"plain\"", "plain"),
            ("two words", "\"two words\"", "\"two words\"", "'two words'"),
            ("it's", "\"it's\"", "\"it's\"", "'it'\\''s'"),
            ("\"q\" \\", r#""\"q\" \\""#, r#""\"q\" \\""#, "'\"q\" \\'"),
            ("a\nb\t\r", r#""a\nb\t\r""#, r#""a\nb\t\r""#, "'a\nb\t\r'"),
            ("$HOME `id` $(id) !x", "\"$HOME `id` $(id) !x\"", "\"$HOME `id` $(id) !x\"", "'$HOME `id` $(id) !x'"),
            ("${x} {y}", "\"${x} {y}\"", "\"${x} {y}\"", "'${x} {y}'"),
            ("🎉 é", "\"🎉 é\"", "\"🎉 é\"", "'🎉 é'"),
            ("\u{0}\u{8}\u{1b}", r#""\u0000\b\u001b""#, r#""\u{0}\u{8}\u{1b}""#, "'\u{8}\u{1b}'"),
            ("\u{202e}\u{2028}", r#""\u202e\u2028""#, r#""\u{202e}\u{2028}""#, "'\u{202e}\u{2028}'"),
            ("</script>", "\"</script>\"", "\"</script>\"", "'</script>'"),
        ] {
            assert_eq!(
                (double(text), rust(text), shell(text)),
                (both.into(), rust_s.into(), shell_s.into()),
                "{text:?}"
            );
            assert_eq!(serde_json::from_str::<String>(&double(text)).unwrap(), text);
        }
    }

    #[test]
    fn a_file_s_name_is_no_option_of_curl() {
        for (name, want) in [
            ("a cat.jpg", "a cat.jpg"),
            ("chat é.png", "chat é.png"),
            ("a;type=b.jpg", "\"a;type=b.jpg\""),
            ("-o x", "\"-o x\""),
            ("a\"b\\c", "\"a\\\"b\\\\c\""),
        ] {
            assert_eq!(curl_file(name), want);
        }
    }
}
