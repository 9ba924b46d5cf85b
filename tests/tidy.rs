//! Style is a test: the laws that a compiler does not know.

use std::fs;
use std::path::{Path, PathBuf};

/// The layers, each of which imports only from those before it.
const LAYERS: [&str; 5] = ["domain", "store", "whatsapp", "actors", "http"];

fn sources(folder: &str) -> Vec<(PathBuf, String)> {
    let mut found = Vec::new();
    let mut folders = vec![PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(folder)];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).unwrap().flatten().map(|e| e.path()) {
            if entry.is_dir() {
                folders.push(entry);
            } else if entry.extension().is_some_and(|e| e == "rs") {
                let text = fs::read_to_string(&entry).unwrap();
                found.push((entry, text));
            }
        }
    }
    assert!(!found.is_empty());
    found
}

fn layer(file: &Path) -> Option<usize> {
    let inside = file.strip_prefix(Path::new(env!("CARGO_MANIFEST_DIR")).join("src")).ok()?;
    let first = inside.components().next()?.as_os_str().to_str()?.trim_end_matches(".rs").to_owned();
    LAYERS.iter().position(|layer| *layer == first)
}

fn code(text: &str) -> impl Iterator<Item = &str> {
    text.lines().filter(|line| !line.trim_start().starts_with("//"))
}

/// Whether a line names something of a crate: `krate::` that is not the end of a longer path or name.
fn names(line: &str, krate: &str) -> bool {
    let part_of_a_name = |c: char| c.is_alphanumeric() || c == '_' || c == ':';
    line.match_indices(&format!("{krate}::")).any(|(at, _)| !line[..at].ends_with(part_of_a_name))
}

#[test]
fn imports_run_one_way() {
    for (file, text) in sources("src") {
        let Some(here) = layer(&file) else { continue };
        // Everything may use what stands left of it; http may use only domain and actors.
        let forbidden = LAYERS.iter().enumerate().filter(|(n, _)| *n > here || (here == 4 && [1, 2].contains(n)));
        for (_, layer) in forbidden {
            let used = code(&text).any(|line| line.contains(&format!("crate::{layer}")));
            assert!(!used, "{} uses crate::{layer}", file.display());
        }
    }
}

#[test]
fn each_crate_has_one_home() {
    let homes: [(&str, &[&str]); 15] = [
        ("sea_orm", &["src/store/"]),
        ("entity", &["src/store/"]),
        ("whatsapp_rust", &["src/whatsapp/", "src/sandbox/"]),
        ("ractor", &["src/actors/"]),
        ("warp", &["src/http/"]),
        ("image", &["src/actors/media/convert/"]),
        ("infer", &["src/domain/media/"]),
        // What answers are made of is described where it is declared; the document is made by the door.
        ("utoipa", &["src/http/", "src/domain/", "src/actors/system/health.rs", "src/sandbox/"]),
        ("multer", &["src/http/"]),
        ("maud", &["src/http/pages/"]),
        // A way out that the operator named, as the collector's is.
        ("lettre", &["src/mail.rs"]),
        ("prometheus_client", &["src/metrics"]),
        ("opentelemetry", &["src/telemetry/"]),
        // Ways out to the web are few, so that none goes around the guard of what callers name (`actors/media/fetch`): the
        // others lead to WhatsApp, and to a simulated network or a collector of traces that the operator named. The sandbox only
        // has its bodies.
        (
            "reqwest",
            &[
                "src/whatsapp/",
                "src/actors/media/fetch",
                "src/http/sandbox/",
                "src/sandbox/",
                "src/server/tests/",
                "src/telemetry/traces",
                // Text: what a caller would write.
                "src/http/pages/console/code",
            ],
        ),
        ("sqlx", &["src/sandbox/ledger/", "src/store/database"]),
    ];
    for (file, text) in sources("src") {
        let name = file.to_str().unwrap();
        for (krate, allowed) in homes {
            let used = code(&text).any(|line| names(line, krate));
            assert!(!used || allowed.iter().any(|home| name.contains(home)), "{name} uses {krate}");
        }
    }
}

#[test]
fn the_simulated_network_reaches_nothing() {
    for (file, text) in sources("src/sandbox") {
        let name = file.to_str().unwrap();
        if name.contains("tests") {
            continue;
        }
        // The bodies that stream through it are reqwest's, since its clients' are. It asks nobody for anything.
        let other = code(&text).find(|line| names(&line.replace("reqwest::Body", ""), "reqwest"));
        assert!(other.is_none(), "{name} uses more of reqwest than its bodies: {other:?}");
    }
}

#[test]
fn every_file_says_what_lives_there_and_none_is_a_corridor() {
    for folder in ["src", "tests", "entity", "migration"] {
        for (file, text) in sources(folder) {
            assert!(text.starts_with("//!"), "{} does not say what lives there", file.display());
            assert!(text.lines().count() <= 400, "{} has more than 400 lines", file.display());
        }
    }
}

#[test]
fn no_folder_is_a_drawer_for_odds_and_ends() {
    for (file, _) in sources("src") {
        let name = file.to_str().unwrap();
        for drawer in ["utils", "common", "helpers", "manager", "misc"] {
            assert!(!name.contains(drawer), "{name}");
        }
    }
}

/// Whether a line has a space that may break before what French sets off, or an apostrophe of a typewriter after an elision.
fn is_ill_set(line: &str) -> bool {
    let signs: Vec<char> = line.chars().chain([' ']).collect();
    let spaced = |of: &[char]| {
        let after = matches!(of, [_, ' ', ';' | ':' | '?' | '»', _]) || matches!(of, [_, ' ', '!', ' ' | '"']);
        (after && of[0] != ' ') || of.starts_with(&['«', ' '])
    };
    let elided = |of: &[char]| {
        matches!(of, [before, 'c' | 'd' | 'j' | 'l' | 'n' | 's', '\'', after] if !before.is_alphabetic() && after.is_alphabetic())
            || matches!(of, ['q', 'u', '\'', _])
    };
    signs.windows(4).any(|of| spaced(of) || elided(of))
}

#[test]
fn french_is_set_as_french_is() {
    let words = sources("src/http/pages/words").into_iter().flat_map(|(file, text)| {
        text.lines().map(|line| (file.display().to_string(), line.to_owned())).collect::<Vec<_>>()
    });
    let guide = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/http/pages/docs/guide/french.md");
    let guide = fs::read_to_string(guide).unwrap();
    // What stands between backquotes is code.
    let prose = guide.split("```").step_by(2).flat_map(|part| part.lines());
    let prose = prose.flat_map(|line| line.split('`').step_by(2)).map(|text| ("the guide".to_owned(), text.to_owned()));
    let wrong: Vec<_> = words.chain(prose).filter(|(_, line)| is_ill_set(line)).collect();
    assert!(wrong.is_empty(), "{wrong:#?}");
}
