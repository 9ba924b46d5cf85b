//! A JPEG as it is, without what it tells besides its picture: position, camera, previews, comments, films behind its end.

use std::io::{self, BufRead, Write};

const START: u8 = 0xd8;
const END: u8 = 0xd9;
const SCAN: u8 = 0xda;

/// Copies what is needed to show the picture in its colours, and nothing behind its end. One that does not end is an error.
pub(super) fn strip(from: &mut impl BufRead, to: &mut impl Write) -> io::Result<()> {
    if marker(from)? != START {
        return Err(broken());
    }
    to.write_all(&[0xff, START])?;
    loop {
        let mut kind = marker(from)?;
        while kind == SCAN {
            write_segment(to, SCAN, &segment(from)?)?;
            kind = copy_scan(from, to)?;
        }
        match kind {
            END => return to.write_all(&[0xff, END]),
            START => return Err(broken()),
            // Marks without a body.
            0x01 | 0xd0..=0xd7 => {}
            _ => {
                let body = segment(from)?;
                if is_needed(kind, &body) {
                    write_segment(to, kind, &body)?;
                }
            }
        }
    }
}

/// Whether a segment says how to show the picture: colour spaces and profiles do, other application data and comments do not.
fn is_needed(kind: u8, body: &[u8]) -> bool {
    match kind {
        // With a preview in it, it is longer.
        0xe0 => body.starts_with(b"JFIF\0") && body.len() == 14,
        0xe2 => body.starts_with(b"ICC_PROFILE\0"),
        0xee => body.starts_with(b"Adobe"),
        0xe1..=0xef | 0xfe => false,
        _ => true,
    }
}

/// The next marker; what stands before it means nothing.
fn marker(from: &mut impl BufRead) -> io::Result<u8> {
    loop {
        while byte(from)? != 0xff {}
        let mut kind = byte(from)?;
        while kind == 0xff {
            kind = byte(from)?;
        }
        if kind != 0 {
            return Ok(kind);
        }
    }
}

fn byte(from: &mut impl BufRead) -> io::Result<u8> {
    let mut byte = [0];
    from.read_exact(&mut byte)?;
    Ok(byte[0])
}

fn segment(from: &mut impl BufRead) -> io::Result<Vec<u8>> {
    let mut length = [0; 2];
    from.read_exact(&mut length)?;
    let length = usize::from(u16::from_be_bytes(length)).checked_sub(2).ok_or_else(broken)?;
    let mut body = vec![0; length];
    from.read_exact(&mut body)?;
    Ok(body)
}

fn write_segment(to: &mut impl Write, kind: u8, body: &[u8]) -> io::Result<()> {
    let length = u16::try_from(body.len() + 2).map_err(|_| broken())?;
    to.write_all(&[0xff, kind])?;
    to.write_all(&length.to_be_bytes())?;
    to.write_all(body)
}

/// Copies the coded pixels up to the next marker, and gives that.
fn copy_scan(from: &mut impl BufRead, to: &mut impl Write) -> io::Result<u8> {
    loop {
        let ahead = from.fill_buf()?;
        if ahead.is_empty() {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        let plain = ahead.iter().position(|byte| *byte == 0xff).unwrap_or(ahead.len());
        to.write_all(&ahead[..plain])?;
        let at_a_marker = plain < ahead.len();
        from.consume(plain);
        if !at_a_marker {
            continue;
        }
        from.consume(1);
        let mut kind = byte(from)?;
        while kind == 0xff {
            kind = byte(from)?;
        }
        match kind {
            // A byte of pixels that looks like a marker, and marks from which decoding can go on.
            0 | 0xd0..=0xd7 => to.write_all(&[0xff, kind])?,
            _ => return Ok(kind),
        }
    }
}

fn broken() -> io::Error {
    io::ErrorKind::InvalidData.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn part(kind: u8, body: &[u8]) -> Vec<u8> {
        let mut bytes = Vec::new();
        write_segment(&mut bytes, kind, body).unwrap();
        bytes
    }

    fn stripped(bytes: &[u8]) -> io::Result<Vec<u8>> {
        let mut out = Vec::new();
        strip(&mut &bytes[..], &mut out).map(|()| out)
    }

    #[test]
    fn only_what_shows_the_picture_stays() {
        let jfif = part(0xe0, b"JFIF\0\x01\x02\0\0\x01\0\x01\0\0");
        let profile = part(0xe2, b"ICC_PROFILE\0\x01\x01colours");
        let adobe = part(0xee, b"Adobe\0\x64\0\0\0\0\0");
        let (tables, frame) = (part(0xdb, &[7; 65]), part(0xc0, &[8; 15]));
        let scan = [part(SCAN, &[1; 10]), b"pixels \xff\0 and \xff\xd0 more".to_vec()].concat();
        let gone = [
            part(0xe1, b"Exif\0\0GPS"),
            part(0xe1, b"http://ns.adobe.com/xap/1.0/\0<x/>"),
            part(0xed, b"Photoshop 3.0\0Berlin"),
            part(0xe2, b"MPF\0more pictures"),
            part(0xe0, b"JFXX\0\x10preview"),
            part(0xfe, b"a comment"),
        ];
        let whole = [
            &[0xff, START][..],
            &jfif,
            &gone.concat(),
            &profile,
            &adobe,
            &tables,
            &frame,
            &scan,
            &gone.concat(),
            &scan,
            b"\xff\xff\xff\xd9",
            b"and a film behind it",
        ]
        .concat();
        let want = [&[0xff, START][..], &jfif, &profile, &adobe, &tables, &frame, &scan, &scan, &[0xff, END]].concat();
        assert_eq!(stripped(&whole).unwrap(), want);
        assert_eq!(stripped(&want).unwrap(), want, "there is nothing left to strip");
        for cut in [1, 3, 30, want.len() - 2, want.len() - 1] {
            assert_eq!(stripped(&want[..cut]).unwrap_err().kind(), io::ErrorKind::UnexpectedEof, "{cut}");
        }
    }

    #[test]
    fn lengths_that_cannot_be_are_refused() {
        assert!(stripped(b"\xff\xd8\xff\xe1\0\0").is_err());
        assert!(stripped(b"\xff\xd8\xff\xd8\xff\xd9").is_err());
        assert!(stripped(b"").is_err());
    }
}
