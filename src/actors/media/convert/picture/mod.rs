//! Pictures, in this process: JPEG and PNG stay what they are without what they tell of the place and the camera; others become one.

mod gif;
mod jpeg;
mod png;
mod thumbnail;

use std::fs::File;
use std::io::{BufReader, BufWriter, ErrorKind, Write};
use std::path::{Path, PathBuf};

use image::codecs::gif::GifDecoder;
use image::codecs::jpeg::{JpegDecoder, JpegEncoder};
use image::codecs::png::{PngDecoder, PngEncoder};
use image::codecs::webp::WebPDecoder;
use image::metadata::Orientation;
use image::{DynamicImage, GenericImageView, ImageDecoder, ImageEncoder, ImageError, Limits};
use tokio::sync::Semaphore;

use super::Prepared;
use crate::domain::media::{Facts, Fault, Format};
use crate::domain::message::Kind;

/// Pixels on a side at most.
const SIDE: u32 = 16_384;
const MB: u64 = 1024 * 1024;
/// A picture may take this much once unpacked: 67 million pixels without alpha.
const UNPACKED: u64 = 192 * MB;
/// All pictures that are being unpacked take at most this together: twice what one may take, since turning one makes another.
const BUDGET: u32 = 384;
static UNPACKING: Semaphore = Semaphore::const_new(BUDGET as usize);

const QUALITY: u8 = 90;

/// Makes a JPEG or a PNG of a picture.
pub(super) async fn prepare(format: Format, source: &Path, folder: &Path) -> Result<Prepared, Fault> {
    let (source, folder) = (source.to_owned(), folder.to_owned());
    let cost = blocking({
        let source = source.clone();
        move || cost(&*open(format, &source)?)
    })
    .await?;
    let permit = UNPACKING.acquire_many(cost).await;
    // The permit goes along: the work is done to its end even if nobody waits for it any more.
    blocking(move || {
        let _permit = permit;
        convert(format, &source, &folder)
    })
    .await
}

/// Whether a GIF moves, which one of a single frame does not.
pub(super) async fn moves(source: &Path) -> Result<bool, Fault> {
    let source = source.to_owned();
    blocking(move || {
        cost(&*open(Format::Gif, &source)?)?;
        Ok(gif::frames(&mut reader(&source)?).map_err(|error| flaw(&error))? > 1)
    })
    .await
}

async fn blocking<T: Send + 'static>(work: impl FnOnce() -> Result<T, Fault> + Send + 'static) -> Result<T, Fault> {
    let done = tokio::task::spawn_blocking(work).await;
    done.unwrap_or_else(|_| Err(Fault::Unreadable("its content is broken".to_owned())))
}

fn limits() -> Limits {
    let mut limits = Limits::default();
    limits.max_image_width = Some(SIDE);
    limits.max_image_height = Some(SIDE);
    limits.max_alloc = Some(2 * UNPACKED);
    limits
}

fn reader(source: &Path) -> Result<BufReader<File>, Fault> {
    File::open(source).map(BufReader::new).map_err(|error| super::disk(&error))
}

/// Reads a picture's header, and nothing of its pixels.
fn open(format: Format, source: &Path) -> Result<Box<dyn ImageDecoder>, Fault> {
    let from = reader(source)?;
    let opened: Result<Box<dyn ImageDecoder>, ImageError> = match format {
        Format::Jpeg => JpegDecoder::new(from).map(|decoder| Box::new(decoder) as _),
        Format::Png => PngDecoder::with_limits(from, limits()).map(|decoder| Box::new(decoder) as _),
        Format::WebP => WebPDecoder::new(from).map(|decoder| Box::new(decoder) as _),
        Format::Gif => GifDecoder::new(from).map(|decoder| Box::new(decoder) as _),
        other => return Err(Fault::TypeUnsupported { found: Some(other.mime()) }),
    };
    let mut decoder = opened.map_err(unreadable)?;
    decoder.set_limits(limits()).map_err(unreadable)?;
    Ok(decoder)
}

/// How many megabytes a picture takes while it is worked on, as its header says.
fn cost(decoder: &dyn ImageDecoder) -> Result<u32, Fault> {
    let (width, height) = decoder.dimensions();
    let unpacked = decoder.total_bytes();
    if width > SIDE || height > SIDE || unpacked > UNPACKED {
        return Err(too_many_pixels());
    }
    Ok(u32::try_from(2 * unpacked / MB).unwrap_or(BUDGET).clamp(1, BUDGET))
}

