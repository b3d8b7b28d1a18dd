//! The overview.

use serde::Serialize;

use crate::moment::Moment;
use crate::view::View;
use crate::view::console::{AuditPart, RevocationsPart};

/// The state of the installation at a glance.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct OverviewView {
    /// Whether it can serve.
    pub health: HealthPart,
    /// Its counts.
    pub stats: StatsPart,
    /// The newest revocations, and those that are on their way.
    pub revocations: RevocationsPart,
    /// The newest audit events.
    pub audit: AuditPart,
}

impl View for OverviewView {
    const TEMPLATE: &'static str = "console/overview.html";
}

/// Whether the installation can serve.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct HealthPart {
    /// The failed readiness checks.
    pub failed: Vec<String>,
    /// Whether the clock allows to issue credentials.
    pub may_issue: bool,
    /// The version of the program.
    pub version: String,
    /// When the process started.
    pub started: Moment,
}

impl View for HealthPart {
    const TEMPLATE: &'static str = "console/live/health.html";
}

/// Counts of this process.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct StatsPart {
    /// Successful logins since the start.
    pub logins: u64,
    /// Successful logins of the last minute.
    pub logins_a_minute: u64,
    /// Failed logins of the last minute.
    pub failed_logins_a_minute: u64,
    /// Rate-limited logins of the last minute.
    pub limited_logins_a_minute: u64,
    /// Session tokens that were checked.
    pub session_checks: u64,
    /// How many of a hundred of them needed no read of the store.
    pub from_memory: u64,
    /// Sessions in the cache.
    pub cached_sessions: u64,
    /// Revocations in force.
    pub active_revocations: u64,
    /// Verifiers that follow the feed.
    pub verifiers: u64,
    /// Verifiers whose lease has run out.
    pub stale_verifiers: u64,
    /// Users and live sessions. `None`: they are being counted.
    pub population: Option<PopulationPart>,
}

/// Users and live sessions, counted a while ago.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PopulationPart {
    /// The users.
    pub users: u64,
    /// The live sessions.
    pub sessions: u64,
    /// Those with a session token.
    pub session: u64,
    /// Those with an access token.
    pub jwt: u64,
    /// Those with a refresh token.
    pub hybrid: u64,
    /// When they were counted.
    pub counted: Moment,
}

impl View for StatsPart {
    const TEMPLATE: &'static str = "console/live/stats.html";
}
