//! A piece of a response body, compressed once and served many times.

use std::io::Write;
use std::sync::{Mutex, PoisonError};

use bytes::Bytes;
use flate2::write::DeflateEncoder;
use flate2::{Compression, Crc};

/// A piece of a response body, plain and as a gzip member of its own; members concatenate.
#[derive(Clone, Debug)]
pub struct Piece {
    /// Text.
    pub plain: Bytes,
    /// The same, compressed.
    pub gzip: Bytes,
}

impl Piece {
    /// Compresses text.
    pub fn new(text: String) -> Self {
        Self { gzip: gzip(text.as_bytes()).into(), plain: text.into() }
    }
}

/// A header without name, time or flags, for an unknown system (RFC 1952, 2.3).
const HEADER: [u8; 10] = [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255];

/// Compressors that nobody uses now. Each has a quarter of a megabyte of aligned memory, which glibc takes anew from the
/// system each time that it is asked for, so that a small exporter would grow with every scrape.
static IDLE: Mutex<Vec<DeflateEncoder<Vec<u8>>>> = Mutex::new(Vec::new());

/// One gzip member.
fn gzip(text: &[u8]) -> Vec<u8> {
    let idle = || IDLE.lock().unwrap_or_else(PoisonError::into_inner);
    let known = idle().pop();
    let mut encoder = known.unwrap_or_else(|| DeflateEncoder::new(Vec::new(), Compression::fast()));
    let mut checksum = Crc::new();
    checksum.update(text);
    // Writing to a Vec cannot fail.
    let _ = encoder.get_mut().write_all(&HEADER);
    let _ = encoder.write_all(text);
    let mut member = encoder.reset(Vec::new()).unwrap_or_default();
    idle().push(encoder);
    member.extend(checksum.sum().to_le_bytes());
    member.extend(checksum.amount().to_le_bytes());
    member.shrink_to_fit();
    member
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use flate2::read::MultiGzDecoder;

    use super::*;

    #[test]
    fn members_of_a_compressor_that_is_used_again_concatenate() {
        let texts = ["a".repeat(100_000), String::new(), "b".to_owned()];
        let members: Vec<u8> = texts.iter().flat_map(|text| Piece::new(text.clone()).gzip.to_vec()).collect();
        let mut read = String::new();
        MultiGzDecoder::new(&*members).read_to_string(&mut read).unwrap();
        assert_eq!(read, texts.concat());
    }
}
