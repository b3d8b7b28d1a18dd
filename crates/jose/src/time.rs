//! Points in time, in milliseconds since the Unix epoch. The clock is read elsewhere.

use std::fmt;
use std::ops::{Add, Sub};
use std::time::Duration;

use serde::{Deserialize, Serialize};

/// A point in time, in milliseconds since 1970-01-01T00:00:00Z.
///
/// Arithmetic saturates. It does not wrap around, so a very long lifetime cannot make a token that is never
/// valid or that never expires.
///
/// ```
/// use std::time::Duration;
/// use counterfoil_jose::Time;
///
/// let noon = Time::from_unix_seconds(1_764_000_000);
/// assert_eq!((noon + Duration::from_secs(60)).unix_seconds(), 1_764_000_060);
/// assert_eq!(noon.since(noon + Duration::from_secs(1)), Duration::ZERO);
/// ```
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Time(u64);

impl Time {
    /// The Unix epoch, the earliest point in time.
    pub const EPOCH: Self = Self(0);

    /// The time `ms` milliseconds after the Unix epoch.
    pub const fn from_unix_ms(ms: u64) -> Self {
        Self(ms)
    }

    /// The time `seconds` after the Unix epoch (a `NumericDate`, RFC 7519, section 2).
    pub const fn from_unix_seconds(seconds: u64) -> Self {
        Self(seconds.saturating_mul(1000))
    }

    /// Milliseconds since the Unix epoch.
    pub const fn unix_ms(self) -> u64 {
        self.0
    }

    /// Whole seconds since the Unix epoch, rounded down, as in tokens and responses.
    pub const fn unix_seconds(self) -> u64 {
        self.0 / 1000
    }

    /// The duration since `earlier`; zero if `earlier` is not before this time.
    pub const fn since(self, earlier: Self) -> Duration {
        Duration::from_millis(self.0.saturating_sub(earlier.0))
    }
}

impl Add<Duration> for Time {
    type Output = Self;

    fn add(self, rhs: Duration) -> Self {
        Self(self.0.saturating_add(u64::try_from(rhs.as_millis()).unwrap_or(u64::MAX)))
    }
}

impl Sub<Duration> for Time {
    type Output = Self;

    fn sub(self, rhs: Duration) -> Self {
        Self(self.0.saturating_sub(u64::try_from(rhs.as_millis()).unwrap_or(u64::MAX)))
    }
}

impl fmt::Debug for Time {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{:03}s", self.0 / 1000, self.0 % 1000)
    }
}
