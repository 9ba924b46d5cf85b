//! Sends by hand: what somebody who is signed in typed into a page. They are read, counted and limited as a program's are.

use super::upload::{self, Form};
use super::{Asked, media, sent, text};
use crate::actors::Sending;
use crate::domain::access::Access;
use crate::domain::error::{Code, Refusal};
use crate::domain::media::Wanted;
use crate::http::call::Call;
use crate::http::fields::Fields;
use crate::http::once::Header;

/// The calls that send.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::http) enum Way {
    Text,
    Media,
    Audio,
}

impl Way {
    pub(in crate::http) const fn path(self) -> &'static str {
        match self {
            Self::Text => text::PATH,
            Self::Media => media::Route::Media.path(),
            Self::Audio => media::Route::Audio.path(),
        }
    }
}

/// A form as it was sent, with the file that came with it.
#[derive(Debug, Default)]
pub(in crate::http) struct Typed {
    form: Form,
}

impl Typed {
    pub(in crate::http) fn texts(&self) -> &[(String, String)] {
        &self.form.texts
    }

    /// What the file is called where it came from.
    pub(in crate::http) fn file_name(&self) -> Option<&str> {
        self.form.file_name.as_deref()
    }
}

/// Reads what a page's form sent, as far as it could be read, and says what was the matter with the rest. A file is on the disk
/// when this is done, and never in memory.
pub(in crate::http) async fn typed(call: &mut Call, access: &Access) -> (Typed, Result<(), Refusal>) {
    let mut form = Form::default();
    if !upload::is_form(&call.headers) {
        let refusal = Refusal::new(Code::UnsupportedMediaType, "Send a form as `Content-Type: multipart/form-data`.");
        return (Typed { form }, Err(upload::refuse(call, refusal).await));
    }
    let uploading = call.system().uploading(access).await;
    let read = upload::read_into(call, &mut form, uploading, Wanted::Video.limit()).await;
    (Typed { form }, read)
}

/// Sends these fields, and the file of a form where the call takes one. A form that is sent again in the same words is done once.
pub(in crate::http) async fn send(
    call: &Call,
    access: &Access,
    way: Way,
    fields: Vec<(String, String)>,
    typed: Typed,
    once: Option<uuid::Uuid>,
) -> Sending {
    let upload = typed.form.upload.filter(|_| way != Way::Text);
    let form = Form { texts: fields, upload, file_name: None };
    let digested = form.digested();
    let once = Header::of_form(once, way.path(), &digested);
    let asked = match way {
        Way::Text => text::asked(Fields::of_form(form.texts)).map(|send| Asked {
            send,
            once: once.once(way.path(), &digested),
            upload: None,
        }),
        Way::Media => media::of_form(form, media::Route::Media, once),
        Way::Audio => media::of_form(form, media::Route::Audio, once),
    };
    sent(call.system(), access, &call.arrival.id, asked).await
}

/// Says of a form that was refused how the day stands.
pub(in crate::http) async fn refused(call: &Call, access: &Access, refusal: Refusal) -> Sending {
    sent(call.system(), access, &call.arrival.id, Err(refusal)).await
}
