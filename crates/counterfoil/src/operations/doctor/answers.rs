//! What a proxy does with answers: caches, compresses, delays them, and refuses large requests.

use std::time::Duration;

use crate::operations::doctor::row::Row;

/// How late an event may arrive.
const MAX_EVENT_DELAY: Duration = Duration::from_secs(1);

/// What of two private answers to the same request reached the client.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PrivateAnswers {
    /// `Cache-Control` of the second.
    pub cache_control: Option<String>,
    /// `X-Request-Id` of both: the server gives each answer another one.
    pub request_ids: [Option<String>; 2],
}

/// What became of a request with a long header.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LongHeader {
    /// It arrived with this length.
    Arrived(u64),
    /// It was refused with this status.
    Refused(u16),
    /// The connection was closed.
    Closed,
}

/// Whether private answers are neither kept nor allowed to be.
pub fn caching(answers: &PrivateAnswers) -> Vec<Row> {
    let directives = answers.cache_control.as_deref().unwrap_or("none");
    let is_kept = directives.to_ascii_lowercase().split(',').any(|directive| directive.trim() == "no-store");
    let no_store = match is_kept {
        true => Row::good("Cache-Control", directives),
        false => Row::wrong(
            "Cache-Control",
            format!("{directives} in place of no-store: a cache may give one user's answer to another"),
            "remove `expires` and `add_header Cache-Control` for these paths at the proxy",
        ),
    };
    let replayed = match &answers.request_ids {
        [Some(first), Some(second)] if first == second => {
            Row::wrong("answers from a cache", "two requests got one and the same answer", "proxy_cache off;")
        }
        [Some(_), Some(_)] => Row::good("answers from a cache", "each request got an answer of its own"),
        _ => Row::not_checked(
            "answers from a cache",
            "the answers have no `X-Request-Id`",
            "remove `proxy_hide_header X-Request-Id;`",
        ),
    };
    vec![no_store, replayed]
}

/// Whether a private answer is compressed for a client that accepts that: its length then reveals something of its content to
/// an attacker who can cause requests and see the length (BREACH). `encoding` is its `Content-Encoding`.
pub fn compression(encoding: Option<&str>) -> Row {
    match encoding {
        None | Some("identity") => Row::good("compression", "private answers are not compressed"),
        Some(encoding) => Row::warning(
            "compression",
            format!(
                "private answers are compressed ({encoding}): their length reveals something of their content"
            ),
            "gzip off;",
        ),
    }
}

/// Whether browsers are told to use https only (RFC 6797).
pub fn hsts(values: &[String], is_secure: bool) -> Row {
    let check = "Strict-Transport-Security";
    if !is_secure {
        return Row::good(check, "none, as it must be with plain HTTP");
    }
    let mend = "remove `proxy_hide_header Strict-Transport-Security;` and the proxy's own line";
    match values {
        [value] => match max_age(value) {
            Some(0) | None => Row::wrong(check, value.clone(), mend),
            Some(_) => Row::good(check, value.clone()),
        },
        [] => Row::wrong(check, "none: an attacker can make a browser use plain HTTP", mend),
        several => Row::warning(check, format!("{} lines; browsers use the first", several.len()), mend),
    }
}

fn max_age(value: &str) -> Option<u64> {
    let mut directives = value.split(';').map(str::trim);
    directives.find_map(|directive| {
        let (name, seconds) = directive.split_once('=')?;
        name.eq_ignore_ascii_case("max-age").then(|| seconds.trim_matches('"').parse().ok())?
    })
}

/// Whether events arrive when they are sent. Each pair is when the server sent an event after the first one, and when it
/// arrived after the request.
pub fn events(arrivals: &[(Duration, Duration)], expected: usize) -> Row {
    let mend = "proxy_buffering off;";
    if arrivals.len() < expected {
        let seen = format!("{} of {expected} events arrived", arrivals.len());
        return Row::wrong("events", seen, mend);
    }
    let delay =
        arrivals.iter().map(|(sent, arrived)| arrived.saturating_sub(*sent)).max().unwrap_or_default();
    match delay <= MAX_EVENT_DELAY {
        true => Row::good("events", format!("arrive at most {} ms late", delay.as_millis())),
        false => Row::wrong(
            "events",
            format!(
                "arrive {} ms late: the proxy collects them, so revocations reach followers late",
                delay.as_millis()
            ),
            mend,
        ),
    }
}

