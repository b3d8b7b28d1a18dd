//! Dates and times for output: RFC 3339 timestamps, and the time from now.

use counterfoil::operator::TimeBound;
pub(crate) use counterfoil::operator::inspection::relative_time as relative;
use jiff::Timestamp;

use crate::configuration::value::parse_duration;

/// The current time of this machine, in Unix seconds. It is only shown; a server decides by its own clock.
pub(crate) fn now() -> i64 {
    Timestamp::now().as_second()
}

/// A Unix time in RFC 3339 in UTC. A time outside the years 1 to 9999 is printed as a number.
pub(crate) fn rfc3339(seconds: i64) -> String {
    let time = Timestamp::from_second(seconds).ok().map(|time| time.to_string());
    // Years before 1 are written as `0000` or with a sign, which RFC 3339 does not have.
    let is_rfc3339 = |text: &String| !text.starts_with("0000") && !text.starts_with('-');
    time.filter(is_rfc3339).unwrap_or_else(|| seconds.to_string())
}

/// The current time in RFC 3339 in UTC, with milliseconds: the time of a log line.
pub(crate) fn rfc3339_with_milliseconds() -> String {
    format!("{:.3}", Timestamp::now())
}

/// The Unix time of an end of a range: RFC 3339, a date or a date and a time in UTC, or how long ago, as `2h`.
///
/// # Errors
///
/// What would be right.
pub(crate) fn parse_bound(text: &str, bound: TimeBound) -> Result<u64, String> {
    let seconds = bound.parse(text).or_else(|| {
        // A number without a unit could be seconds ago or since 1970.
        let with_unit = Some(text).filter(|text| text.ends_with(|last: char| last.is_ascii_alphabetic()))?;
        Some(now().saturating_sub_unsigned(parse_duration(with_unit)?.as_secs()))
    });
    let seconds = seconds
        .ok_or("must be a time as 2026-11-29T14:00:00Z, a date as 2026-11-29, or how long ago, as 2h")?;
    u64::try_from(seconds).map_err(|_| "must not be before 1970".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bound_is_a_time_a_date_or_how_long_ago() {
        let parse = |text| parse_bound(text, TimeBound::From);
        assert_eq!(parse("2025-11-24T16:00:00Z"), Ok(1_764_000_000));
        assert_eq!(parse("2025-11-24 16:00"), Ok(1_764_000_000));
        assert_eq!(parse("2025-11-24"), Ok(1_763_942_400));
        assert_eq!(parse_bound("2025-11-24", TimeBound::To), Ok(1_763_942_400 + 86_400));
        let ago = now().cast_unsigned() - parse("2h").unwrap();
        assert!((7200..7202).contains(&ago), "{ago}");
        for bad in ["", "yesterday", "2025-13-01", "-2h", "1969-12-31", "2h!", "120"] {
            assert!(parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_unix_time_is_written_as_rfc_3339() {
        for (seconds, text) in [
            (0, "1970-01-01T00:00:00Z"),
            (951_782_400, "2000-02-29T00:00:00Z"),
            (1_764_000_000, "2025-11-24T16:00:00Z"),
            (4_107_542_399, "2100-02-28T23:59:59Z"),
            (4_107_542_400, "2100-03-01T00:00:00Z"),
            (-1, "1969-12-31T23:59:59Z"),
            (-62_135_596_800, "0001-01-01T00:00:00Z"),
        ] {
            assert_eq!(rfc3339(seconds), text);
        }
    }

    #[test]
    fn a_time_beyond_the_calendar_is_a_number() {
        for seconds in [i64::MAX, i64::MIN, 253_402_300_800, -62_135_596_801, -93_000_000_000] {
            assert_eq!(rfc3339(seconds), seconds.to_string());
        }
    }
}
