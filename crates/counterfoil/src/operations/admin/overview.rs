//! The installation at a glance: the readiness checks, and the counts of this process.

use serde::Serialize;

use crate::app::App;
use crate::counters::Outcome;

/// Whether the installation can serve.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Health {
    /// The failed readiness checks.
    pub(crate) failed: Vec<&'static str>,
    /// Whether the clock allows to issue credentials.
    pub(crate) may_issue: bool,
    /// The version of the program.
    pub(crate) version: &'static str,
    /// When the process started, in Unix seconds.
    pub(crate) started_at: u64,
}

/// Counts of this process.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Stats {
    /// Successful logins since the start.
    pub(crate) logins: u64,
    /// Failed logins since the start.
    pub(crate) failed_logins: u64,
    /// Rate-limited logins since the start.
    pub(crate) limited_logins: u64,
    /// Sessions in the cache.
    pub(crate) cached_sessions: u64,
    /// Revocations in force.
    pub(crate) active_revocations: u64,
    /// Verifiers that follow the feed of this process.
    pub(crate) verifiers: u64,
    /// Verifiers whose lease has run out.
    pub(crate) stale_verifiers: u64,
}

/// Evaluates the readiness checks.
pub(crate) async fn health(app: &App) -> Health {
    Health {
        failed: app.readiness().await,
        may_issue: app.parts.clock.may_issue(),
        version: env!("CARGO_PKG_VERSION"),
        started_at: app.parts.started_at.unix_seconds(),
    }
}

/// Reads the counts from memory.
pub(crate) fn stats(app: &App) -> Stats {
    let logins = &app.parts.metrics.logins;
    let followers = app.parts.feed.followers();
    let stale = followers.iter().filter(|status| status.lease_left.is_zero()).count();
    Stats {
        logins: logins.total(Outcome::Success),
        failed_logins: logins.total(Outcome::Failure),
        limited_logins: logins.total(Outcome::RateLimited),
        cached_sessions: app.parts.session_cache.len() as u64,
        active_revocations: app.parts.session_cache.revocations().len() as u64,
        verifiers: followers.len() as u64,
        stale_verifiers: stale as u64,
    }
}
