//! `/metrics`: what is published, then what is written anew, in the format and encoding that the client prefers.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, VecDeque};
use std::convert::Infallible;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Instant;

use axum::extract::State as Extract;
use axum::http::{HeaderMap, HeaderValue, Method, header};
use axum::response::{IntoResponse, Response};
use bytes::{Bytes, BytesMut};
use http_body::{Frame, SizeHint};

use super::State;
use super::negotiation::{self, Exposition};
use crate::metric::Family;
use crate::metric::encode::{self, Format};
use crate::runner::Piece;

/// Pieces up to this size are copied together; larger ones are handed over as they are.
const SMALL: usize = 16 * 1024;

/// Answers a scrape; 200 always, because what went wrong elsewhere is told by the metrics.
pub(super) async fn metrics(Extract(state): Extract<Arc<State>>, method: Method, headers: HeaderMap) -> Response {
    let start = Instant::now();
    let Exposition { format, content_type } = negotiation::exposition(&headers);
    let gzip = negotiation::gzip(&headers);
    let mut pieces = Pieces::default();
    for Piece { plain, gzip: compressed } in state.published.pieces(format) {
        pieces.push(if gzip { compressed } else { plain });
    }
    let own = text([(state.families)(), state.instruments.families()].concat(), format);
    pieces.push(if gzip { Piece::new(own).gzip } else { own.into() });
    let body = pieces.into_body();
    // HEAD runs through here as well; its body is never sent.
    let bytes = if method == Method::GET { body.remaining } else { 0 };
    state.instruments.count_scrape(start.elapsed(), bytes);

    let headers = [(header::CONTENT_TYPE, content_type), (header::VARY, "Accept, Accept-Encoding")];
    let mut response = (headers, axum::body::Body::new(body)).into_response();
    if gzip {
        response.headers_mut().insert(header::CONTENT_ENCODING, HeaderValue::from_static("gzip"));
    }
    response
}

/// Families as text, each once, and what stands at the end of the format.
fn text(families: Vec<Family>, format: Format) -> String {
    let mut by_name: BTreeMap<&str, Family> = BTreeMap::new();
    for family in families {
        match by_name.entry(family.definition.name) {
            Entry::Vacant(entry) => drop(entry.insert(family)),
            Entry::Occupied(mut entry) => entry.get_mut().samples.extend(family.samples),
        }
    }
    let mut text = String::new();
    for family in by_name.values().filter(|family| !family.samples.is_empty()) {
        encode::header(family.definition, format, &mut text);
        encode::lines(family, &[], &mut text);
    }
    text.push_str(format.end());
    text
}

/// The pieces of a body that is being put together.
#[derive(Debug, Default)]
struct Pieces {
    whole: VecDeque<Bytes>,
    small: BytesMut,
}

impl Pieces {
    fn push(&mut self, piece: Bytes) {
        if piece.len() <= SMALL {
            self.small.extend_from_slice(&piece);
        } else {
            self.flush();
            self.whole.push_back(piece);
        }
    }

    fn flush(&mut self) {
        if !self.small.is_empty() {
            self.whole.push_back(self.small.split().freeze());
        }
    }

    fn into_body(mut self) -> PiecewiseBody {
        self.flush();
        let remaining = self.whole.iter().map(|piece| piece.len() as u64).sum();
        PiecewiseBody { pieces: self.whole, remaining }
    }
}

/// A body of known length that shares its bytes with other scrapes.
#[derive(Debug)]
struct PiecewiseBody {
    pieces: VecDeque<Bytes>,
    remaining: u64,
}

impl http_body::Body for PiecewiseBody {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        let piece = self.pieces.pop_front();
        self.remaining -= piece.as_ref().map_or(0, |piece| piece.len() as u64);
        Poll::Ready(piece.map(Frame::data).map(Ok))
    }

    fn is_end_stream(&self) -> bool {
        self.pieces.is_empty()
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.remaining)
    }
}

#[cfg(test)]
mod tests {
    use http_body_util::BodyExt;

    use super::*;
    use crate::metric::{Samples, labels, metrics};

    metrics! {
        /// Whether it answers.
        static UP: Gauge = "pgwarden_up" [target];
    }

    #[tokio::test]
    async fn small_pieces_are_joined_and_large_ones_are_not_copied() {
        let large = Bytes::from(vec![b'x'; SMALL + 1]);
        let mut pieces = Pieces::default();
        for piece in [&b"a"[..], b"b"] {
            pieces.push(Bytes::from_static(piece));
        }
        pieces.push(large.clone());
        pieces.push(Bytes::from_static(b"c"));
        let body = pieces.into_body();
        assert_eq!(body.pieces, [Bytes::from_static(b"ab"), large.clone(), Bytes::from_static(b"c")]);
        assert_eq!(body.pieces[1].as_ptr(), large.as_ptr());
        assert_eq!(http_body::Body::size_hint(&body).exact(), Some(large.len() as u64 + 3));
        assert_eq!(body.collect().await.unwrap().to_bytes().len(), large.len() + 3);
    }

    #[test]
    fn a_family_that_comes_twice_stands_under_one_header() {
        let family = |target| {
            let mut samples = Samples::default();
            samples.push(&UP, &labels([target]), 1.0);
            samples.into_families()
        };
        assert_eq!(
            text([family("a"), family("b")].concat(), Format::OpenMetrics),
            "# HELP pgwarden_up Whether it answers.\n# TYPE pgwarden_up gauge\n\
             pgwarden_up{target=\"a\"} 1\npgwarden_up{target=\"b\"} 1\n# EOF\n"
        );
    }
}
