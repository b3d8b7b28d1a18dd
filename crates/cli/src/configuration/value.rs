//! Parsers for the values of settings: numbers, durations, limits, paths, words.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use counterfoil_core::services::login_rate_limiter::RateLimit;
use jiff::SpanRelativeTo;
use jiff::fmt::friendly::SpanParser;

/// Why a value is invalid.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct InvalidValue {
    /// What is wrong and what would be right.
    pub(crate) message: String,
    /// What to do, if the message does not say it.
    pub(crate) hint: Option<String>,
}

impl InvalidValue {
    /// An invalid value, with what would be right.
    pub(crate) fn new(message: impl Into<String>) -> Self {
        Self { message: message.into(), hint: None }
    }

    /// Adds what to do.
    pub(crate) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }
}

/// The value of a setting that has exactly one.
pub(crate) fn single(values: &[String]) -> Result<&str, InvalidValue> {
    match values {
        [text] if !text.is_empty() => Ok(text),
        _ => Err(InvalidValue::new("must not be empty").hint("remove it to use the default")),
    }
}

/// An IP address and a port.
pub(crate) fn socket_address(values: &[String]) -> Result<SocketAddr, InvalidValue> {
    let text = single(values)?;
    let invalid =
        |_| InvalidValue::new(format!("must be an IP address and a port like 127.0.0.1:3000, not {text:?}"));
    text.parse().map_err(invalid)
}

/// A path.
pub(crate) fn path(values: &[String]) -> Result<PathBuf, InvalidValue> {
    let text = single(values)?;
    match text.contains('\0') {
        false => Ok(text.into()),
        true => Err(InvalidValue::new("a path must not contain a zero byte")),
    }
}

/// A whole number from `min` to `max`.
pub(crate) fn number<T: TryFrom<u64>>(values: &[String], min: u64, max: u64) -> Result<T, InvalidValue> {
    let text = single(values)?;
    let number = text.parse().ok().filter(|number| (min..=max).contains(number));
    let number = number.and_then(|number: u64| T::try_from(number).ok());
    number
        .ok_or_else(|| InvalidValue::new(format!("must be a whole number from {min} to {max}, not {text:?}")))
}

/// `true` or `false`.
pub(crate) fn boolean(values: &[String]) -> Result<bool, InvalidValue> {
    word(values, &[("true", true), ("false", false)])
}

/// One of a few words.
pub(crate) fn word<T: Copy>(values: &[String], words: &[(&str, T)]) -> Result<T, InvalidValue> {
    let text = single(values)?;
    let known = words.iter().find(|(word, _)| *word == text).map(|(_, meaning)| *meaning);
    known.ok_or_else(|| {
        let words: Vec<_> = words.iter().map(|(word, _)| *word).collect();
        InvalidValue::new(format!("must be one of {}, not {text:?}", words.join(", ")))
    })
}

/// A duration of whole seconds from `min` to `max`, which are durations as well.
pub(crate) fn duration(values: &[String], min: &str, max: &str) -> Result<Duration, InvalidValue> {
    let duration = precise_duration(values, min, max)?;
    match duration.subsec_nanos() {
        0 => Ok(duration),
        _ => Err(InvalidValue::new(format!("must be whole seconds, not {:?}", single(values)?))),
    }
}

/// A duration of milliseconds from `min` to `max`, which are durations as well.
pub(crate) fn precise_duration(values: &[String], min: &str, max: &str) -> Result<Duration, InvalidValue> {
    let text = single(values)?;
    let bound = |text| parse_duration(text).expect("the bounds are durations");
    let within = |duration: &Duration| (bound(min)..=bound(max)).contains(duration);
    let duration =
        parse_duration(text).filter(within).filter(|duration| duration.subsec_nanos() % 1_000_000 == 0);
    let invalid =
        || InvalidValue::new(format!("must be a duration from {min} to {max} like \"15m\", not {text:?}"));
    duration.ok_or_else(invalid)
}

/// A duration from `min` to `max`, or `off`: `None`.
pub(crate) fn duration_or_off(
    values: &[String],
    min: &str,
    max: &str,
) -> Result<Option<Duration>, InvalidValue> {
    if single(values)? == "off" {
        return Ok(None);
    }
    let with_off = |invalid: InvalidValue| invalid.hint("\"off\" switches it off");
    duration(values, min, max).map(Some).map_err(with_off)
}

/// A rate limit: `20/15m`, or `off`.
pub(crate) fn limit(values: &[String]) -> Result<RateLimit, InvalidValue> {
    let text = single(values)?;
    if text == "off" {
        return Ok(RateLimit::OFF);
    }
    let example = "{ max = 20, window = \"15m\" } or \"off\" in the file, 20/15m or off in a variable";
    let invalid =
        || InvalidValue::new(format!("must be a limit, not {text:?}")).hint(format!("write {example}"));
    let (max, window) = text.split_once('/').ok_or_else(invalid)?;
    let max = number(&[max.to_owned()], 1, u32::MAX.into());
    let window = duration(&[window.to_owned()], "1s", "30d");
    let of = |part: &str, invalid: InvalidValue| {
        InvalidValue::new(format!("{part} {}", invalid.message)).hint(format!("write {example}"))
    };
    Ok(RateLimit {
        max: max.map_err(|invalid| of("`max`", invalid))?,
        window: window.map_err(|invalid| of("`window`", invalid))?,
    })
}

