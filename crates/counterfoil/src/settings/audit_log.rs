//! How long and how many audit events are kept, and which are joined.

use std::num::NonZeroU64;
use std::time::Duration;

/// The settings of the audit log.
///
/// ```
/// use std::time::Duration;
/// use counterfoil::AuditLogSettings;
///
/// let settings = AuditLogSettings::default();
/// assert_eq!(settings.retention, Duration::from_secs(90 * 24 * 3600));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct AuditLogSettings {
    /// How long an event is kept.
    pub retention: Duration,
    /// How many events are kept; above it the oldest are removed before their time, and the log warns. `None`: no limit.
    pub max_events: Option<NonZeroU64>,
    /// How long failures of one client IP are counted before their number is recorded in one event; zero: every failure
    /// has an event of its own.
    pub failure_window: Duration,
    /// Whether the expiry of each session is recorded.
    pub records_expiries: bool,
}

impl Default for AuditLogSettings {
    fn default() -> Self {
        Self {
            retention: Duration::from_secs(90 * 24 * 60 * 60),
            max_events: NonZeroU64::new(10_000_000),
            failure_window: Duration::from_secs(15 * 60),
            records_expiries: true,
        }
    }
}
