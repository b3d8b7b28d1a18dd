//! The installation at a glance: the readiness checks, and the counts of this process.

use serde::Serialize;

use counterfoil_core::store::SessionsByMode;

use crate::app::App;
use crate::counters::PopulationCount;

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
    /// Successful logins of the last minute.
    pub(crate) logins_a_minute: u64,
    /// Failed logins of the last minute.
    pub(crate) failed_logins_a_minute: u64,
    /// Rate-limited logins of the last minute.
    pub(crate) limited_logins_a_minute: u64,
    /// Session tokens that were checked since the start.
    pub(crate) session_checks: u64,
    /// Those of them that were checked without a read of the store.
    pub(crate) session_checks_from_memory: u64,
    /// Sessions in the cache.
    pub(crate) cached_sessions: u64,
    /// Revocations in force.
    pub(crate) active_revocations: u64,
    /// Verifiers that follow the feed of this process.
    pub(crate) verifiers: u64,
    /// Verifiers whose lease has run out.
    pub(crate) stale_verifiers: u64,
    /// Users and live sessions of all nodes, as counted in the last minutes while somebody looked; null until then.
    pub(crate) population: Option<PopulationStats>,
}

/// Users and live sessions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub(crate) struct PopulationStats {
    /// The users.
    pub(crate) users: u64,
    /// Live sessions by mode.
    pub(crate) sessions: SessionModes,
    /// When they were counted, in Unix seconds.
    pub(crate) counted_at: u64,
}

/// Live sessions by mode.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub(crate) struct SessionModes {
    /// Session tokens.
    pub(crate) session: u64,
    /// Access tokens alone.
    pub(crate) jwt: u64,
    /// Access tokens with a refresh token.
    pub(crate) hybrid: u64,
}

impl From<PopulationCount> for PopulationStats {
    fn from(count: PopulationCount) -> Self {
        let SessionsByMode { session, jwt, hybrid } = count.sessions;
        Self {
            users: count.users,
            sessions: SessionModes { session, jwt, hybrid },
            counted_at: count.counted_at.unix_seconds(),
        }
    }
}

/// How many users there were at the last count.
pub(crate) fn about_users(app: &App) -> Option<u64> {
    app.parts.metrics.population.last().map(|count| count.users)
}

/// Evaluates the readiness checks.
pub(crate) async fn health(app: &App) -> Health {
    with_checks(app, app.readiness().await)
}

/// As [`health`], for streams, which share the result of the last second.
pub(crate) async fn recent_health(app: &App) -> Health {
    with_checks(app, app.parts.live.failed_checks(app.readiness()).await)
}

fn with_checks(app: &App, failed: Vec<&'static str>) -> Health {
    Health {
        failed,
        may_issue: app.parts.clock.may_issue(),
        version: env!("CARGO_PKG_VERSION"),
        started_at: app.parts.started_at.unix_seconds(),
    }
}

/// Reads the counts from memory.
pub(crate) fn stats(app: &App) -> Stats {
    let metrics = &app.parts.metrics;
    let logins = metrics.login_totals();
    let last_minute = metrics.recent_logins.in_last_minute(logins);
    let (from_memory, from_store) = metrics.credential_checks.cache_hits_and_misses();
    let followers = app.parts.feed.followers();
    let stale = followers.iter().filter(|status| status.lease_left.is_zero()).count();
    Stats {
        logins: logins.accepted,
        logins_a_minute: last_minute.accepted,
        failed_logins_a_minute: last_minute.refused,
        limited_logins_a_minute: last_minute.limited,
        session_checks: from_memory + from_store,
        session_checks_from_memory: from_memory,
        cached_sessions: app.parts.session_cache.len() as u64,
        active_revocations: app.parts.session_cache.revocations().len() as u64,
        verifiers: followers.len() as u64,
        stale_verifiers: stale as u64,
        population: metrics.population.last().map(PopulationStats::from),
    }
}
