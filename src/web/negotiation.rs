//! What a client can read, from the headers Accept and Accept-Encoding.
//!
//! The choice of the format follows Prometheus' own library: the first of the formats that the client names, best
//! quality first, and the text format for everybody else. Wildcards therefore mean the text format.
//! Sources: RFC 9110 section 12.5, <https://pkg.go.dev/github.com/prometheus/common/expfmt#NegotiateIncludingOpenMetrics>.

use axum::http::{HeaderMap, HeaderName, header};

use crate::metric::encode::Format;

/// A draft of OpenMetrics that old clients ask for; what we write is valid in both.
const OPENMETRICS_DRAFT: &str = "application/openmetrics-text; version=0.0.1; charset=utf-8";

/// The form of a scrape's response.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Exposition {
    pub(super) format: Format,
    pub(super) content_type: &'static str,
}

impl From<Format> for Exposition {
    fn from(format: Format) -> Self {
        Self { format, content_type: format.content_type() }
    }
}

/// Chooses the format by the header Accept.
pub(super) fn exposition(headers: &HeaderMap) -> Exposition {
    let named = preferences(headers, &header::ACCEPT).into_iter().find_map(|preference| {
        let version = preference.version;
        if preference.is("application/openmetrics-text") {
            match version {
                "" | "1.0.0" => Some(Format::OpenMetrics.into()),
                "0.0.1" => Some(Exposition { format: Format::OpenMetrics, content_type: OPENMETRICS_DRAFT }),
                _ => None,
            }
        } else {
            (preference.is("text/plain") && matches!(version, "" | "0.0.4")).then(|| Format::Text.into())
        }
    });
    named.unwrap_or(Format::Text.into())
}

/// Whether the header Accept-Encoding allows gzip, and prefers it to no encoding where it names both.
pub(super) fn gzip(headers: &HeaderMap) -> bool {
    // A coding that is refused must be seen here: it is stronger than a wildcard.
    let preferences = all_preferences(headers, &header::ACCEPT_ENCODING);
    let quality = |names: &[&str]| {
        preferences.iter().find(|preference| names.iter().any(|name| preference.is(name))).map(|found| found.quality)
    };
    let gzip = quality(&["gzip", "x-gzip"]).or_else(|| quality(&["*"])).unwrap_or(0.0);
    gzip > 0.0 && gzip >= quality(&["identity"]).unwrap_or(0.0)
}

/// One element of a header that lists what is accepted.
#[derive(Clone, Copy, Debug)]
struct Preference<'a> {
    name: &'a str,
    version: &'a str,
    quality: f32,
}

impl<'a> Preference<'a> {
    fn parse(element: &'a str) -> Self {
        let mut parts = element.split(';').map(str::trim);
        let mut preference = Self { name: parts.next().unwrap_or_default(), version: "", quality: 1.0 };
        for (name, value) in parts.filter_map(|parameter| parameter.split_once('=')) {
            let value = value.trim().trim_matches('"');
            match name.trim() {
                name if name.eq_ignore_ascii_case("q") => preference.quality = quality(value),
                name if name.eq_ignore_ascii_case("version") => preference.version = value,
                _ => {}
            }
        }
        preference
    }

    fn is(&self, name: &str) -> bool {
        self.name.eq_ignore_ascii_case(name)
    }
}

/// A quality that is no number between 0 and 1 counts as none given.
fn quality(text: &str) -> f32 {
    text.parse().ok().filter(|quality| (0.0..=1.0).contains(quality)).unwrap_or(1.0)
}

/// What is accepted, the best first; equals keep their order.
fn preferences<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Vec<Preference<'a>> {
    let mut preferences = all_preferences(headers, name);
    preferences.retain(|preference| preference.quality > 0.0);
    preferences.sort_by(|left, right| right.quality.total_cmp(&left.quality));
    preferences
}

