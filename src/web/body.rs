//! The body of a scrape: pieces that were encoded when their round ended, and the few families that are made now.

use std::convert::Infallible;

use axum::body::Body;
use bytes::{Bytes, BytesMut};
use futures_util::stream;

use super::negotiation::Wanted;
use crate::metric::{Family, encode};
use crate::runner::Piece;

/// Smaller pieces are copied together, so that a response is no endless row of tiny writes.
const SMALL: usize = 16 * 1024;

/// The length and the body of a response. No family is in both: names are checked to be unique over all of them.
pub(super) fn assemble(pieces: &[Piece], families: &[Family], wanted: Wanted) -> (usize, Body) {
    let mut now = String::new();
    for family in families {
        encode::header(family.definition, wanted.format, &mut now);
        encode::lines(family, &[], &mut now);
    }
    now.push_str(wanted.format.end());
    let last = Piece::new(now);
    let chosen = pieces.iter().chain([&last]).map(|piece| if wanted.gzip { &piece.gzip } else { &piece.plain });
    let chunks = coalesce(chosen);
    let length = chunks.iter().map(Bytes::len).sum();
    (length, Body::from_stream(stream::iter(chunks.into_iter().map(Ok::<_, Infallible>))))
}

fn coalesce<'a>(pieces: impl Iterator<Item = &'a Bytes>) -> Vec<Bytes> {
    let mut chunks = Vec::new();
    let mut small = BytesMut::new();
    for piece in pieces {
        if piece.len() < SMALL {
            small.extend_from_slice(piece);
        }
        if piece.len() >= SMALL || small.len() >= SMALL {
            chunks.push(small.split().freeze());
        }
        if piece.len() >= SMALL {
            chunks.push(piece.clone());
        }
    }
    chunks.push(small.freeze());
    chunks.retain(|chunk| !chunk.is_empty());
    chunks
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn small_pieces_are_joined_and_large_ones_are_not_copied() {
        let large = Bytes::from(vec![b'x'; SMALL]);
        let pieces = [Bytes::from("a"), Bytes::from("b"), large.clone(), Bytes::from("c")];
        let chunks = coalesce(pieces.iter());
        assert_eq!(chunks, [Bytes::from("ab"), large.clone(), Bytes::from("c")]);
        assert_eq!(chunks[1].as_ptr(), large.as_ptr());
    }
}