fn convert(format: Format, source: &Path, folder: &Path) -> Result<Prepared, Fault> {
    let mut decoder = open(format, source)?;
    let orientation = decoder.orientation().unwrap_or(Orientation::NoTransforms);
    let upright = orientation == Orientation::NoTransforms;
    let jpeg = (folder.join("picture.jpg"), "image/jpeg");
    let png = (folder.join("picture.png"), "image/png");
    let ((path, mime), picture) = match format {
        Format::Jpeg if upright => {
            strip(source, &jpeg.0, jpeg::strip)?;
            // What goes out is what is looked at here, so that nothing goes out that cannot be looked at.
            (jpeg.clone(), pixels(open(format, &jpeg.0)?)?)
        }
        Format::Png if upright => {
            strip(source, &png.0, png::strip)?;
            (png.clone(), pixels(open(format, &png.0)?)?)
        }
        _ => {
            let profile = decoder.icc_profile().ok().flatten();
            if format == Format::Jpeg {
                // One that is cut off would be filled up with grey.
                jpeg::strip(&mut reader(source)?, &mut std::io::sink()).map_err(|error| flaw(&error))?;
            }
            let mut picture = pixels(decoder)?;
            picture.apply_orientation(orientation);
            let opaque = !picture.color().has_alpha() || picture.pixels().all(|(_, _, pixel)| pixel.0[3] == u8::MAX);
            let as_png = matches!(format, Format::Png | Format::Gif) || !opaque;
            let made = if as_png { png.clone() } else { jpeg.clone() };
            write(&picture, as_png, profile, &made.0)?;
            (made, picture)
        }
    };
    let facts = Facts {
        kind: Kind::Image,
        mime: mime.to_owned(),
        size: super::size(&path)?,
        width: Some(picture.width()),
        height: Some(picture.height()),
        duration_ms: None,
        waveform: None,
        thumbnail: thumbnail::of(&picture),
        gif: false,
    };
    Ok(Prepared { path, facts })
}

fn pixels(decoder: Box<dyn ImageDecoder>) -> Result<DynamicImage, Fault> {
    cost(&*decoder)?;
    DynamicImage::from_decoder(decoder).map_err(unreadable)
}

fn strip<S>(source: &Path, target: &PathBuf, strip: S) -> Result<(), Fault>
where
    S: FnOnce(&mut BufReader<File>, &mut BufWriter<File>) -> std::io::Result<()>,
{
    let mut to = BufWriter::new(File::create(target).map_err(|error| super::disk(&error))?);
    strip(&mut reader(source)?, &mut to).and_then(|()| to.flush()).map_err(|error| flaw(&error))
}

fn write(picture: &DynamicImage, as_png: bool, profile: Option<Vec<u8>>, target: &Path) -> Result<(), Fault> {
    let mut to = BufWriter::new(File::create(target).map_err(|error| super::disk(&error))?);
    let written = if as_png {
        let mut encoder = PngEncoder::new(&mut to);
        set_profile(&mut encoder, profile);
        picture.write_with_encoder(encoder)
    } else {
        let mut encoder = JpegEncoder::new_with_quality(&mut to, QUALITY);
        set_profile(&mut encoder, profile);
        match picture {
            DynamicImage::ImageRgb8(_) | DynamicImage::ImageLuma8(_) => picture.write_with_encoder(encoder),
            other => other.to_rgb8().write_with_encoder(encoder),
        }
    };
    written.map_err(|error| Fault::ConversionFailed(error.to_string()))?;
    to.flush().map_err(|error| super::disk(&error))
}

/// Without its profile a picture is shown in other colours than it was made in. A format that takes none does without.
fn set_profile(encoder: &mut impl ImageEncoder, profile: Option<Vec<u8>>) {
    if let Some(profile) = profile {
        let _ = encoder.set_icc_profile(profile);
    }
}

fn too_many_pixels() -> Fault {
    Fault::Unreadable(format!(
        "it is too large once unpacked; pictures have at most {SIDE} pixels on a side and {} MB of pixels",
        UNPACKED / MB
    ))
}

fn unreadable(error: ImageError) -> Fault {
    match error {
        ImageError::Limits(_) => too_many_pixels(),
        ImageError::IoError(error) => flaw(&error),
        _ => Fault::Unreadable("its content is broken, or of a kind that is not supported".to_owned()),
    }
}

/// What went wrong while a picture was read or copied.
fn flaw(error: &std::io::Error) -> Fault {
    match error.kind() {
        ErrorKind::UnexpectedEof => Fault::Unreadable("it ends too early".to_owned()),
        ErrorKind::InvalidData | ErrorKind::InvalidInput | ErrorKind::Other => {
            Fault::Unreadable("its content is broken".to_owned())
        }
        _ => super::disk(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    proptest::proptest! {
        #[test]
        fn no_bytes_are_too_strange(cut in 0_usize..400, at in 0_usize..400, flip in 1_u8.., rest in proptest::collection::vec(proptest::num::u8::ANY, 0..80)) {
            // A whole picture, cut anywhere, with something else behind, and a byte that is not what it was.
            let picture = DynamicImage::new_rgb8(3, 2);
            for format in [image::ImageFormat::Jpeg, image::ImageFormat::Png, image::ImageFormat::Gif] {
                let mut bytes = std::io::Cursor::new(Vec::new());
                picture.write_to(&mut bytes, format).unwrap();
                let mut bytes = bytes.into_inner();
                bytes.truncate(cut);
                bytes.extend(&rest);
                if let Some(byte) = bytes.get_mut(at) {
                    *byte ^= flip;
                }
                let mut out = Vec::new();
                let _ = jpeg::strip(&mut &bytes[..], &mut out);
                let _ = png::strip(&mut &bytes[..], &mut out);
                let _ = gif::frames(&mut &bytes[..]);
                // Nothing is made up.
                proptest::prop_assert!(out.len() <= 2 * bytes.len() + 8);
            }
        }
    }
}
