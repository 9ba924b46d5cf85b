//! How pages look to whoever asks for them: in which language and theme, as the address says, or else a cookie, or the browser.

use warp::http::HeaderValue;
use warp::http::header::{COOKIE, SET_COOKIE};

use super::super::call::Call;
use super::super::reply::Response;
use super::words::{Language, Words};
use crate::domain::error::Refusal;
use crate::domain::request::RequestId;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Theme {
    /// As the browser has it.
    Auto,
    Light,
    Dark,
}

impl Theme {
    pub(super) const ALL: [Self; 3] = [Self::Auto, Self::Light, Self::Dark];

    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Auto => "auto",
            Self::Light => "light",
            Self::Dark => "dark",
        }
    }

    fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|theme| theme.name() == name)
    }
}

/// How pages look to one caller.
pub(in crate::http) struct Look {
    pub(super) language: Language,
    pub(super) theme: Theme,
    /// Whether the browser says that somebody is signed in there. Nothing is given away for it.
    pub(super) signed_in: bool,
    /// What the address says besides, for links to the same place that look otherwise.
    rest: Vec<(String, String)>,
    /// What was chosen by the address, to be kept.
    chosen: Vec<(&'static str, &'static str)>,
    request: RequestId,
}

const LANGUAGE: (&str, &str) = ("lang", "wamux-lang");
const THEME: (&str, &str) = ("theme", "wamux-theme");

impl Look {
    pub(in crate::http) fn of<D>(call: &Call<D>) -> Self {
        let asked = |name: &str| call.query.iter().find(|(given, _)| given == name).map(|(_, value)| value.as_str());
        let asked_language = asked(LANGUAGE.0).and_then(Language::tagged);
        let asked_theme = asked(THEME.0).and_then(Theme::named);
        let language =
            || cookie(call, LANGUAGE.1).and_then(Language::tagged).unwrap_or_else(|| Language::liked_by(call));
        let theme = || cookie(call, THEME.1).and_then(Theme::named).unwrap_or(Theme::Auto);
        let chosen = asked_language.map(|language| (LANGUAGE.1, language.tag())).into_iter();
        Self {
            language: asked_language.unwrap_or_else(language),
            theme: asked_theme.unwrap_or_else(theme),
            signed_in: cookie(call, super::visit::COOKIE).is_some(),
            rest: call.query.iter().filter(|(name, _)| name != LANGUAGE.0 && name != THEME.0).cloned().collect(),
            chosen: chosen.chain(asked_theme.map(|theme| (THEME.1, theme.name()))).collect(),
            request: call.arrival.id.clone(),
        }
    }

    pub(super) const fn words(&self) -> &'static Words {
        self.language.words()
    }

    /// The same place in another language.
    pub(super) fn in_language(&self, language: Language) -> String {
        self.here(LANGUAGE.0, language.tag())
    }

    /// The same place in another theme.
    pub(super) fn in_theme(&self, theme: Theme) -> String {
        self.here(THEME.0, theme.name())
    }

    fn here(&self, name: &str, value: &str) -> String {
        let mut query = url::form_urlencoded::Serializer::new(String::new());
        for (name, value) in self.rest.iter().filter(|(name, _)| name != "ticket" && name != super::visit::FORM_TOKEN) {
            query.append_pair(name, value);
        }
        format!("?{}", query.append_pair(name, value).finish())
    }

    /// Has the browser keep what was chosen, for a year.
    pub(super) fn keep(&self, response: &mut Response) {
        for (name, value) in &self.chosen {
            let cookie = format!("{name}={value}; Path=/; Max-Age=31536000; SameSite=Lax");
            response.headers_mut().extend(HeaderValue::from_str(&cookie).ok().map(|cookie| (SET_COOKIE, cookie)));
        }
    }

    /// A refusal, as a page.
    pub(in crate::http) fn refused(&self, refusal: &Refusal) -> Response {
        super::refused::page(self, refusal, &self.request)
    }
}

/// A cookie's value, if it was sent once.
pub(super) fn cookie<'c, D>(call: &'c Call<D>, name: &str) -> Option<&'c str> {
    let lines = call.headers.get_all(COOKIE).iter().filter_map(|line| line.to_str().ok());
    let mut given = lines.flat_map(|line| line.split(';')).filter_map(|pair| pair.trim().split_once('='));
    let (_, value) = given.find(|(given, _)| *given == name)?;
    given.all(|(given, _)| given != name).then_some(value)
}
