//! Times for people: RFC 3339, and how long from now.

use std::time::{SystemTime, UNIX_EPOCH};

/// Seconds in a day; days of Unix time have no leap seconds.
const DAY: i64 = 86_400;

/// The Unix seconds of this machine's clock. For showing only: what is decided, a server decides.
pub(crate) fn now() -> i64 {
    let elapsed = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(elapsed.as_secs()).unwrap_or(i64::MAX)
}

/// `seconds` as RFC 3339 in UTC; what lies outside the years 1 to 9999 stays a number.
pub(crate) fn rfc3339(seconds: i64) -> String {
    let (year, month, day) = civil(seconds.div_euclid(DAY));
    if !(1..=9999).contains(&year) {
        return seconds.to_string();
    }
    let second = seconds.rem_euclid(DAY);
    let (hour, minute, second) = (second / 3600, second / 60 % 60, second % 60);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z")
}

/// Year, month and day of the Gregorian calendar, `days` after 1970-01-01. Counted in eras of 400 years that
/// begin on the first of March, so that the leap day is the last of its year.
fn civil(days: i64) -> (i64, i64, i64) {
    let days = days.saturating_add(719_468);
    let (era, day_of_era) = (days.div_euclid(146_097), days.rem_euclid(146_097));
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = if month_from_march < 10 { month_from_march + 3 } else { month_from_march - 9 };
    (year_of_era + era * 400 + i64::from(month <= 2), month, day)
}

/// `seconds` seen from `now`, in the largest unit that fits: `in 12 min`, `3 h ago`, `now`.
pub(crate) fn relative(seconds: i64, now: i64) -> String {
    let distance = seconds.saturating_sub(now);
    let (count, unit) = match distance.unsigned_abs() {
        0 => return "now".to_owned(),
        few @ 1..120 => (few, "s"),
        some @ 120..7_200 => (some / 60, "min"),
        many @ 7_200..172_800 => (many / 3_600, "h"),
        most => (most / 86_400, "d"),
    };
    if distance > 0 { format!("in {count} {unit}") } else { format!("{count} {unit} ago") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_moments_are_written_as_everybody_writes_them() {
        for (seconds, text) in [
            (0, "1970-01-01T00:00:00Z"),
            (951_782_400, "2000-02-29T00:00:00Z"),
            (1_764_000_000, "2025-11-24T16:00:00Z"),
            (4_107_542_399, "2100-02-28T23:59:59Z"),
            (4_107_542_400, "2100-03-01T00:00:00Z"),
            (-1, "1969-12-31T23:59:59Z"),
        ] {
            assert_eq!(rfc3339(seconds), text);
        }
    }

    #[test]
    fn a_time_that_no_calendar_holds_stays_a_number() {
        for seconds in [i64::MAX, i64::MIN, 253_402_300_800] {
            assert_eq!(rfc3339(seconds), seconds.to_string());
        }
    }

    #[test]
    fn the_distance_is_told_in_a_fitting_unit() {
        assert_eq!(relative(100, 100), "now");
        assert_eq!(relative(1_000, 280), "in 12 min");
        assert_eq!(relative(0, 7_200), "2 h ago");
        assert_eq!(relative(i64::MAX, i64::MIN), "in 106751991167300 d");
    }
}
