//! The two texts that Prometheus reads. The library writes `OpenMetrics`; the older format differs in what stands in its comments.

use std::fmt::Write;

/// Which of them is wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    Prometheus,
    OpenMetrics,
}

impl Form {
    pub const fn media_type(self) -> &'static str {
        match self {
            Self::Prometheus => "text/plain; version=0.0.4; charset=utf-8",
            Self::OpenMetrics => "application/openmetrics-text; version=1.0.0; charset=utf-8",
        }
    }

    pub(super) fn of(self, open: String) -> String {
        match self {
            Self::OpenMetrics => open,
            Self::Prometheus => plain(&open),
        }
    }
}

/// In the older format a counter's comments name it as its samples do, with `_total`, what is known of a build is a gauge, and
/// nothing marks the end.
fn plain(open: &str) -> String {
    let mut plain = String::with_capacity(open.len());
    let mut about = None;
    for line in open.lines() {
        if let Some(help) = line.strip_prefix("# HELP ") {
            // The type, which decides the name, comes after it.
            about = Some(help);
        } else if let Some(of) = line.strip_prefix("# TYPE ") {
            let (name, kind) = of.split_once(' ').unwrap_or((of, "untyped"));
            let (suffix, kind) = match kind {
                "counter" => ("_total", kind),
                "info" => ("_info", "gauge"),
                "unknown" => ("", "untyped"),
                _ => ("", kind),
            };
            if let Some((_, text)) = about.take().and_then(|help| help.split_once(' ')) {
                let _ = writeln!(plain, "# HELP {name}{suffix} {text}");
            }
            let _ = writeln!(plain, "# TYPE {name}{suffix} {kind}");
        } else if !line.starts_with('#') {
            plain.push_str(line);
            plain.push('\n');
        }
    }
    plain
}
