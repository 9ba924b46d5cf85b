//! The small picture that is shown while the large one is on its way.

use image::codecs::jpeg::JpegEncoder;
use image::{DynamicImage, GenericImageView, Rgb, RgbImage};

/// Pixels on the long side, and bytes.
const SMALL: u32 = 100;
const SMALL_BYTES: usize = 8 * 1024;

/// A JPEG of at most 100 pixels on the long side and 8 kB; what shines through is white.
pub(super) fn of(picture: &DynamicImage) -> Option<Vec<u8>> {
    let small = match picture.dimensions() {
        (width, height) if width.max(height) <= SMALL => on_white(picture),
        _ => on_white(&picture.thumbnail(SMALL, SMALL)),
    };
    [75, 50, 20].into_iter().find_map(|quality| {
        let mut bytes = Vec::new();
        small.write_with_encoder(JpegEncoder::new_with_quality(&mut bytes, quality)).ok()?;
        Some(bytes).filter(|bytes| bytes.len() <= SMALL_BYTES)
    })
}

fn on_white(picture: &DynamicImage) -> RgbImage {
    let picture = picture.to_rgba8();
    RgbImage::from_fn(picture.width(), picture.height(), |x, y| {
        let [red, green, blue, alpha] = picture.get_pixel(x, y).0;
        let blend = |part: u8| {
            let sum = u16::from(part) * u16::from(alpha) + 255 * (255 - u16::from(alpha));
            u8::try_from(sum / 255).unwrap_or(u8::MAX)
        };
        Rgb([blend(red), blend(green), blend(blue)])
    })
}