/// The word with this meaning, as [`word`] parses it; `words` has every meaning.
pub(crate) fn word_for<T: PartialEq>(words: &[(&str, T)], meaning: T) -> String {
    let word = words.iter().find(|(_, of)| *of == meaning).map(|(word, _)| *word);
    word.unwrap_or_default().to_owned()
}

/// A duration as [`precise_duration`] parses it, in the largest unit that divides it: `15m`, `90s`, `500ms`.
pub(crate) fn duration_text(duration: Duration) -> String {
    let units = [("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1_000)];
    let ms = duration.as_millis();
    match units.into_iter().find(|(_, unit)| ms >= *unit && ms.is_multiple_of(*unit)) {
        Some((name, unit)) => format!("{}{name}", ms / unit),
        None if ms == 0 => "0s".to_owned(),
        None => format!("{ms}ms"),
    }
}

/// A rate limit as [`limit`] parses it.
pub(crate) fn limit_text(limit: RateLimit) -> String {
    if limit.is_off() { "off".to_owned() } else { format!("{}/{}", limit.max, duration_text(limit.window)) }
}

/// `15m`, `1h30m`, `90d`; a bare number is seconds. A day is 24 hours; months and years are not durations.
pub(crate) fn parse_duration(text: &str) -> Option<Duration> {
    if text.bytes().all(|byte| byte.is_ascii_digit()) {
        return text.parse().ok().map(Duration::from_secs);
    }
    let span = SpanParser::new().parse_span(text).ok()?;
    let duration = span.to_duration(SpanRelativeTo::days_are_24_hours()).ok()?;
    Duration::try_from(duration).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn values(text: &str) -> Vec<String> {
        vec![text.to_owned()]
    }

    #[test]
    fn a_number_is_whole_and_within_its_bounds() {
        assert_eq!(number::<u32>(&values("60"), 0, 60), Ok(60));
        for invalid in ["61", "-1", "1.0", " 1", "", "ten", "99999999999999999999"] {
            assert!(number::<u32>(&values(invalid), 0, 60).is_err(), "{invalid:?}");
        }
    }

    #[test]
    fn a_word_is_case_sensitive() {
        let words = [("open", 1), ("closed", 2)];

        assert_eq!(word(&values("closed"), &words), Ok(2));
        assert!(word(&values("Closed"), &words).unwrap_err().message.contains("open, closed"));
    }

    #[test]
    fn a_duration_has_a_unit_or_is_a_number_of_seconds() {
        for (text, seconds) in [
            ("10", 10),
            ("0", 0),
            ("10s", 10),
            ("15m", 900),
            ("1h30m", 5400),
            ("1d", 86_400),
            ("2w", 1_209_600),
        ] {
            assert_eq!(duration(&values(text), "0s", "90d"), Ok(Duration::from_secs(seconds)), "{text}");
        }
        for invalid in [
            "",
            "-1",
            "-1s",
            "1.5",
            "10 apples",
            "1month",
            "1y",
            "91d",
            "15m ago",
            "s",
            "99999999999999999999",
        ] {
            assert!(duration(&values(invalid), "0s", "90d").is_err(), "{invalid:?}");
        }
    }

    #[test]
    fn a_value_is_written_as_it_is_parsed() {
        for text in ["0s", "500ms", "10s", "90s", "15m", "25h", "90d"] {
            let duration = precise_duration(&values(text), "0s", "90d").unwrap();
            assert_eq!(duration_text(duration), text);
        }
        for text in ["20/15m", "1/90s", "off"] {
            assert_eq!(limit_text(limit(&values(text)).unwrap()), text);
        }
        assert_eq!(word_for(&[("open", 1), ("closed", 2)], 2), "closed");
    }

    #[test]
    fn only_a_precise_duration_has_milliseconds() {
        assert_eq!(precise_duration(&values("500ms"), "100ms", "10m"), Ok(Duration::from_millis(500)));
        assert!(precise_duration(&values("99ms"), "100ms", "10m").is_err());
        assert!(precise_duration(&values("1s 1ns"), "100ms", "10m").is_err());
        assert!(duration(&values("500ms"), "0s", "10m").is_err());
    }

    #[test]
    fn a_limit_has_a_count_and_a_window_or_is_off() {
        assert_eq!(limit(&values("20/15m")), Ok(RateLimit { max: 20, window: Duration::from_secs(900) }));
        assert_eq!(limit(&values("20/900")), Ok(RateLimit { max: 20, window: Duration::from_secs(900) }));
        assert_eq!(limit(&values("off")), Ok(RateLimit::OFF));
        for invalid in
            ["", "20", "0/15m", "20/", "/15m", "20/0s", "20/31d", "20/15m/2", "Off", "4294967296/1m"]
        {
            assert!(limit(&values(invalid)).is_err(), "{invalid:?}");
        }
    }
}
