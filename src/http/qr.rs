//! QR codes: shown by `Accept` as a picture (PNG or SVG) or as the text that they encode, and as a data URI for a stream's pages.

pub(super) mod described;

use std::fmt::Write;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use chrono::{DateTime, Utc};
use fast_qr::{ECL, QRBuilder, QRCode};
use warp::http::HeaderValue;
use warp::http::header::{EXPIRES, VARY};

use super::accept;
use super::call::{Answered, Call, id};
use super::reply;
use crate::domain::error::{Code, Refusal};
use crate::domain::qr::QrCode;

/// Light modules around the code; less than four and phones do not find it (ISO/IEC 18004).
const QUIET: usize = 4;
/// Pixels per module.
const SCALE: usize = 6;

/// What a code can be shown as.
#[derive(Clone, Copy)]
enum Form {
    Png,
    Svg,
    Text,
}

const FORMS: [(&str, Form); 3] = [("image/png", Form::Png), ("image/svg+xml", Form::Svg), ("text/plain", Form::Text)];

pub(super) async fn show(call: Call, session: String) -> Answered {
    let access = call.enter().await?;
    let form = accept::liked(&call.headers, &FORMS);
    let qr = call.system().current_qr(&access, id(&session)?).await?;
    let mut response = match form {
        None => Err(Refusal::new(
            Code::NotAcceptable,
            "A QR code comes as image/png, image/svg+xml or text/plain; accept one of these.",
        )),
        Some(Form::Png) => picture(&qr.code)
            .and_then(|code| png(&code).ok())
            .map(|png| reply::shown("image/png", png))
            .ok_or_else(too_long),
        Some(Form::Svg) => {
            picture(&qr.code).map(|code| reply::shown("image/svg+xml", svg(&code).into())).ok_or_else(too_long)
        }
        Some(Form::Text) => Ok(reply::shown("text/plain; charset=utf-8", qr.code.reveal().into())),
    }?;
    let headers = response.headers_mut();
    headers.insert(VARY, HeaderValue::from_static("accept"));
    // When the next one takes its place; that nobody keeps a copy is said of every answer.
    if let Ok(at) = HeaderValue::from_str(&http_date(qr.expires_at)) {
        headers.insert(EXPIRES, at);
    }
    Ok(response)
}

/// The code as `data:image/png;base64,…`. Nothing if the text is longer than any QR code.
pub(super) fn data_uri(code: &QrCode) -> Option<String> {
    let png = png(&picture(code)?).ok()?;
    Some(format!("data:image/png;base64,{}", BASE64_STANDARD.encode(png)))
}

fn picture(code: &QrCode) -> Option<QRCode> {
    QRBuilder::new(code.reveal()).ecl(ECL::L).build().ok()
}

fn too_long() -> Refusal {
    tracing::error!("a pairing code is longer than any QR code");
    Refusal::internal()
}

fn http_date(at: DateTime<Utc>) -> String {
    at.format("%a, %d %b %Y %H:%M:%S GMT").to_string()
}

/// One path over a light square; a row's neighbouring dark modules are one stroke of it.
fn svg(code: &QRCode) -> String {
    let side = code.size + 2 * QUIET;
    let mut path = String::new();
    for (y, modules) in code.data.chunks_exact(code.size).take(code.size).enumerate() {
        let mut x = 0;
        for run in modules.chunk_by(|a, b| a.value() == b.value()) {
            if run.first().is_some_and(|module| module.value()) {
                let _ = write!(path, "M{} {}h{n}v1h-{n}z", QUIET + x, QUIET + y, n = run.len());
            }
            x += run.len();
        }
    }
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {side} {side}\" width=\"{pixels}\" height=\"{pixels}\" \
         shape-rendering=\"crispEdges\"><path fill=\"#fff\" d=\"M0 0h{side}v{side}h-{side}z\"/><path d=\"{path}\"/></svg>",
        pixels = side * SCALE,
    )
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
        let uri = data_uri(&QrCode::new(text.as_str())).unwrap();
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
        assert_eq!(data_uri(&QrCode::new("x".repeat(5000))), None);
    }

    /// Paints the path as a renderer would, from its moves and strokes alone.
    #[test]
    fn the_drawing_shows_the_same_modules() {
        let code = picture(&QrCode::new("2@".to_owned() + &"abcdefghij".repeat(24))).unwrap();
        let svg = svg(&code);
        let side = code.size + 2 * QUIET;
        assert!(svg.contains(&format!("viewBox=\"0 0 {side} {side}\"")), "{svg}");
        let path = svg.rsplit_once("<path d=\"").unwrap().1.strip_suffix("\"/></svg>").unwrap();
        let mut dark = vec![vec![false; side]; side];
        for stroke in path.split_terminator('z') {
            let (at, run) = stroke.strip_prefix('M').unwrap().split_once('h').unwrap();
            let (x, y) = at.split_once(' ').unwrap();
            let (n, back) = run.split_once("v1h-").unwrap();
            assert_eq!(n, back, "{stroke}");
            let (x, y, n): (usize, usize, usize) = (x.parse().unwrap(), y.parse().unwrap(), n.parse().unwrap());
            dark[y][x..x + n].fill(true);
        }
        for (y, row) in dark.iter().enumerate() {
            for (x, dark) in row.iter().enumerate() {
                let inside = (QUIET..QUIET + code.size).contains(&x) && (QUIET..QUIET + code.size).contains(&y);
                assert_eq!(*dark, inside && code[y - QUIET][x - QUIET].value(), "module {x}, {y}");
            }
        }
    }

    #[test]
    fn dates_are_written_as_http_writes_them() {
        assert_eq!(http_date("2026-11-22T09:05:07.9Z".parse().unwrap()), "Sun, 22 Nov 2026 09:05:07 GMT");
    }
}
