//! The content of a message as its tenant sees it.

use std::collections::HashMap;

use entity::media::{Column, Entity};
use entity::message;
use sea_orm::{ColumnTrait, DerivePartialModel, EntityTrait, QueryFilter};
use uuid::Uuid;

use crate::domain::id::{MessageId, TenantId};
use crate::domain::media::Wanted;
use crate::domain::message::{Kind, Seen, Shown, Waveform};
use crate::store::{Store, StoreError};

/// What is seen of a medium's row: its thumbnail and its payload stay where they are.
#[derive(Debug, Default, DerivePartialModel)]
#[sea_orm(entity = "Entity")]
pub(super) struct Medium {
    message_id: Uuid,
    wanted: String,
    url: Option<String>,
    mime: Option<String>,
    size: Option<i64>,
    width: Option<i32>,
    height: Option<i32>,
    duration_ms: Option<i64>,
    waveform: Option<Vec<u8>>,
    gif: bool,
    #[sea_orm(from_expr = "Column::Reference.is_not_null()")]
    downloadable: bool,
}

impl Store {
    pub(super) async fn seen_media(
        &self,
        tenant: TenantId,
        rows: &[message::Model],
    ) -> Result<HashMap<Uuid, Medium>, StoreError> {
        let has_one =
            |row: &&message::Model| matches!(Kind::from_name(&row.kind), Kind::Image | Kind::Video | Kind::Audio);
        let ids: Vec<Uuid> = rows.iter().filter(has_one).map(|row| row.id).collect();
        if ids.is_empty() {
            return Ok(HashMap::new());
        }
        let found = Entity::find().filter(Column::TenantId.eq(tenant.0)).filter(Column::MessageId.is_in(ids));
        let found = found.into_partial_model::<Medium>().all(self.reader()).await?;
        Ok(found.into_iter().map(|medium| (medium.message_id, medium)).collect())
    }
}

pub(super) fn shown(id: MessageId, kind: Kind, text: Option<String>, medium: Medium) -> Shown {
    let download_url = medium.downloadable.then(|| format!("/api/v1/messages/{id}/media"));
    let size = medium.size.and_then(|size| size.try_into().ok());
    let duration_seconds = medium.duration_ms.and_then(seconds);
    match kind {
        Kind::Text => Shown::Text { message: text },
        Kind::Image => Shown::Image { medium: seen(download_url, text, medium) },
        Kind::Video => Shown::Video {
            duration_seconds,
            // Until then nobody has looked.
            gif: (medium.mime.is_some() || medium.downloadable).then_some(medium.gif),
            medium: seen(download_url, text, medium),
        },
        Kind::Audio => {
            let ptt = medium.wanted == Wanted::Voice.as_str();
            Shown::Audio {
                audio_url: medium.url,
                download_url,
                ptt,
                mime_type: medium.mime,
                size,
                duration_seconds,
                waveform: ptt.then_some(Waveform(medium.waveform)),
            }
        }
        Kind::Unsupported => Shown::Unsupported {},
    }
}

fn seen(download_url: Option<String>, caption: Option<String>, medium: Medium) -> Seen {
    Seen {
        media_url: medium.url,
        download_url,
        caption,
        mime_type: medium.mime,
        size: medium.size.and_then(|size| size.try_into().ok()),
        width: medium.width.and_then(|pixels| pixels.try_into().ok()),
        height: medium.height.and_then(|pixels| pixels.try_into().ok()),
    }
}

/// Whole milliseconds.
fn seconds(ms: i64) -> Option<f64> {
    Some(f64::from(u32::try_from(ms).ok()?) / 1000.0)
}
