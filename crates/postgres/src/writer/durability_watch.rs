//! Looks now and then whether the server could lose what it confirms: its settings change without a restart.

use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use tokio::time::timeout;

use counterfoil_core::store::metrics::StoreMetrics;

use crate::standby_warning::DurabilityWarning;
use crate::statement::Connection;
use crate::writer_connection::{ANSWER_TIMEOUT, WriterConnector};

/// The time between two looks at the settings of the server.
const LOOK_INTERVAL: Duration = Duration::from_secs(60);

/// What was last seen of the settings of the server.
pub(super) struct DurabilityWatch {
    looked_at: Option<Instant>,
    warning: Option<DurabilityWarning>,
}

impl Default for DurabilityWatch {
    fn default() -> Self {
        // The start has said it if the server does not sync.
        Self { looked_at: None, warning: Some(DurabilityWarning::NoSync) }
    }
}

impl DurabilityWatch {
    /// The next look is due at once.
    pub(super) fn look_again(&mut self) {
        self.looked_at = None;
    }

    /// Looks if it is due, and warns of what is new.
    pub(super) async fn look(
        &mut self,
        connector: &WriterConnector,
        connection: &Connection,
        metrics: &StoreMetrics,
    ) {
        if self.looked_at.is_some_and(|at| at.elapsed() < LOOK_INTERVAL) {
            return;
        }
        self.looked_at = Some(Instant::now());
        let look = connector.durability_warning(connection);
        // A failure has its consequences at the next test.
        let Ok(Ok(warning)) = timeout(ANSWER_TIMEOUT, look).await else { return };
        metrics.may_lose_commits.store(warning.is_some(), Ordering::Relaxed);
        let before = std::mem::replace(&mut self.warning, warning);
        if let Some(warning) = warning.filter(|warning| before != Some(*warning)) {
            tracing::warn!(hint = warning.hint(), "{}", warning.message());
        }
    }
}
