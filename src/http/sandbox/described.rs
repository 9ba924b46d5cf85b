//! What is said of the simulated phones in the OpenAPI document.

use base64::Engine as _;
use serde_json::{Value, json};
use utoipa::ToSchema;
use utoipa::openapi::content::Content;
use utoipa::openapi::path::ParameterIn;
use utoipa::openapi::schema::{AnyOfBuilder, Object, ObjectBuilder, Type};
use warp::http::StatusCode;

use super::attachment::{NAME_MAX as MEDIUM_NAME_MAX, SECONDS_MAX, SIDE_MAX};
use super::errand::{self, NAME_MAX, QR_MAX};
use super::part::Part;
use crate::domain::error::{Code, Refusal};
use crate::domain::id::SessionId;
use crate::domain::media::WAVEFORM;
use crate::domain::phone::Phone;
use crate::http::openapi::{Described, Tag, samples, texts};
use crate::sandbox::{AttachmentKind, PAGE_MAX, Page, PhoneInfo, Shown};

pub(in crate::http) use super::faults::described::{faults, heal, heal_all, inject};

/// A phone to make.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
#[allow(dead_code, reason = "its fields are read one by one; this describes them")]
struct NewPhone {
    #[schema(schema_with = texts::number)]
    phone: String,
    #[schema(schema_with = name, required = false)]
    name: Option<String>,
    /// Whether its person reads at once what it shows. Without this, it stays as it is, and at first it does not.
    auto_read: Option<bool>,
}

fn name() -> Object {
    texts::or_null(texts::line(NAME_MAX).description(Some("The person's name, as others see it.")).build())
}

/// What the phone scans or its person types in: one of these.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
#[allow(dead_code, reason = "its fields are read one by one; this describes them")]
struct Scan {
    #[schema(schema_with = session_id, required = false)]
    session_id: Option<SessionId>,
    #[schema(schema_with = qr, required = false)]
    qr: Option<String>,
    #[schema(schema_with = code, required = false)]
    code: Option<String>,
}

/// A reference and three keys, in base64, with commas between them; a deep link may stand before it.
const QR: &str = "^[^,\\u0000-\\u001f\\u007f-\\u009f]+(?:,[A-Za-z0-9+/]{42}[AEIMQUYcgkosw048]=){3}(?:,[^\\u0000-\\u001f\\u007f-\\u009f]*)?$";

fn session_id() -> Object {
    texts::or_null(texts::uuid().description(Some("The session whose present QR code it scans.")).build())
}

fn qr() -> Object {
    let code =
        texts::line(QR_MAX).pattern(Some(QR)).description(Some("What a QR code encodes, as the stream tells it."));
    texts::or_null(code.build())
}

fn code() -> Object {
    let code = ObjectBuilder::new()
        .schema_type(Type::String)
        .pattern(Some("^(?:[ -]*[A-Za-z0-9]){8}[ -]*$"))
        .description(Some("A pairing code that was made for this number; dashes and spaces do not count."))
        .examples(["ABCD-EFGH"]);
    texts::or_null(code.build())
}

fn one_of_three() -> AnyOfBuilder {
    let null = || Object::with_type(Type::Null);
    let text = || Object::with_type(Type::String);
    let names = ["sessionId", "qr", "code"];
    names.into_iter().fold(AnyOfBuilder::new(), |any, given| {
        let schema = names.into_iter().fold(ObjectBuilder::new().required(given), |object, name| {
            object.property(name, if name == given { text() } else { null() })
        });
        any.item(schema)
    })
}

/// Which part of the screen is asked for.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
#[allow(dead_code, reason = "its fields are read one by one; this describes them")]
struct ScreenQuery {
    #[schema(schema_with = after, required = false)]
    after: String,
    #[schema(schema_with = latest, required = false)]
    latest: u32,
    #[schema(schema_with = limit, required = false)]
    limit: u32,
}

fn after() -> Object {
    texts::uuid().description(Some("Only what comes after this message: the `nextAfter` of the page before.")).build()
}

fn latest() -> Object {
    let about = "Only the latest so many, as they are now: a medium that the phone is fetching has no `sha256` yet. Without this, it is \
                 waited for the media that are on their way, up to ten seconds.";
    texts::whole(1, PAGE_MAX.into()).description(Some(about)).build()
}

fn limit() -> Object {
    let most = PAGE_MAX.into();
    texts::whole(1, most).description(Some("How many a page has at most.")).default(Some(json!(most))).build()
}

/// What the phone's person writes.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
#[allow(dead_code, reason = "its fields are read one by one; this describes them")]
struct PhoneMessage {
    #[schema(schema_with = texts::number)]
    to: String,
    #[schema(schema_with = texts::text)]
    message: String,
}

