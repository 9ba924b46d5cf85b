//! A PNG as it is, without its texts, its position, its other frames, and what stands behind its end.

use std::io::{self, BufRead, Read as _, Write};

const SIGNATURE: [u8; 8] = *b"\x89PNG\r\n\x1a\n";
/// The chunks that show the picture in its colours.
const NEEDED: [&[u8; 4]; 14] = [
    b"IHDR", b"PLTE", b"IDAT", b"IEND", b"tRNS", b"cHRM", b"gAMA", b"iCCP", b"sBIT", b"sRGB", b"cICP", b"mDCV",
    b"cLLI", b"pHYs",
];

/// Copies the needed chunks. A picture that does not end is an error.
pub(super) fn strip(from: &mut impl BufRead, to: &mut impl Write) -> io::Result<()> {
    let mut signature = [0; 8];
    from.read_exact(&mut signature)?;
    if signature != SIGNATURE {
        return Err(io::ErrorKind::InvalidData.into());
    }
    to.write_all(&signature)?;
    loop {
        let mut head = [0; 8];
        from.read_exact(&mut head)?;
        let [a, b, c, d, kind @ ..] = head;
        // The body and its checksum.
        let length = u64::from(u32::from_be_bytes([a, b, c, d])) + 4;
        let mut body = from.by_ref().take(length);
        let copied = if NEEDED.contains(&&kind) {
            to.write_all(&head)?;
            io::copy(&mut body, to)?
        } else {
            io::copy(&mut body, &mut io::sink())?
        };
        if copied < length {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        if kind == *b"IEND" {
            return Ok(());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_and_frames_go_and_the_picture_stays() {
        let chunk = |kind: &[u8], body: &[u8]| {
            [&u32::try_from(body.len()).unwrap().to_be_bytes()[..], kind, body, b"sum!"].concat()
        };
        let stays =
            [chunk(b"IHDR", &[1; 13]), chunk(b"PLTE", &[2; 6]), chunk(b"tRNS", &[0]), chunk(b"IDAT", b"pixels")];
        let goes = [
            chunk(b"tEXt", b"Author\0somebody"),
            chunk(b"eXIf", b"MM\0*GPS"),
            chunk(b"acTL", &[0; 8]),
            chunk(b"fdAT", b"more pixels"),
            chunk(b"tIME", &[0; 7]),
            chunk(b"prVt", b"own"),
        ];
        let end = chunk(b"IEND", b"");
        let whole =
            [&SIGNATURE[..], &stays[0], &goes.concat(), &stays[1..].concat(), &goes.concat(), &end, b"PK\x03\x04"];
        let want = [&SIGNATURE[..], &stays.concat(), &end].concat();
        let mut out = Vec::new();
        strip(&mut &whole.concat()[..], &mut out).unwrap();
        assert_eq!(out, want);
        for cut in [4, 20, want.len() - 1] {
            let error = strip(&mut &want[..cut], &mut io::sink()).unwrap_err();
            assert_eq!(error.kind(), io::ErrorKind::UnexpectedEof, "{cut}");
        }
    }
}
