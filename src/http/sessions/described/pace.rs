//! What is said of a session's pace.

use utoipa::openapi::schema::{Object, ObjectBuilder, Type};

use crate::domain::pacing::{JITTER_MAX, PER_MINUTE_MAX};
use crate::http::openapi::texts;

pub(super) fn per_minute() -> Object {
    let about = "How many messages a minute the session sends at most; a few may go at once after a silence, and the others evenly. \
                 What is held back is `pending`. 0: as fast as it can. Null, or nothing: the default of the network, which is no limit \
                 on the sandbox, and 10 on WhatsApp. WhatsApp publishes no figures for linked devices; its Cloud API, another \
                 product, allows one message every six seconds to the same person.";
    texts::or_null(texts::whole(0, PER_MINUTE_MAX.into()).description(Some(about)).build())
}

pub(super) fn jitter() -> Object {
    let about = "By how many percent of the time between two messages the next one comes later, at most and by chance, so that it \
                 is no clockwork. Null, or nothing: 50.";
    texts::or_null(texts::whole(0, JITTER_MAX.into()).description(Some(about)).build())
}

pub(super) fn typing() -> Object {
    let about = "Whether the chat shows that a text is being typed before it comes: a third of a second a letter, 6 seconds at \
                 most. Null, or nothing: the default of the network, which is no on the sandbox, and yes on WhatsApp.";
    texts::or_null(ObjectBuilder::new().schema_type(Type::Boolean).description(Some(about)).build())
}
