//! An end of a range of times, as people write it: a date, or a date and a time.

use jiff::Timestamp;
use jiff::civil::{Date, DateTime};
use jiff::tz::TimeZone;

/// The length of a date: `2026-11-29`.
const DATE_LEN: usize = 10;

/// Which end of a range of times is meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TimeBound {
    /// The first time. A date is its first moment.
    From,
    /// The time after the last one. A date is the first moment of the next day, so that the range includes it.
    To,
}

impl TimeBound {
    /// The Unix time of a text in RFC 3339, of a date, or of a date and a time as an input of the type `datetime-local` has
    /// them (HTML Living Standard, section 2.3.5.5). Without an offset it is in UTC, as the pages show times. `None` for another
    /// text.
    ///
    /// ```
    /// use counterfoil_pages::TimeBound;
    ///
    /// assert_eq!(TimeBound::From.parse("2025-11-24T16:00"), Some(1_764_000_000));
    /// assert_eq!(TimeBound::To.parse("yesterday"), None);
    /// ```
    pub fn parse(self, text: &str) -> Option<i64> {
        let time = text.parse::<Timestamp>().ok().or_else(|| self.parse_without_offset(text))?;
        Some(time.as_second())
    }

    fn parse_without_offset(self, text: &str) -> Option<Timestamp> {
        let (date, time) = text.split_at_checked(DATE_LEN)?;
        let date = date.parse::<Date>().ok()?;
        let time = match (time.is_empty(), self) {
            (true, Self::From) => date.at(0, 0, 0, 0),
            (true, Self::To) => date.tomorrow().ok()?.at(0, 0, 0, 0),
            (false, _) if is_time(time) => text.parse::<DateTime>().ok()?,
            (false, _) => return None,
        };
        TimeZone::UTC.to_timestamp(time).ok()
    }
}

/// Whether it is a time after a date. The parser would also take an offset or a time zone, and ignore it.
fn is_time(text: &str) -> bool {
    let time = text.strip_prefix(['T', 't', ' ']);
    time.is_some_and(|time| time.chars().all(|sign| sign.is_ascii_digit() || sign == ':' || sign == '.'))
}

#[cfg(test)]
mod tests {
    use super::*;

    const FOUR: i64 = 1_764_000_000;

    #[test]
    fn a_bound_is_a_time_with_an_offset_or_one_in_utc() {
        for text in [
            "2025-11-24T16:00:00Z",
            "2025-11-24T17:00:00+01:00",
            "2025-11-24T16:00",
            "2025-11-24T16:00:00",
            "2025-11-24T16:00:00.000",
            "2025-11-24 16:00",
        ] {
            for bound in [TimeBound::From, TimeBound::To] {
                assert_eq!(bound.parse(text), Some(FOUR), "{text}");
            }
        }
        for bad in [
            "",
            "noon",
            "1764000000",
            "2025-11",
            "2025-13-01",
            "2025-11-24T",
            "2025-11-24T25:00",
            "2025-11-24T16:00:00[Europe/Berlin]",
            "2025-11-24T16:00-99:00",
            "2025-11-24x16:00",
            "2025-11-2\u{fc}4",
            "2h",
        ] {
            assert_eq!(TimeBound::From.parse(bad), None, "{bad}");
        }
    }

    #[test]
    fn a_range_includes_the_dates_at_its_ends() {
        assert_eq!(TimeBound::From.parse("2025-11-24"), Some(FOUR - 16 * 3600));
        assert_eq!(TimeBound::To.parse("2025-11-24"), Some(FOUR + 8 * 3600));
        assert_eq!(TimeBound::To.parse("9999-12-31"), None);
    }
}
