//! Names of rows from what the network sends: unambiguous, of bounded length, and fit for every database.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::digest::{Context, Digest, SHA256};

/// The longest name kept as it is. Indexes of PostgreSQL take no more than about 2,700 bytes an entry.
const NAME_MAX: usize = 200;

/// One name for several parts. Anything odd (long, with white space or control characters, such as the NUL that PostgreSQL
/// refuses) becomes a digest: message ids are chosen by whoever sends the message.
pub fn name_of(parts: &[&str]) -> String {
    let plain = |part: &&str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_graphic() && b != b'#');
    if parts.iter().all(plain) && parts.iter().map(|part| part.len() + 1).sum::<usize>() <= NAME_MAX {
        return parts.join(" ");
    }
    format!("#{}", URL_SAFE_NO_PAD.encode(hash(parts)))
}

/// A stable number for a text, to search by: 63 bits of its SHA-256.
pub fn digest(text: &str) -> i64 {
    let bytes = hash(&[text]);
    let head = bytes.as_ref().iter().take(8).fold(0u64, |number, byte| number << 8 | u64::from(*byte));
    (head >> 1).cast_signed()
}

fn hash(parts: &[&str]) -> Digest {
    let mut context = Context::new(&SHA256);
    for part in parts {
        context.update(&(part.len() as u64).to_be_bytes());
        context.update(part.as_bytes());
    }
    context.finish()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn different_parts_have_different_names(a in "[a-c# \0]{0,3}", b in "[a-c# \0]{0,3}", c in "[a-c# \0]{0,3}", d in "[a-c# \0]{0,3}") {
            prop_assert_eq!(name_of(&[&a, &b]) == name_of(&[&c, &d]), (a, b) == (c, d));
        }

        #[test]
        fn names_are_short_and_free_of_control_characters(part in ".{0,400}", other in any::<String>()) {
            let name = name_of(&[&part, &other]);
            prop_assert!(name.len() <= NAME_MAX && name.bytes().all(|b| (b' '..=b'~').contains(&b)));
        }
    }

    #[test]
    fn a_digest_is_never_negative_and_never_moves() {
        assert_eq!(digest("237612345678"), digest("237612345678"));
        assert!((0..200).all(|n| digest(&n.to_string()) >= 0));
    }
}
