//! Whose fault a failed run was, in words that tell nothing of this machine.

use std::os::unix::process::ExitStatusExt as _;
use std::process::ExitStatus;

use crate::domain::media::Fault;

pub(super) fn failed(why: &str) -> Fault {
    Fault::ConversionFailed(why.to_owned())
}

/// Whose fault a failure was: the file's, where ffmpeg says so, or else nobody knows.
pub(super) fn blame(status: ExitStatus, complaints: &str) -> Fault {
    const OF_THE_FILE: [(&str, &str); 7] = [
        ("Picture size", "its pictures are too large, or of no possible size"),
        ("moov atom not found", "its index is missing, so it was cut off or never finished"),
        ("Invalid data found", "its content is broken"),
        ("matches no streams", "there is nothing in it to play"),
        ("does not contain any stream", "there is nothing in it to play"),
        ("Cannot determine format of input stream", "none of it can be decoded"),
        ("could not find codec parameters", "its header does not say what it holds"),
    ];
    // What the system sends to who has used up his share of the processor.
    const SIGXCPU: i32 = 24;
    if status.signal() == Some(SIGXCPU) {
        return failed("it takes too much work");
    }
    if let Some((_, why)) = OF_THE_FILE.iter().find(|(sign, _)| complaints.contains(sign)) {
        return Fault::Unreadable((*why).to_owned());
    }
    match last_words(complaints) {
        Some(words) => failed(&words),
        None => failed(&format!("ffmpeg ended with {status}")),
    }
}

/// The last line, without what stands for this machine: paths and addresses.
fn last_words(complaints: &str) -> Option<String> {
    let line = complaints.lines().rev().map(str::trim).find(|line| !line.is_empty())?;
    // "[libx264 @ 0x55d0c8] what happened" is "what happened".
    let line = line.rsplit_once("] ").map_or(line, |(_, rest)| rest);
    let words = line.split_whitespace().map(|word| if word.contains('/') { "(a file)" } else { word });
    let words: Vec<_> = words.collect();
    let line: String = words.join(" ").chars().filter(|c| !c.is_control()).take(200).collect();
    Some(line.trim_end_matches(['.', ':']).to_owned()).filter(|line| !line.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failure_speaks_without_paths() {
        let ended = ExitStatus::from_raw(1 << 8);
        for (complaints, want) in [
            ("[mov @ 0x5] moov atom not found\nfile:/data/x: Invalid data found\n", "media_unreadable"),
            ("[aac @ 0x5] Something odd at /data/media/abc.\n\n", "media_conversion_failed"),
            ("", "media_conversion_failed"),
        ] {
            let fault = blame(ended, complaints);
            assert_eq!(fault.code(), want, "{complaints}");
            assert!(!fault.sentence().contains("/data"), "{}", fault.sentence());
        }
        assert_eq!(last_words("first\n[x @ 0x1] the last one\n").as_deref(), Some("the last one"));
        assert_eq!(last_words("\n \n"), None);
    }
}
