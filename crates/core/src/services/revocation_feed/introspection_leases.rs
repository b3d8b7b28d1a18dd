//! For how long the answers to introspections may be relied on. It reads no clock.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use crate::services::revocation_feed::leases::issuer_lease;

/// How long a verifier may rely on an `active` response: for one request, counted from when it sent the introspection.
pub const INTROSPECTION_LEASE: Duration = Duration::from_secs(1);

/// The leases of all introspections. As an introspection acknowledges nothing, only the end of the last one counts.
#[derive(Debug, Default)]
pub struct IntrospectionLeases {
    end_ms: AtomicU64,
}

impl IntrospectionLeases {
    /// Records an introspection that arrived at this uptime.
    ///
    /// The caller reads the revocations by which it answers only after this. So a wait for the fleet that does not see
    /// this lease has published its position before, and the response is not `active`.
    pub fn record(&self, at: Duration) {
        self.end_ms
            .fetch_max(ceil_ms(at.saturating_add(issuer_lease(INTROSPECTION_LEASE))), Ordering::AcqRel);
    }

    /// The uptime at which no response is relied on. A wait for the fleet reads it after its position is published.
    pub fn end(&self) -> Duration {
        // A change, although it changes nothing: of a record and this one, the second sees all that came before the first.
        Duration::from_millis(self.end_ms.fetch_max(0, Ordering::AcqRel))
    }
}

/// Rounded up: a lease must not end too early.
fn ceil_ms(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos().div_ceil(1_000_000)).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_introspection_counts_for_five_quarters_of_a_second() {
        let leases = IntrospectionLeases::default();
        assert_eq!(leases.end(), Duration::ZERO);

        leases.record(Duration::from_micros(10_000_001));
        leases.record(Duration::from_secs(9));

        assert_eq!(leases.end(), Duration::from_millis(11_251));
    }
}