fn all_preferences<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Vec<Preference<'a>> {
    let values = headers.get_all(name).iter().filter_map(|value| value.to_str().ok());
    values.flat_map(|value| value.split(',')).map(Preference::parse).collect()
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;
    use proptest::prelude::*;

    use super::*;

    fn headers(name: HeaderName, value: &str) -> HeaderMap {
        HeaderMap::from_iter([(name, HeaderValue::from_str(value).unwrap())])
    }

    fn chosen(accept: &str) -> Exposition {
        exposition(&headers(header::ACCEPT, accept))
    }

    fn format(accept: &str) -> Format {
        chosen(accept).format
    }

    fn compresses(accept_encoding: &str) -> bool {
        gzip(&headers(header::ACCEPT_ENCODING, accept_encoding))
    }

    #[test]
    fn prometheus_2_and_3_are_served_openmetrics() {
        for accept in [
            "application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75,text/plain;version=0.0.4;q=0.5,*/*;q=0.1",
            "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.5,application/openmetrics-text;version=0.0.1;q=0.4,text/plain;version=1.0.0;escaping=allow-utf-8;q=0.3,text/plain;version=0.0.4;q=0.2,*/*;q=0.1",
        ] {
            assert_eq!(chosen(accept), Format::OpenMetrics.into(), "{accept}");
        }
    }

    #[test]
    fn who_names_no_format_is_served_text() {
        assert_eq!(exposition(&HeaderMap::new()), Format::Text.into());
        for accept in
            ["", "*/*", "text/html,application/xhtml+xml,*/*;q=0.8", "application/*", "application/json", ";q=", ",,"]
        {
            assert_eq!(format(accept), Format::Text, "{accept}");
        }
    }

    #[test]
    fn the_better_quality_decides_whatever_the_order() {
        assert_eq!(format("application/openmetrics-text;q=0.4, text/plain;q=0.5"), Format::Text);
        assert_eq!(format("text/plain;q=0.5, application/openmetrics-text;q=0.6"), Format::OpenMetrics);
        assert_eq!(format("text/plain, application/openmetrics-text"), Format::Text);
        assert_eq!(format("application/openmetrics-text, text/plain"), Format::OpenMetrics);
    }

    #[test]
    fn quality_zero_refuses() {
        assert_eq!(format("application/openmetrics-text;q=0"), Format::Text);
        assert_eq!(format("application/openmetrics-text; q=0.000, text/plain;q=0.1"), Format::Text);
        assert!(!compresses("gzip;q=0"));
        assert!(!compresses("gzip;q=0, *"));
        assert!(!compresses("*;q=0"));
    }

    #[test]
    fn versions_that_are_not_spoken_are_passed_over() {
        assert_eq!(format("application/openmetrics-text;version=2.0.0, text/plain;q=0.1"), Format::Text);
        assert_eq!(format("text/plain;version=1.0.0, application/openmetrics-text;q=0.1"), Format::OpenMetrics);
        assert_eq!(format("application/openmetrics-text; VERSION=\"1.0.0\""), Format::OpenMetrics);
        assert_eq!(chosen("Application/OpenMetrics-Text;version=0.0.1").content_type, OPENMETRICS_DRAFT);
    }

    #[test]
    fn a_quality_that_is_no_number_counts_as_none_given() {
        for quality in ["", "x", "nan", "inf", "-1", "2"] {
            assert_eq!(format(&format!("application/openmetrics-text;q={quality}")), Format::OpenMetrics, "{quality}");
        }
    }

    #[test]
    fn several_headers_are_one_list() {
        let mut several = headers(header::ACCEPT, "text/plain;q=0.2");
        several.append(header::ACCEPT, HeaderValue::from_static("application/openmetrics-text"));
        assert_eq!(exposition(&several).format, Format::OpenMetrics);
    }

    #[test]
    fn gzip_is_used_where_it_is_accepted() {
        for accepted in
            ["gzip", "deflate, gzip;q=0.5", "*", "x-gzip", "GZIP", "br, *;q=0.1", "gzip;q=0.5, identity;q=0.5"]
        {
            assert!(compresses(accepted), "{accepted}");
        }
        for refused in ["", "identity", "br", "gzipped", "identity, gzip;q=0.5"] {
            assert!(!compresses(refused), "{refused}");
        }
        assert!(!gzip(&HeaderMap::new()));
    }

    /// Media ranges as clients write them, in disorder.
    fn range() -> impl Strategy<Value = (&'static str, u16)> {
        let names = vec![
            "application/openmetrics-text",
            "application/openmetrics-text;version=1.0.0",
            "text/plain",
            "text/plain;version=0.0.4",
            "*/*",
            "text/html",
        ];
        (prop::sample::select(names), 0..=1000_u16)
    }

    proptest! {
        #[test]
        fn the_format_is_one_that_the_client_accepts_most(ranges in prop::collection::vec(range(), 0..6)) {
            let accept: Vec<_> = ranges.iter().map(|(name, q)| format!("{name};q={:.3}", f32::from(*q) / 1000.0)).collect();
            let best = |prefix: &str| {
                ranges.iter().filter(|(name, _)| name.starts_with(prefix)).map(|(_, q)| *q).max().unwrap_or(0)
            };
            let (open, text) = (best("application/openmetrics-text"), best("text/plain"));
            match format(&accept.join(", ")) {
                Format::OpenMetrics => prop_assert!(open > 0 && open >= text),
                Format::Text => prop_assert!(open == 0 || text >= open),
            }
        }

        #[test]
        fn any_header_gets_an_answer(bytes in prop::collection::vec(any::<u8>(), 0..80)) {
            if let Ok(value) = HeaderValue::from_bytes(&bytes) {
                let headers = HeaderMap::from_iter([(header::ACCEPT, value.clone()), (header::ACCEPT_ENCODING, value)]);
                let _ = exposition(&headers);
                let _ = gzip(&headers);
            }
        }
    }
}
