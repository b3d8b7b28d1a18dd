//! A time, as a page shows it: in UTC, since a page without script does not know the user's time zone.

use jiff::Timestamp;
use serde::Serialize;

/// A time of the page.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Moment {
    /// For the attribute `datetime`: `2026-11-28T22:04:17Z`.
    pub iso: String,
    /// For people of every language: `2026-11-28 22:04 UTC`.
    pub text: String,
    /// The day alone: `2026-11-28`.
    pub day: String,
}

impl Moment {
    /// The time with this number of Unix seconds. One that no calendar has is shown as the number.
    pub fn from_unix_seconds(seconds: u64) -> Self {
        let time = i64::try_from(seconds).ok().and_then(|seconds| Timestamp::from_second(seconds).ok());
        match time {
            Some(time) => Self {
                iso: time.strftime("%Y-%m-%dT%H:%M:%SZ").to_string(),
                text: time.strftime("%Y-%m-%d %H:%M UTC").to_string(),
                day: time.strftime("%Y-%m-%d").to_string(),
            },
            None => Self { iso: seconds.to_string(), text: seconds.to_string(), day: seconds.to_string() },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_in_utc() {
        let moment = Moment::from_unix_seconds(1_764_000_000);

        assert_eq!(moment.iso, "2025-11-24T16:00:00Z");
        assert_eq!((moment.text.as_str(), moment.day.as_str()), ("2025-11-24 16:00 UTC", "2025-11-24"));
        assert_eq!(Moment::from_unix_seconds(u64::MAX).text, u64::MAX.to_string());
    }
}
