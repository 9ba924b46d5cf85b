//! What a message carries besides words: pictures, films, voice notes with their waveform, files.

use maud::{Markup, html};

use super::super::words::Phones as Words;
use super::day::length;
use super::icons::{Icon, icon};
use crate::domain::phone::Phone;
use crate::http::sandbox::Shown;

/// How a waveform is drawn: so wide and high, and one line for each of its values.
const WIDE: usize = 192;
const HIGH: usize = 32;
const VALUES: usize = 64;

/// What browsers show; anything else is there to be downloaded.
const PICTURES: [&str; 4] = ["image/jpeg", "image/png", "image/webp", "image/gif"];
const FILMS: [&str; 3] = ["video/mp4", "video/webm", "video/quicktime"];
const SOUNDS: [&str; 7] =
    ["audio/ogg", "audio/mp4", "audio/mpeg", "audio/aac", "audio/wav", "audio/webm", "audio/x-m4a"];

/// A kind of message in a picture and a word.
pub(super) fn kind(name: &str, line: &Shown, words: &Words) -> (Icon, &'static str) {
    match name {
        "image" => (Icon::Picture, words.photo),
        "video" if line.facts.gif == Some(true) => (Icon::Film, words.gif),
        "video" => (Icon::Film, words.video),
        "audio" if line.facts.voice == Some(true) => (Icon::Mic, words.voice),
        "audio" => (Icon::Note, words.audio),
        "document" => (Icon::File, words.document),
        "sticker" => (Icon::Picture, words.sticker),
        "contact" | "contacts" => (Icon::Person, words.contact),
        "location" => (Icon::Pin, words.location),
        "poll" | "poll_vote" => (Icon::Dots, words.poll),
        "reaction" => (Icon::Dots, words.reaction),
        "deleted" => (Icon::Unknown, words.deleted),
        _ => (Icon::Unknown, words.unsupported),
    }
}

/// The medium of a message, or what keeps the phone from having it.
pub(super) fn medium(line: &Shown, phone: &Phone, words: &Words) -> Markup {
    if line.sha256.is_none() {
        return absent(line, words);
    }
    let href = format!("/api/v1/sandbox/phones/{phone}/messages/{}/media", line.id);
    let mime = line.facts.mime.as_deref().unwrap_or_default();
    let mime = mime.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    let (width, height) = (line.facts.width, line.facts.height);
    let name = kind(&line.kind, line, words).1;
    let said = line.caption.as_deref().unwrap_or_default();
    let alt = if said.is_empty() { name.to_owned() } else { format!("{name}: {}", brief(said)) };
    match line.kind.as_str() {
        "image" | "sticker" if PICTURES.contains(&mime.as_str()) => html! {
            a.picture href=(href) { img src=(href) alt=(alt) width=[width] height=[height] loading="lazy"; }
        },
        "video" if FILMS.contains(&mime.as_str()) => {
            let gif = line.facts.gif == Some(true);
            html! {
                video.film src=(href) aria-label=(alt) width=[width] height=[height] controls preload="metadata" playsinline
                    loop[gif] muted[gif] autoplay[gif] {}
                @if gif { span.gif { (words.gif) } }
            }
        }
        "audio" if SOUNDS.contains(&mime.as_str()) && line.facts.voice == Some(true) => voice(line, &href, words),
        "audio" if SOUNDS.contains(&mime.as_str()) => html! {
            div.sound {
                (icon(Icon::Note))
                audio src=(href) controls preload="none" aria-label=(alt) {}
            }
        },
        _ => file(line, &href, words),
    }
}

fn absent(line: &Shown, words: &Words) -> Markup {
    let (picture, name) = kind(&line.kind, line, words);
    // A phone shows the small picture that came with the message until it has the large one.
    let small = line.facts.thumbnail.as_deref().filter(|small| small.len() < 16_000);
    let small = small.map(|small| format!("data:image/jpeg;base64,{small}"));
    html! {
        div.absent {
            @if let Some(small) = small { img.small src=(small) alt=""; }
            p.hush {
                (icon(picture)) " " (name) " · "
                @match &line.media_error {
                    None => (words.fetching),
                    Some(why) => { span.bad { (words.not_fetched) " " span lang="en" { (why.replace('_', " ")) } } },
                }
            }
        }
    }
}

