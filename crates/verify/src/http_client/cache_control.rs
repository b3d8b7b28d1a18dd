//! How long a response is fresh, by its HTTP caching headers (RFC 9111).

use std::time::Duration;

use http::HeaderMap;
use http::header::{AGE, CACHE_CONTROL, HeaderName};

/// How long the response is fresh; `None` if its headers do not say. Of several values the shortest counts,
/// less the time that the response has spent in caches.
pub(crate) fn fresh_for(headers: &HeaderMap) -> Option<Duration> {
    let fresh = directives(headers).filter_map(directive_seconds).min()?;
    let age = header_values(headers, AGE).filter_map(|age| age.trim().parse().ok()).max().unwrap_or(0);
    Some(Duration::from_secs(fresh.saturating_sub(age)))
}

/// The freshness that one directive grants; `None` if it does not concern freshness.
fn directive_seconds(directive: &str) -> Option<u64> {
    let (name, value) = directive.split_once('=').unwrap_or((directive, ""));
    match name.trim().to_ascii_lowercase().as_str() {
        "no-store" | "no-cache" => Some(0),
        // An invalid number means stale (section 4.2.1).
        "max-age" => Some(value.trim().trim_matches('"').parse().unwrap_or(0)),
        _ => None,
    }
}

fn directives(headers: &HeaderMap) -> impl Iterator<Item = &str> {
    header_values(headers, CACHE_CONTROL).flat_map(|line| line.split(','))
}

fn header_values(headers: &HeaderMap, name: HeaderName) -> impl Iterator<Item = &str> {
    headers.get_all(name).into_iter().filter_map(|value| value.to_str().ok())
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    fn fresh_seconds(lines: &[(HeaderName, &'static str)]) -> Option<u64> {
        let lines = lines.iter().map(|(name, value)| (name.clone(), HeaderValue::from_static(value)));
        fresh_for(&lines.collect()).map(|fresh| fresh.as_secs())
    }

    #[test]
    fn cache_control_directives_are_parsed() {
        for (line, fresh) in [
            ("public, max-age=300", Some(300)),
            ("MAX-AGE = 300 , public", Some(300)),
            ("max-age=\"300\"", Some(300)),
            ("max-age=300, max-age=60", Some(60)),
            ("max-age=300, no-store", Some(0)),
            ("no-cache", Some(0)),
            ("max-age=-1", Some(0)),
            ("max-age=99999999999999999999999", Some(0)),
            ("max-age", Some(0)),
            ("public", None),
            ("s-maxage=300", None),
            ("", None),
        ] {
            assert_eq!(fresh_seconds(&[(CACHE_CONTROL, line)]), fresh, "{line}");
        }
        assert_eq!(fresh_seconds(&[]), None);
    }

    #[test]
    fn the_age_of_the_response_is_subtracted() {
        assert_eq!(fresh_seconds(&[(CACHE_CONTROL, "max-age=300"), (AGE, "100")]), Some(200));
        assert_eq!(fresh_seconds(&[(CACHE_CONTROL, "max-age=300"), (AGE, "400")]), Some(0));
        assert_eq!(fresh_seconds(&[(CACHE_CONTROL, "max-age=300"), (AGE, "old")]), Some(300));
    }
}
