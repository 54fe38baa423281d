//! What a client can read, from its headers.

use axum::http::{HeaderMap, HeaderName, header};

use crate::metric::encode::Format;

/// The form of a response.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Wanted {
    pub(super) format: Format,
    pub(super) gzip: bool,
}

impl Wanted {
    /// The best form that the client accepts; the text format, plain, where it does not say.
    pub(super) fn of(headers: &HeaderMap) -> Self {
        let quality =
            |header, name: &str| preferences(headers, header).filter(|(range, _)| range == name).map(|(_, q)| q).last();
        let open = quality(header::ACCEPT, "application/openmetrics-text").unwrap_or(0.0);
        let text = quality(header::ACCEPT, "text/plain").or_else(|| quality(header::ACCEPT, "*/*")).unwrap_or(0.0);
        let gzip = quality(header::ACCEPT_ENCODING, "gzip").or_else(|| quality(header::ACCEPT_ENCODING, "*"));
        Self {
            format: if open > 0.0 && open >= text { Format::OpenMetrics } else { Format::Text },
            gzip: gzip.is_some_and(|quality| quality > 0.0),
        }
    }
}

/// The ranges of a header with their quality. An OpenMetrics version that we do not speak is no offer.
fn preferences(headers: &HeaderMap, name: HeaderName) -> impl Iterator<Item = (String, f64)> {
    let values = headers.get_all(name).into_iter().filter_map(|value| value.to_str().ok());
    values.flat_map(|value| value.split(',')).filter_map(|range| {
        let mut parts = range.split(';').map(str::trim);
        let name = parts.next()?.to_ascii_lowercase();
        let mut quality = 1.0;
        for (parameter, value) in parts.filter_map(|part| part.split_once('=')) {
            match parameter.trim() {
                "q" => quality = value.trim().parse().unwrap_or(0.0),
                "version" if name == "application/openmetrics-text" && !value.trim_matches('"').starts_with("1.") => {
                    return None;
                }
                _ => {}
            }
        }
        Some((name, quality))
    })
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;
    use proptest::prelude::*;

    use super::*;

    fn wanted(accept: &str, encoding: &str) -> Wanted {
        let mut headers = HeaderMap::new();
        headers.insert(header::ACCEPT, HeaderValue::from_str(accept).unwrap());
        headers.insert(header::ACCEPT_ENCODING, HeaderValue::from_str(encoding).unwrap());
        Wanted::of(&headers)
    }

    #[test]
    fn prometheus_gets_open_metrics_where_it_prefers_it() {
        let prometheus = "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6,\
                          application/openmetrics-text;version=0.0.1;q=0.5,text/plain;version=1.0.0;q=0.4,\
                          text/plain;version=0.0.4;q=0.3,*/*;q=0.2";
        assert_eq!(wanted(prometheus, "gzip"), Wanted { format: Format::OpenMetrics, gzip: true });
    }

    #[test]
    fn a_preference_for_text_is_kept() {
        assert_eq!(wanted("text/plain, application/openmetrics-text;q=0.1", "").format, Format::Text);
        assert_eq!(wanted("application/openmetrics-text;version=2.0.0, */*;q=0.1", "").format, Format::Text);
        assert_eq!(Wanted::of(&HeaderMap::new()), Wanted { format: Format::Text, gzip: false });
    }

    #[test]
    fn compression_that_is_refused_is_not_used() {
        assert!(!wanted("*/*", "gzip;q=0, identity").gzip);
        assert!(wanted("*/*", "deflate, gzip;q=0.5").gzip);
    }

    proptest! {
        #[test]
        fn any_header_has_an_answer(accept in "[ -~]*", encoding in "[ -~]*") {
            wanted(&accept, &encoding);
        }
    }
}
