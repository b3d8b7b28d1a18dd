//! The JSON of the revocation log, and of revocations that wait for the verifiers.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use counterfoil_core::services::revocation_feed::FleetProgress;
use counterfoil_jose::Time;
use counterfoil_verify::RevocationEntry;

use crate::feed::running_waits::RunningWait;
use crate::operations::admin::views::millis;

/// An entry of the revocation log.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[schema(as = RevocationEntry)]
#[non_exhaustive]
pub struct RevocationEntryView {
    /// Its position in the log.
    pub position: u64,
    /// `session:ID`, `user:ID`, `token:ID`, `client:ID`, `key:ID` or `everyone`.
    pub subject: String,
    /// When the last token that it revokes has expired, in Unix seconds; null for a key.
    pub until: Option<u64>,
}

impl From<&RevocationEntry> for RevocationEntryView {
    fn from(entry: &RevocationEntry) -> Self {
        Self {
            position: entry.position.number(),
            subject: entry.subject.to_string(),
            until: entry.until.map(Time::unix_seconds),
        }
    }
}

/// A revocation that waits until no verifier accepts its subject.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[schema(as = FleetWait)]
#[non_exhaustive]
pub struct FleetWaitView {
    /// What is revoked.
    pub subject: String,
    /// The position that is awaited.
    pub position: u64,
    /// How many verifiers have confirmed it.
    pub confirmed: u64,
    /// Of how many others the lease has run out.
    pub expired: u64,
    /// How many are awaited.
    pub waiting: u64,
    /// When the last lease runs out, in milliseconds from now.
    pub over_in_ms: u64,
}

impl FleetWaitView {
    pub(crate) fn new(wait: &RunningWait, progress: &FleetProgress, now: Duration) -> Self {
        let count = |number: usize| u64::try_from(number).unwrap_or(u64::MAX);
        Self {
            subject: wait.subject.to_string(),
            position: wait.position.number(),
            confirmed: count(progress.confirmed),
            expired: count(progress.expired),
            waiting: count(progress.waiting),
            over_in_ms: millis(progress.over_at.saturating_sub(now)),
        }
    }
}