/// A medium that the phone's person sends. It comes in the body and is no larger than bodies may be.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
#[allow(dead_code, reason = "its fields are read one by one; this describes them")]
struct PhoneMedium {
    #[schema(schema_with = texts::number)]
    to: String,
    #[schema(schema_with = bytes)]
    media_base64: String,
    #[schema(inline)]
    media_type: AttachmentKind,
    #[schema(schema_with = mime, required = false)]
    mime: Option<String>,
    #[schema(schema_with = texts::caption, required = false)]
    caption: Option<String>,
    /// Of audio: whether it is a voice note.
    ptt: Option<bool>,
    #[schema(schema_with = file_name, required = false)]
    file_name: Option<String>,
    #[schema(schema_with = side, required = false)]
    width: Option<u32>,
    #[schema(schema_with = side, required = false)]
    height: Option<u32>,
    #[schema(schema_with = seconds, required = false)]
    duration_seconds: Option<u32>,
    #[schema(schema_with = waveform, required = false)]
    waveform_base64: Option<String>,
    /// Of a video: whether it plays by itself, over and over.
    gif: Option<bool>,
}

fn side() -> Object {
    let about = "What the phone says of its pixels: it looks into none.";
    texts::or_null(texts::whole(1, SIDE_MAX).description(Some(about)).build())
}

fn waveform() -> Object {
    let about = "Of a voice note: how loud it is from beginning to end, in 64 bytes from 0 to 100, in base64.";
    let values = base64::prelude::BASE64_STANDARD.encode([50; WAVEFORM]);
    texts::or_null(texts::base64().description(Some(about)).examples([values]).build())
}

fn seconds() -> Object {
    texts::or_null(texts::whole(0, SECONDS_MAX).description(Some("What the phone says of its length.")).build())
}

fn bytes() -> Object {
    texts::base64().description(Some("The file, in base64.")).examples(["/9j/4AAQSkZJRg=="]).build()
}

fn mime() -> Object {
    let about = "The type that the phone says it is of; what goes with `mediaType` if this is not said.";
    texts::or_null(texts::line(MEDIUM_NAME_MAX).description(Some(about)).build())
}

fn file_name() -> Object {
    texts::or_null(texts::line(MEDIUM_NAME_MAX).description(Some("Of a document: its name.")).build())
}

/// The chat that the phone's person reads.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
#[allow(dead_code, reason = "its field is read by itself; this describes it")]
struct Chat {
    #[schema(schema_with = texts::number)]
    chat: String,
}

/// Whom the phone's person blocks, or lets in again.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
#[allow(dead_code, reason = "its field is read by itself; this describes it")]
struct OtherPhone {
    #[schema(schema_with = texts::number)]
    phone: String,
}

pub(super) fn of_sandbox(id: &'static str, summary: &'static str, about: &'static str) -> Described {
    Described::new(Tag::Sandbox, id, summary, about).refuses(&[Code::SandboxUnreachable])
}

fn of_phone(id: &'static str, summary: &'static str, about: &'static str) -> Described {
    let name = "The phone's number; its `+` may be percent-encoded.";
    of_sandbox(id, summary, about).at_schema("phone", name, texts::number()).refuses(&[Code::PhoneNotFound])
}

fn shown() -> Value {
    json!({
        "id": samples::MESSAGE, "whatsappMessageId": "3EB0C4A1D2E3F4A5B6C7D8", "chat": samples::OWN, "fromMe": false, "from": samples::OWN,
        "type": "text", "text": "Hello", "caption": null, "mime": null, "size": null, "fileName": null, "width": null,
        "height": null, "durationSeconds": null, "voice": null, "waveform": null, "gif": null, "thumbnail": null, "sha256": null,
        "mediaError": null, "status": "delivered", "timestamp": samples::BEGAN,
    })
}

pub(in crate::http) fn create() -> Described {
    of_sandbox(
        "createPhone",
        "Make a phone, or change one",
        "Every number that is sent to exists by itself; this gives it a name.",
    )
    .takes::<NewPhone>(json!({ "phone": samples::PHONE, "name": "Ada" }), |fields| errand::create(fields).map(drop))
    .gives::<PhoneInfo>(StatusCode::CREATED, "The phone", as_it_is())
    .with_header("Location")
    .refuses(&[Code::PhoneNotFound])
}

fn as_it_is() -> Value {
    json!({ "phone": samples::PHONE, "name": "Ada", "autoRead": false, "online": true, "linkedDevices": 1 })
}

pub(in crate::http) fn look() -> Described {
    of_phone(
        "getPhone",
        "Get a phone",
        "How it is: its person's name, whether it is online, how many sessions are linked to it.",
    )
    .gives::<PhoneInfo>(StatusCode::OK, "The phone", as_it_is())
}

pub(in crate::http) fn scan() -> Described {
    of_phone(
        "scan",
        "Link a session to this phone's account",
        "Its person scans the QR code that one of your sessions shows, or the text of any, or types in a pairing code.",
    )
    .takes::<Scan>(json!({ "sessionId": samples::SESSION }), |fields| errand::scanned(fields).map(drop))
    .under(one_of_three())
    .says(StatusCode::NO_CONTENT, "It is linked.")
    .refuses(&[
        Code::NotFound,
        Code::SessionNotPairing,
        Code::QrNotUsable,
        Code::PairingCodeNotUsable,
        Code::PhoneOffline,
    ])
}

