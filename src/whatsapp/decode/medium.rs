//! Pictures, films and sounds: what their senders say of them, and where they lie.

use whatsapp_rust::Jid;
use whatsapp_rust::prelude::wa;
use whatsapp_rust::wacore::download::Downloadable;
use whatsapp_rust::wacore::types::message::MessageSource;

use super::ReceivedMedium;
use crate::domain::media::{Reference, Said, Wanted};

/// The medium of a message that carries one. The message is the innermost one.
pub(super) fn of(message: &wa::Message, source: &MessageSource) -> Option<ReceivedMedium> {
    if let Some(image) = message.image_message.as_option() {
        let said = Said::nothing(Wanted::Image).of_type(image.mimetype.as_deref());
        let said = said.with_sides(image.width, image.height);
        return Some(medium(said, image.caption.as_deref(), image, source));
    }
    if let Some(video) = message.video_message.as_option().or_else(|| message.ptv_message.as_option()) {
        let said = Said { gif: video.gif_playback == Some(true), ..Said::nothing(Wanted::Video) };
        let said = said.of_type(video.mimetype.as_deref()).with_sides(video.width, video.height);
        return Some(medium(said.with_seconds(video.seconds), video.caption.as_deref(), video, source));
    }
    let audio = message.audio_message.as_option()?;
    let voice = audio.ptt == Some(true);
    let said = Said::nothing(if voice { Wanted::Voice } else { Wanted::Audio });
    let said = said.of_type(audio.mimetype.as_deref()).with_seconds(audio.seconds);
    let said = said.with_waveform(audio.waveform.as_deref().filter(|_| voice));
    Some(medium(said, None, audio, source))
}

fn medium(
    said: Said,
    caption: Option<&str>,
    downloadable: &dyn Downloadable,
    source: &MessageSource,
) -> ReceivedMedium {
    let bytes = [downloadable.media_key(), downloadable.file_enc_sha256(), downloadable.file_sha256()];
    let sender = source.is_group.then(|| address(&source.sender));
    let known_by = (address(&source.chat), sender);
    ReceivedMedium {
        reference: Reference::read(said.wanted, downloadable.direct_path(), bytes, known_by),
        said: said.with_size(downloadable.file_length()),
        caption: caption.filter(|caption| !caption.is_empty()).map(str::to_owned),
    }
}

fn address(jid: &Jid) -> String {
    jid.to_non_ad_string()
}