/// Whether a header as long as the cookies of a hybrid login with many roles arrives.
pub fn header_limit(sent: u64, result: LongHeader) -> Row {
    let mend = "large_client_header_buffers 4 16k;";
    match result {
        LongHeader::Arrived(length) if length == sent => {
            Row::good("long headers", format!("a header of {sent} bytes arrived"))
        }
        LongHeader::Arrived(length) => {
            Row::wrong("long headers", format!("of a header of {sent} bytes, {length} arrived"), mend)
        }
        LongHeader::Refused(status) => Row::wrong(
            "long headers",
            format!("a header of {sent} bytes was refused with status {status}"),
            mend,
        ),
        LongHeader::Closed => {
            Row::wrong("long headers", format!("a header of {sent} bytes closed the connection"), mend)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::operations::doctor::row::Verdict::{self, Good, NotChecked, Warning, Wrong};

    fn answers() -> PrivateAnswers {
        PrivateAnswers {
            cache_control: Some("no-store".to_owned()),
            request_ids: [Some("one".to_owned()), Some("two".to_owned())],
        }
    }

    fn verdicts(answers: &PrivateAnswers) -> Vec<Verdict> {
        caching(answers).iter().map(|row| row.verdict).collect()
    }

    #[test]
    fn private_answers_must_not_be_kept() {
        assert_eq!(verdicts(&answers()), [Good, Good]);
        let public = PrivateAnswers { cache_control: Some("public, max-age=60".to_owned()), ..answers() };
        assert_eq!(verdicts(&public), [Wrong, Good]);
        let replayed = [Some("one".to_owned()), Some("one".to_owned())];
        assert_eq!(verdicts(&PrivateAnswers { request_ids: replayed, ..answers() }), [Good, Wrong]);
        assert_eq!(verdicts(&PrivateAnswers { request_ids: [None, None], ..answers() }), [Good, NotChecked]);
    }

    #[test]
    fn compressed_private_answers_are_reported() {
        assert_eq!(compression(None).verdict, Good);
        assert_eq!(compression(Some("gzip")).verdict, Warning);
    }

    #[test]
    fn an_https_issuer_has_one_line_of_hsts() {
        let verdict = |lines: &[&str], is_secure| {
            hsts(&lines.iter().map(|&line| line.to_owned()).collect::<Vec<_>>(), is_secure).verdict
        };
        assert_eq!(verdict(&["max-age=31536000; includeSubDomains"], true), Good);
        assert_eq!(verdict(&["max-age=0"], true), Wrong);
        assert_eq!(verdict(&["nonsense"], true), Wrong);
        assert_eq!(verdict(&[], true), Wrong);
        assert_eq!(verdict(&["max-age=1", "max-age=2"], true), Warning);
        assert_eq!(verdict(&[], false), Good);
    }

    #[test]
    fn collected_events_are_wrong() {
        let ms = Duration::from_millis;
        let in_time = [(ms(0), ms(30)), (ms(1000), ms(1040)), (ms(2000), ms(2990))];
        let collected = [(ms(0), ms(2010)), (ms(1000), ms(2010)), (ms(2000), ms(2010))];

        assert_eq!(events(&in_time, 3).verdict, Good);
        assert_eq!(events(&collected, 3).verdict, Wrong);
        assert_eq!(events(&in_time[..2], 3).verdict, Wrong);
    }

    #[test]
    fn a_long_header_must_arrive_whole() {
        for (result, expected) in [
            (LongHeader::Arrived(7000), Good),
            (LongHeader::Arrived(0), Wrong),
            (LongHeader::Refused(431), Wrong),
            (LongHeader::Closed, Wrong),
        ] {
            assert_eq!(header_limit(7000, result).verdict, expected, "{result:?}");
        }
    }
}
