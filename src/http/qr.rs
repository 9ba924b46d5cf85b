//! QR codes as pictures: black and white PNG, as a data URI that a page shows as it is.

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use fast_qr::{ECL, QRBuilder, QRCode};

/// Light modules around the code; less than four and phones do not find it (ISO/IEC 18004).
const QUIET: usize = 4;
/// Pixels per module.
const SCALE: usize = 6;

/// The code as `data:image/png;base64,…`. Nothing if the text is longer than any QR code.
pub(super) fn data_uri(text: &str) -> Option<String> {
    let code = QRBuilder::new(text).ecl(ECL::L).build().ok()?;
    let png = png(&code).ok()?;
    Some(format!("data:image/png;base64,{}", BASE64_STANDARD.encode(png)))
}

fn png(code: &QRCode) -> Result<Vec<u8>, png::EncodingError> {
    let side = (code.size + 2 * QUIET) * SCALE;
    let row_bytes = side.div_ceil(8);
    let blank = vec![0xff; row_bytes];
    let mut pixels = Vec::with_capacity(row_bytes * side);
    (0..QUIET * SCALE).for_each(|_| pixels.extend_from_slice(&blank));
    for modules in code.data.chunks_exact(code.size).take(code.size) {
        let mut row = blank.clone();
        let dark = modules.iter().enumerate().filter(|(_, module)| module.value());
        for pixel in dark.flat_map(|(at, _)| (QUIET + at) * SCALE..(QUIET + at + 1) * SCALE) {
            if let Some(byte) = row.get_mut(pixel / 8) {
                *byte &= !(0x80 >> (pixel % 8));
            }
        }
        (0..SCALE).for_each(|_| pixels.extend_from_slice(&row));
    }
    (0..QUIET * SCALE).for_each(|_| pixels.extend_from_slice(&blank));
    let mut file = Vec::new();
    let side = u32::try_from(side).unwrap_or(u32::MAX);
    let mut encoder = png::Encoder::new(&mut file, side, side);
    encoder.set_color(png::ColorType::Grayscale);
    encoder.set_depth(png::BitDepth::One);
    let mut writer = encoder.write_header()?;
    writer.write_image_data(&pixels)?;
    writer.finish()?;
    Ok(file)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_picture_shows_the_code_s_modules() {
        let text = "2@".to_owned() + &"abcdefghij".repeat(24);
        let uri = data_uri(&text).unwrap();
        let file = BASE64_STANDARD.decode(uri.strip_prefix("data:image/png;base64,").unwrap()).unwrap();
        let mut reader = png::Decoder::new(std::io::Cursor::new(file)).read_info().unwrap();
        let mut pixels = vec![0; reader.output_buffer_size().unwrap()];
        let info = reader.next_frame(&mut pixels).unwrap();
        let code = QRBuilder::new(text).ecl(ECL::L).build().unwrap();
        assert_eq!(info.width as usize, (code.size + 2 * QUIET) * SCALE);
        for y in 0..code.size {
            for x in 0..code.size {
                // The middle of each module's square.
                let (px, py) = ((QUIET + x) * SCALE + SCALE / 2, (QUIET + y) * SCALE + SCALE / 2);
                let light = pixels[py * info.line_size + px / 8] & (0x80 >> (px % 8)) != 0;
                assert_eq!(light, !code[y][x].value(), "module {x}, {y}");
            }
        }
        assert!(pixels[..info.line_size * QUIET * SCALE].iter().all(|b| *b == 0xff), "the quiet zone is light");
    }

    #[test]
    fn what_fits_no_code_has_no_picture() {
        assert_eq!(data_uri(&"x".repeat(5000)), None);
    }
}
