//! Images, videos and audio: accepted, from a URL or with a file.

use super::upload::{self, Form};
use super::{Asked, accepted, answered, to, via};
use crate::actors::Upload;
use crate::domain::content::Content;
use crate::domain::error::{Code, Refusal};
use crate::domain::media::{Caption, Media, MediaUrl, Source, SpoolName, Wanted, too_large};
use crate::domain::message::Send;
use crate::http::call::{Answered, Call};
use crate::http::fields::{Fields, text, yes_or_no, yes_or_no_in_words};
use crate::http::once::Header;

/// The two calls that send media.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Route {
    Media,
    Audio,
}

impl Route {
    /// Part of what an idempotency key stands for, so that it is always written the same.
    pub(super) const fn path(self) -> &'static str {
        match self {
            Self::Media => "/api/v1/messages/media",
            Self::Audio => "/api/v1/messages/audio",
        }
    }

    const fn url(self) -> &'static str {
        match self {
            Self::Media => "mediaUrl",
            Self::Audio => "audioUrl",
        }
    }

    /// What the largest file may have, whatever the other fields will say of it.
    const fn limit(self) -> u64 {
        match self {
            Self::Media => Wanted::Video.limit(),
            Self::Audio => Wanted::Audio.limit(),
        }
    }
}

/// Reads `mediaType`.
#[allow(clippy::needless_pass_by_value, reason = "a reader of a field, as the others are")]
fn media_type(word: String) -> Result<Wanted, &'static str> {
    match word.as_str() {
        "image" => Ok(Wanted::Image),
        "video" => Ok(Wanted::Video),
        _ => Err("must be image or video"),
    }
}

pub(in crate::http) async fn send_media(call: Call) -> Answered {
    send(call, Route::Media).await
}

pub(in crate::http) async fn send_audio(call: Call) -> Answered {
    send(call, Route::Audio).await
}

async fn send(mut call: Call, route: Route) -> Answered {
    let (door, request, once) = (call.door.clone(), call.arrival.id.clone(), Header::of(&call));
    let access = match call.enter_to_send().await {
        Ok(access) => access,
        Err(sending) => return Ok(answered(sending, &request)),
    };
    let asked = if upload::is_form(&call.headers) {
        match door.system.uploading(&access).await {
            Ok(uploading) => upload::read(&mut call, uploading, route.limit()).await,
            Err(refusal) => Err(upload::refuse(&mut call, refusal).await),
        }
        .and_then(|form| of_form(form, route, once))
    } else {
        call.body().await.map_err(or_a_form).and_then(|(body, mut fields)| {
            once.check(&mut fields);
            Ok(Asked { send: asked(fields, route, Given::Json)?, once: once.once(route.path(), &body), upload: None })
        })
    };
    Ok(accepted(&door.system, &access, &request, asked).await)
}

fn or_a_form(refusal: Refusal) -> Refusal {
    if refusal.code != Code::UnsupportedMediaType {
        return refusal;
    }
    let detail = "Send JSON in UTF-8 as `Content-Type: application/json`, or a form with a `file` as \
                  `Content-Type: multipart/form-data`.";
    Refusal { detail: detail.to_owned(), ..refusal }
}

pub(super) fn of_form(form: Form, route: Route, once: Header) -> Result<Asked, Refusal> {
    let digested = form.digested();
    let mut fields = Fields::of_form(form.texts);
    once.check(&mut fields);
    let send = asked(fields, route, Given::Form(form.upload.as_ref().map(Upload::name)))?;
    if let (Content::Media(medium), Some(upload)) = (&send.content, &form.upload)
        && upload.size() > medium.wanted.limit()
    {
        let what = match medium.wanted {
            Wanted::Image => "An image",
            Wanted::Video => "A video",
            Wanted::Audio | Wanted::Voice => "Audio",
        };
        return Err(too_large(what, medium.wanted.limit()));
    }
    Ok(Asked { send, once: once.once(route.path(), &digested), upload: form.upload })
}

/// How the fields came, and the file with them.
#[derive(Clone, Copy)]
pub(super) enum Given {
    Json,
    Form(Option<SpoolName>),
}

pub(super) fn asked(mut fields: Fields, route: Route, given: Given) -> Result<Send, Refusal> {
    let to = to(&mut fields);
    let source = source(&mut fields, route, given);
    let (wanted, caption) = match route {
        Route::Media => {
            let wanted = fields.required("mediaType", text(media_type));
            (wanted, fields.optional("caption", text(Caption::read)).flatten())
        }
        Route::Audio => {
            let read = if matches!(given, Given::Json) { yes_or_no } else { yes_or_no_in_words };
            let ptt = fields.optional("ptt", read).unwrap_or(false);
            (Some(if ptt { Wanted::Voice } else { Wanted::Audio }), None)
        }
    };
    let all = to.zip(source).zip(wanted).zip(via(&mut fields));
    fields.finish(all.map(|(((to, source), wanted), via)| Send {
        to,
        content: Content::Media(Box::new(Media { wanted, source, caption })),
        via,
    }))
}

/// A URL or a file: one of them, and not both.
fn source(fields: &mut Fields, route: Route, given: Given) -> Option<Source> {
    let has_url = fields.is_given(route.url());
    let url = fields.optional(route.url(), text(MediaUrl::try_from));
    match (has_url, given) {
        (true, Given::Form(Some(_))) => {
            fields.wrong(route.url(), "must not be given together with a file");
            fields.wrong("file", &format!("must not be given together with {}", route.url()));
            None
        }
        (true, _) => url.map(Source::Url),
        (false, Given::Form(Some(name))) => Some(Source::Upload(name)),
        (false, Given::Form(None)) => {
            fields.wrong(route.url(), "is required, or a file in its place");
            fields.wrong("file", &format!("is required and must not be empty, or {} in its place", route.url()));
            None
        }
        (false, Given::Json) => {
            fields.wrong(route.url(), "is required, or a file in its place, in a form as multipart/form-data");
            None
        }
    }
}
