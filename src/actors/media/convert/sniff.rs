//! What a file is: its content decides, and a container that is shorter than it says is cut off.

use std::path::Path;

use tokio::fs::File;
use tokio::io::{AsyncReadExt as _, AsyncSeekExt as _, SeekFrom};

use crate::domain::media::{Fault, Format, HEAD, Wanted, id3_length, looks_like};

/// The format of a file that may become what is wanted.
pub(super) async fn sniff(wanted: Wanted, source: &Path) -> Result<Format, Fault> {
    let mut file = File::open(source).await.map_err(|error| super::disk(&error))?;
    let length = file.metadata().await.map_err(|error| super::disk(&error))?.len();
    if length == 0 {
        return Err(Fault::Unreadable("it is empty".to_owned()));
    }
    if length > wanted.limit() {
        return Err(Fault::TooLarge { limit: wanted.limit() });
    }
    let head = read(&mut file, 0).await?;
    let (format, looks) = match id3_length(&head) {
        Some(tag) => {
            let rest = read(&mut file, tag).await?;
            (Format::behind_a_tag(&rest), looks_like(&rest))
        }
        None => (Format::of(&head), looks_like(&head)),
    };
    let Some(format) = format else { return Err(Fault::TypeUnsupported { found: looks }) };
    if !format.suits(wanted) {
        return Err(Fault::TypeUnsupported { found: Some(format.mime()) });
    }
    whole(&mut file, format, &head, length).await?;
    Ok(format)
}

async fn read(file: &mut File, from: u64) -> Result<Vec<u8>, Fault> {
    let mut head = Vec::with_capacity(HEAD);
    file.seek(SeekFrom::Start(from)).await.map_err(|error| super::disk(&error))?;
    file.take(HEAD as u64).read_to_end(&mut head).await.map_err(|error| super::disk(&error))?;
    Ok(head)
}

/// Refuses a file that ends before what its container promises: ffmpeg would play what is there.
async fn whole(file: &mut File, format: Format, head: &[u8], length: u64) -> Result<(), Fault> {
    let promised = match format {
        Format::Mp4 | Format::ThreeGp | Format::Mov | Format::M4a => boxes(file, length).await?,
        Format::Wav | Format::WebP => riff(head),
        _ => None,
    };
    match promised.and_then(|promised| promised.checked_sub(length)).filter(|missing| *missing > 0) {
        Some(missing) => Err(Fault::Unreadable(format!("it is cut off, {missing} bytes of it are missing"))),
        None => Ok(()),
    }
}

/// Where the boxes of an ISO file end: each names its length, and they stand one behind the other.
async fn boxes(file: &mut File, length: u64) -> Result<Option<u64>, Fault> {
    // Fragments are boxes too; whoever has more of them than this is not walked to the end.
    const MOST: usize = 10_000;
    let mut at = 0_u64;
    for _ in 0..MOST {
        // Less than a head of a box at the end is no box.
        if length.saturating_sub(at) < 16 {
            return Ok(Some(at));
        }
        let mut head = [0; 16];
        file.seek(SeekFrom::Start(at)).await.map_err(|error| super::disk(&error))?;
        file.read_exact(&mut head).await.map_err(|error| super::disk(&error))?;
        let [a, b, c, d, _, _, _, _, long @ ..] = head;
        let size = match u32::from_be_bytes([a, b, c, d]) {
            // Up to the end of the file, whatever that is.
            0 => return Ok(None),
            1 => u64::from_be_bytes(long),
            size => u64::from(size),
        };
        match at.checked_add(size) {
            Some(end) if size >= 8 => at = end,
            // What follows is no box: something was put behind the file.
            _ => return Ok(Some(at)),
        }
    }
    Ok(None)
}

/// The length in the head of a RIFF file. Who writes a stream does not know it, and puts 0 or the largest number there.
fn riff(head: &[u8]) -> Option<u64> {
    const UNKNOWN: u32 = 0x7fff_0000;
    let size = u32::from_le_bytes(*head.get(4..)?.first_chunk::<4>()?);
    // Many leave the last byte out, that makes the length even.
    (size > 0 && size < UNKNOWN).then(|| (u64::from(size) + 8).saturating_sub(1))
}
