//! The phone's own little pictures: lines of one weight, in the colour of the words beside them.

use maud::{Markup, html};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Icon {
    Back,
    Camera,
    Clip,
    Dots,
    File,
    Film,
    Mic,
    Note,
    Person,
    Picture,
    Pin,
    Plane,
    Plus,
    Send,
    Signal,
    Unknown,
}

impl Icon {
    const fn path(self) -> &'static str {
        match self {
            Self::Back => "M15 5l-7 7 7 7",
            Self::Camera => "M4 8h3l1.5-2.5h7L17 8h3v11H4zM12 10.2a3.3 3.3 0 1 0 0 6.6 3.3 3.3 0 0 0 0-6.6",
            Self::Clip => {
                "M19 11.5l-7.2 7.2a4.4 4.4 0 0 1-6.2-6.2l7.7-7.7a3 3 0 0 1 4.2 4.2l-7.6 7.6a1.5 1.5 0 0 1-2.1-2.1l6.9-6.9"
            }
            Self::Dots => "M5 12h.01M12 12h.01M19 12h.01",
            Self::File => "M7 3.5h7l4 4v13H7zM14 3.5v4h4M10 12.5h5M10 16h5",
            Self::Film => "M4 6h11v12H4zM15 10.5l5-3v9l-5-3",
            Self::Mic => {
                "M12 3.5a2.7 2.7 0 0 1 2.7 2.7v5a2.7 2.7 0 0 1-5.4 0v-5A2.7 2.7 0 0 1 12 3.5zM6.5 11a5.5 5.5 0 0 0 11 0M12 16.5v4"
            }
            Self::Note => {
                "M9 18V6l10-2v12M9 18a2.5 2.5 0 1 1-5 0 2.5 2.5 0 0 1 5 0M19 16a2.5 2.5 0 1 1-5 0 2.5 2.5 0 0 1 5 0"
            }
            Self::Person => "M12 4.5a3.7 3.7 0 1 1 0 7.4 3.7 3.7 0 0 1 0-7.4M5 20c.6-3.8 3.4-5.6 7-5.6s6.4 1.8 7 5.6",
            Self::Picture => "M4 5h16v14H4zM4 16l4.5-4.5 4 4 3-3L20 17M15.5 8.8h.01",
            Self::Pin => {
                "M12 21s6.5-5.8 6.5-11a6.5 6.5 0 0 0-13 0C5.5 15.2 12 21 12 21M12 7.8a2.3 2.3 0 1 1 0 4.6 2.3 2.3 0 0 1 0-4.6"
            }
            Self::Plane => {
                "M10.6 3.8c0-1.7 2.8-1.7 2.8 0v5.4l7.1 4.5v2l-7.1-2.2v4.2l2.1 1.7v1.6L12 20l-3.5 1v-1.6l2.1-1.7v-4.2L3.5 15.7v-2l7.1-4.5z"
            }
            Self::Plus => "M12 5v14M5 12h14",
            Self::Send => "M4 12L20 4.5l-5 15-3.5-6zM11.5 13.5L20 4.5",
            Self::Signal => "M5 19v-3M10 19v-6.5M15 19v-10M20 19V5",
            Self::Unknown => {
                "M12 3.5a8.5 8.5 0 1 1 0 17 8.5 8.5 0 0 1 0-17M9.7 9.6a2.4 2.4 0 1 1 3.4 2.2c-.8.4-1.1.9-1.1 1.8M12 16.6h.01"
            }
        }
    }
}

/// An icon, which says nothing by itself.
pub(super) fn icon(icon: Icon) -> Markup {
    html! {
        svg.icon viewBox="0 0 24 24" aria-hidden="true" { path d=(icon.path()) {} }
    }
}