fn file(line: &Shown, href: &str, words: &Words) -> Markup {
    let name = line.facts.file_name.as_deref();
    html! {
        a.file href=(href) download=(name.unwrap_or_default()) {
            (icon(kind(&line.kind, line, words).0))
            span {
                b { bdi { (name.unwrap_or(kind(&line.kind, line, words).1)) } }
                small {
                    @if let Some(bytes) = line.facts.size { (size(bytes)) " · " }
                    (words.download)
                }
            }
        }
    }
}

/// A voice note: without script the browser's own player, with it ours, over the waveform.
fn voice(line: &Shown, href: &str, words: &Words) -> Markup {
    let seconds = line.facts.duration_seconds.unwrap_or(0);
    let long = length(seconds);
    html! {
        div.voice data-keep id=(format!("v-{}", line.id)) data-seconds=(seconds) data-play=(words.play) data-pause=(words.pause) {
            button.play.scripted type="button" aria-label=(format!("{}: {}, {long}", words.play, words.voice)) {
                svg viewBox="0 0 24 24" aria-hidden="true" { path.go d="M8 5v14l11-7z" {} path.stop d="M7 5h4v14H7zM13 5h4v14h-4z" {} }
            }
            span.track {
                (waveform(line.facts.waveform.as_deref()))
                input type="range" min="0" max="1000" value="0" aria-label=(words.position);
            }
            span.length { (long) }
            audio src=(href) controls preload="none" aria-label=(format!("{}, {long}", words.voice)) {}
        }
    }
}

/// How loud a voice note is from beginning to end, as one path: a line up and down for each value.
fn waveform(values: Option<&[u8]>) -> Markup {
    let step = WIDE / VALUES;
    let path = (0..VALUES).fold(String::with_capacity(VALUES * 9), |mut path, n| {
        let value = values.and_then(|values| values.get(n)).map_or(0, |value| usize::from(*value).min(100));
        let long = (2 + value * (HIGH - 4) / 100) & !1;
        path.extend(["M", &(n * step + 1).to_string(), " ", &((HIGH - long) / 2).to_string(), "v", &long.to_string()]);
        path
    });
    html! {
        svg.wave viewBox=(format!("0 0 {WIDE} {HIGH}")) preserveAspectRatio="none" aria-hidden="true" { path d=(path) {} }
    }
}

/// Bytes as people say them.
fn size(bytes: u64) -> String {
    match bytes {
        0..1_000 => format!("{bytes} B"),
        1_000..1_000_000 => format!("{} kB", bytes / 1_000),
        _ => format!("{}.{} MB", bytes / 1_000_000, bytes / 100_000 % 10),
    }
}

/// The beginning of a line that somebody else wrote.
pub(super) fn brief(text: &str) -> String {
    let mut words: String = text.split_whitespace().collect::<Vec<_>>().join(" ").chars().take(91).collect();
    if words.chars().count() > 90 {
        words.pop();
        words.push('…');
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_waveform_has_a_line_for_each_value_and_stays_within_its_height() {
        let loud: Vec<u8> = (0..64).map(|n| if n % 2 == 0 { 100 } else { 0 }).collect();
        let drawn = waveform(Some(&loud)).0;
        assert_eq!(drawn.matches('M').count(), 64);
        assert!(drawn.contains("M1 1v30M4 15v2"), "{drawn}");
        // What came in another form than was said is drawn all the same.
        assert_eq!(waveform(Some(&[255; 3])).0.matches("v30").count(), 3);
        assert_eq!(waveform(None).0.matches("v2").count(), 64);
    }

    #[test]
    fn sizes_are_read_at_a_glance() {
        for (bytes, want) in [(7, "7 B"), (1_500, "1 kB"), (999_999, "999 kB"), (12_345_678, "12.3 MB")] {
            assert_eq!(size(bytes), want);
        }
    }

    #[test]
    fn a_long_line_is_cut_between_characters() {
        assert_eq!(brief(" a\n b\t"), "a b");
        assert_eq!(brief(&"é".repeat(200)).chars().count(), 91);
    }
}
