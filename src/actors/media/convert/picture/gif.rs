//! How many frames a GIF has, counted from its blocks: nothing is unpacked for it.

use std::io::{self, BufRead};

const EXTENSION: u8 = 0x21;
const FRAME: u8 = 0x2c;
const END: u8 = 0x3b;

/// Walks to the end. Many leave the last mark out, but one that ends within a block is cut off.
pub(super) fn frames(from: &mut impl BufRead) -> io::Result<u32> {
    let [_, _, _, _, _, _, _, _, _, _, flags, _, _] = bytes(from)?;
    skip(from, colours(flags))?;
    let mut frames = 0;
    while !from.fill_buf()?.is_empty() {
        match bytes(from)? {
            [EXTENSION] => {
                let [_label] = bytes(from)?;
                skip_blocks(from)?;
            }
            [FRAME] => {
                let [_, _, _, _, _, _, _, _, flags] = bytes(from)?;
                skip(from, colours(flags))?;
                let [_code_size] = bytes(from)?;
                skip_blocks(from)?;
                frames += 1;
            }
            [END] => break,
            // Some have zeros between their blocks, and some have other things behind their last.
            [0] => {}
            _ if frames > 0 => break,
            _ => return Err(io::ErrorKind::InvalidData.into()),
        }
    }
    Ok(frames)
}

/// How long the table of colours is.
fn colours(flags: u8) -> u64 {
    if flags & 0x80 == 0 { 0 } else { 3 << ((flags & 7) + 1) }
}

fn bytes<const N: usize>(from: &mut impl BufRead) -> io::Result<[u8; N]> {
    let mut bytes = [0; N];
    from.read_exact(&mut bytes)?;
    Ok(bytes)
}

fn skip(from: &mut impl BufRead, length: u64) -> io::Result<()> {
    let skipped = io::copy(&mut io::Read::take(from, length), &mut io::sink())?;
    if skipped < length { Err(io::ErrorKind::UnexpectedEof.into()) } else { Ok(()) }
}

/// Blocks of up to 255 bytes, until one of none.
fn skip_blocks(from: &mut impl BufRead) -> io::Result<()> {
    loop {
        match bytes(from)? {
            [0] => return Ok(()),
            [length] => skip(from, length.into())?,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_are_counted_and_what_is_cut_off_is_told() {
        let head = [&b"GIF89a"[..], &[4, 0, 4, 0, 0x80, 0, 0], &[0; 6]].concat();
        let plays = [&[EXTENSION, 0xff, 11][..], b"NETSCAPE2.0", &[3, 1, 0, 0, 0]].concat();
        let frame = [
            &[EXTENSION, 0xf9, 4, 0, 10, 0, 0, 0, FRAME, 0, 0, 0, 0, 4, 0, 4, 0, 0x81][..],
            &[0; 12],
            &[2, 2, 0x44, 1, 0],
        ]
        .concat();
        for (parts, want) in [
            (vec![&head, &frame], Some(1)),
            (vec![&head, &plays, &frame, &frame], Some(2)),
            (vec![&head, &frame, &frame, &vec![END], &frame], Some(2)),
            (vec![&head, &frame, &b"something else".to_vec()], Some(1)),
            (vec![&head], Some(0)),
            (vec![&head, &b"something else".to_vec()], None),
        ] {
            assert_eq!(frames(&mut &parts.into_iter().flatten().copied().collect::<Vec<_>>()[..]).ok(), want);
        }
        let whole = [head.clone(), frame.clone()].concat();
        for cut in (1..whole.len()).filter(|cut| ![head.len(), head.len() + 8].contains(cut)) {
            assert_eq!(frames(&mut &whole[..cut]).unwrap_err().kind(), io::ErrorKind::UnexpectedEof, "{cut}");
        }
    }
}
