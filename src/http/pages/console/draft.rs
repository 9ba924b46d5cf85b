//! What somebody typed into the console: what goes back into the form, what the call says, and how code writes it.

use crate::domain::error::{FieldError, Refusal};
use crate::http::messages::Way;

/// What can be sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum Kind {
    #[default]
    Text,
    Image,
    Video,
    Audio,
    Voice,
}

impl Kind {
    pub(super) const ALL: [Self; 5] = [Self::Text, Self::Image, Self::Video, Self::Audio, Self::Voice];

    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::Image => "image",
            Self::Video => "video",
            Self::Audio => "audio",
            Self::Voice => "voice",
        }
    }

    /// The call that sends it.
    pub(super) const fn way(self) -> Way {
        match self {
            Self::Text => Way::Text,
            Self::Image | Self::Video => Way::Media,
            Self::Audio | Self::Voice => Way::Audio,
        }
    }

    /// A name for a file of this kind.
    const fn file(self) -> &'static str {
        match self {
            Self::Text | Self::Image => "picture.jpg",
            Self::Video => "film.mp4",
            Self::Audio => "song.mp3",
            Self::Voice => "note.ogg",
        }
    }
}

/// What was typed, whatever it is worth.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Draft {
    pub(super) kind: Kind,
    pub(super) to: String,
    pub(super) session: String,
    pub(super) message: String,
    pub(super) url: String,
    pub(super) caption: String,
    /// The name of the file that was chosen, in place of a URL.
    pub(super) file: Option<String>,
    /// What tells this form from another, so that it is done once.
    pub(super) once: String,
}

/// A field of a call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Value {
    Text(String),
    /// `true`: bare in JSON, a word in a form.
    Yes,
}

impl Draft {
    pub(super) fn of(typed: &[(String, String)]) -> Self {
        let given = |name: &str| {
            let value = typed.iter().find(|(given, _)| given == name).map_or("", |(_, value)| value.as_str());
            // Forms end lines as the mail of 1982 did.
            value.replace("\r\n", "\n")
        };
        let kind = given("kind");
        Self {
            kind: Kind::ALL.into_iter().find(|known| known.as_str() == kind).unwrap_or_default(),
            to: given("to").trim().to_owned(),
            session: given("sessionId"),
            message: given("message"),
            url: given("url").trim().to_owned(),
            caption: given("caption"),
            file: Some(given("fileName")).filter(|name| !name.is_empty()),
            once: given("once"),
        }
    }

    /// The fields of the call, as they are sent. What was left blank is not given.
    pub(super) fn fields(&self) -> Vec<(String, String)> {
        let all = self.said(self.to.clone(), self.message.clone(), self.url.clone());
        let texts = all.into_iter().map(|(name, value)| match value {
            Value::Text(text) => (name.to_owned(), text),
            Value::Yes => (name.to_owned(), "true".to_owned()),
        });
        texts.filter(|(_, text)| !text.is_empty()).collect()
    }

    /// The same as code writes them, with an example in the place of what is missing; and the file, if one was chosen.
    pub(super) fn example(&self) -> (Vec<(&'static str, Value)>, Option<String>) {
        let or = |text: &str, example: &str| if text.is_empty() { example } else { text }.to_owned();
        let medium = self.kind != Kind::Text;
        let file = self.file.clone().filter(|_| medium && self.url.is_empty());
        let lies = format!("https://example.com/{}", self.kind.file());
        let url = if file.is_some() { String::new() } else { or(&self.url, &lies) };
        let all = self.said(or(&self.to, "+237612345678"), or(&self.message, "Hello!"), url);
        (all.into_iter().filter(|(_, value)| *value != Value::Text(String::new())).collect(), file)
    }

    fn said(&self, to: String, message: String, url: String) -> Vec<(&'static str, Value)> {
        let text = Value::Text;
        let mut fields = vec![("to", text(to))];
        match self.kind {
            Kind::Text => fields.push(("message", text(message))),
            Kind::Image | Kind::Video => fields.extend([
                ("mediaUrl", text(url)),
                ("mediaType", text(self.kind.as_str().to_owned())),
                ("caption", text(self.caption.clone())),
            ]),
            Kind::Audio => fields.push(("audioUrl", text(url))),
            Kind::Voice => fields.extend([("audioUrl", text(url)), ("ptt", Value::Yes)]),
        }
        fields.push(("sessionId", text(self.session.clone())));
        fields
    }
}

/// What a form says once, as it should, and of a kind that there is.
pub(super) fn checked(typed: &[(String, String)]) -> Result<(), Refusal> {
    let mut wrong = Vec::new();
    for (n, (name, value)) in typed.iter().enumerate() {
        if typed[..n].iter().any(|(before, _)| before == name) {
            wrong.push(FieldError::new(name, "is given more than once"));
        } else if name == "kind" && Kind::ALL.iter().all(|kind| kind.as_str() != value) {
            wrong.push(FieldError::new(name, "must be text, image, video, audio or voice"));
        }
    }
    if wrong.is_empty() { Ok(()) } else { Err(Refusal::invalid(wrong)) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn typed(fields: &[(&str, &str)]) -> Draft {
        Draft::of(&fields.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect::<Vec<_>>())
    }

    #[test]
    fn a_kind_sends_its_own_fields_and_no_others() {
        let all = [
            ("to", " +237612345678 "),
            ("message", "a\r\nb"),
            ("url", "http://a/b"),
            ("caption", "c"),
            ("sessionId", ""),
            ("once", "x"),
        ];
        for (kind, want) in [
            ("text", "to=+237612345678 message=a\nb"),
            ("image", "to=+237612345678 mediaUrl=http://a/b mediaType=image caption=c"),
            ("video", "to=+237612345678 mediaUrl=http://a/b mediaType=video caption=c"),
            ("audio", "to=+237612345678 audioUrl=http://a/b"),
            ("voice", "to=+237612345678 audioUrl=http://a/b ptt=true"),
            ("nonsense", "to=+237612345678 message=a\nb"),
        ] {
            let draft = typed(&[&all[..], &[("kind", kind)]].concat());
            let fields: Vec<String> = draft.fields().into_iter().map(|(name, text)| format!("{name}={text}")).collect();
            assert_eq!(fields.join(" "), want);
        }
        assert_eq!(typed(&[]).fields(), []);
    }

    #[test]
    fn what_is_no_kind_or_is_said_twice_is_refused() {
        for (given, wrong) in [
            (&["kind=text", "to=x"][..], &[][..]),
            (&["kind=<b>"], &["kind"]),
            (&["kind=image", "to=x", "kind=text", "to=y"], &["kind", "to"]),
        ] {
            let typed: Vec<(String, String)> =
                given.iter().map(|pair| pair.split_once('=').unwrap()).map(|(a, b)| (a.into(), b.into())).collect();
            let named: Vec<String> =
                checked(&typed).err().into_iter().flat_map(|r| r.fields).map(|f| f.field).collect();
            assert_eq!(named, wrong, "{given:?}");
        }
    }

    #[test]
    fn code_has_an_example_where_nothing_was_typed() {
        let (fields, file) = typed(&[("kind", "image"), ("fileName", "a cat.png")]).example();
        let names: Vec<&str> = fields.iter().map(|(name, _)| *name).collect();
        assert_eq!((names, file.as_deref()), (vec!["to", "mediaType"], Some("a cat.png")));
        let (fields, file) = typed(&[("kind", "voice")]).example();
        assert_eq!(fields[1], ("audioUrl", Value::Text("https://example.com/note.ogg".to_owned())));
        assert_eq!((fields[2].clone(), file), (("ptt", Value::Yes), None));
    }
}
