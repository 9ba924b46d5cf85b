//! How spans of time and sizes are said.

pub(in crate::http::pages) struct Measures {
    /// Seconds, minutes, hours, days.
    pub(in crate::http::pages) units: [&'static str; 4],
    pub(in crate::http::pages) sizes: [&'static str; 3],
    pub(in crate::http::pages) point: char,
}

pub(super) const ENGLISH: Measures = Measures { units: ["s", "min", "h", "d"], sizes: ["B", "kB", "MB"], point: '.' };

pub(super) const FRENCH: Measures = Measures { units: ["s", "min", "h", "j"], sizes: ["o", "ko", "Mo"], point: ',' };