pub(in crate::http) fn screen() -> Described {
    of_phone(
        "getScreen",
        "See what the phone shows",
        "What is on its screen, decrypted on the phone, oldest first, page by page.",
    )
    .asks_by::<ScreenQuery>(json!({ "limit": 10 }), |fields| errand::screen(phone()?, fields).map(drop))
    .gives::<Page>(StatusCode::OK, "The messages", json!({ "messages": [shown()] }))
    .refuses(&[Code::NotFound])
}

fn range() -> Object {
    ObjectBuilder::new().schema_type(Type::String).pattern(Some(Part::PATTERN)).examples(["bytes=0-499"]).build()
}

fn of_medium(id: &'static str, summary: &'static str, about: &'static str) -> Described {
    let message = texts::uuid().build();
    of_phone(id, summary, about)
        .at_schema("message", "The message's id on this phone.", message)
        .refuses(&[Code::NotFound])
}

pub(in crate::http) fn copy() -> Described {
    of_medium(
        "getShownMedium",
        "Get the phone's copy of a medium",
        "The file as the phone fetched, checked and decrypted it, of the type that its sender said. It is there once `sha256` is.",
    )
    .hears(ParameterIn::Header, "Range", "One part of the file, as players ask for it: `bytes=0-499`.", range())
    .says(StatusCode::OK, "The file")
    .form("*/*", Content::default())
    .says(StatusCode::PARTIAL_CONTENT, "The part that was asked for, if the file has one")
    .form("*/*", Content::default())
}

pub(in crate::http) fn expire() -> Described {
    of_medium(
        "expireShownMedium",
        "Let a medium expire",
        "The media servers forget the file, as they do after some weeks; whoever has not fetched it cannot any more.",
    )
    .says(StatusCode::NO_CONTENT, "It has expired.")
}

pub(in crate::http) fn write() -> Described {
    let mut own = shown();
    own["fromMe"] = json!(true);
    of_phone("writeFromPhone", "Write from the phone", "Its person writes to somebody, a session's number say.")
        .takes::<PhoneMessage>(json!({ "to": samples::OWN, "message": "Hello" }), |fields| {
            errand::write(phone()?, fields).map(drop)
        })
        .takes::<PhoneMedium>(
            json!({ "to": samples::OWN, "mediaBase64": "/9j/4AAQSkZJRg==", "mediaType": "image", "caption": "Look" }),
            |fields| errand::write(phone()?, fields).map(drop),
        )
        .gives::<Shown>(StatusCode::CREATED, "The message as the phone shows it", own)
        .with_header("Location")
        .refuses(&[Code::PhoneOffline])
}

pub(in crate::http) fn read() -> Described {
    of_phone("readChat", "Read a chat on the phone", "Its person reads what the chat shows, and the sender is told.")
        .takes::<Chat>(json!({ "chat": samples::OWN }), |fields| errand::read(phone()?, fields).map(drop))
        .says(StatusCode::NO_CONTENT, "It is read.")
        .refuses(&[Code::PhoneOffline])
}

pub(in crate::http) fn block() -> Described {
    let about = "Its person blocks somebody, and the sessions of its account are told: what they are asked to send there fails with \
                 `recipient_blocked`. What that one writes to the account is taken by the network and reaches nobody.";
    of_phone("blockOnPhone", "Block somebody on the phone", about)
        .takes::<OtherPhone>(json!({ "phone": samples::OWN }), |fields| errand::block(phone()?, fields, true).map(drop))
        .says(StatusCode::NO_CONTENT, "That one is blocked.")
        .refuses(&[Code::PhoneOffline])
}

pub(in crate::http) fn unblock() -> Described {
    let about = "Its person lets in again whom it has blocked, and the sessions of its account are told.";
    of_phone("unblockOnPhone", "Let somebody in again", about)
        .takes::<OtherPhone>(json!({ "phone": samples::OWN }), |fields| {
            errand::block(phone()?, fields, false).map(drop)
        })
        .says(StatusCode::NO_CONTENT, "That one is let in.")
        .refuses(&[Code::PhoneOffline])
}

pub(in crate::http) fn offline() -> Described {
    of_phone("takeOffline", "Take the phone offline", "It receives nothing and says nothing until it comes back.")
        .says(StatusCode::NO_CONTENT, "It is offline.")
}

pub(in crate::http) fn online() -> Described {
    of_phone("bringOnline", "Bring the phone back", "It is told what it missed.")
        .says(StatusCode::NO_CONTENT, "It is online.")
}

/// Any phone: which one it is makes no difference to how a body is read.
fn phone() -> Result<Phone, Refusal> {
    errand::addressed(samples::PHONE)
}
