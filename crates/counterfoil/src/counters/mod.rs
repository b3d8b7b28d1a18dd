//! The counters of the server. `metrics` exports them.
//!
//! ```text
//!   sharded             for the hottest paths: each thread counts on its own cache lines
//!   credential_checks   around the authenticator: results by credential type
//!   events              a commit listener of the store: audit events, sessions created and ended
//!   introspections      introspections by result
//!   outcomes            results of logins, refreshes, registrations and password changes
//!   population          users and live sessions, counted in the background while an administrator looks
//!   recent_logins       logins of the last minute
//!   requests            HTTP requests by route, method and status
//! ```
//!
//! No label value comes from a client, so a client cannot create series.

mod credential_checks;
mod events;
mod introspections;
mod outcomes;
mod population;
mod recent_logins;
mod requests;
mod sharded;

use std::sync::Arc;

use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::gauge::Gauge;

pub(crate) use credential_checks::{
    CHECK_RESULTS, CREDENTIAL_TYPES, CountingAuthenticator, CredentialChecks,
};
pub(crate) use events::{EventCounters, Label};
pub(crate) use introspections::{IntrospectionResult, Introspections};
pub(crate) use outcomes::{Outcome, Outcomes, service_outcome};
pub(crate) use population::{Population, PopulationCount};
pub(crate) use recent_logins::{LoginTotals, RecentLogins};
pub(crate) use requests::{HttpRequests, Route, method_label};

/// The counters of an installation.
#[derive(Debug, Default)]
pub(crate) struct Metrics {
    /// Checks of session tokens and access tokens.
    pub(crate) credential_checks: Arc<CredentialChecks>,
    /// Committed events.
    pub(crate) events: Arc<EventCounters>,
    /// Results of logins.
    pub(crate) logins: Outcomes,
    /// The results of the last minute.
    pub(crate) recent_logins: RecentLogins,
    /// Users and live sessions.
    pub(crate) population: Population,
    /// Results of logins at guarded hosts, when the browser returns from the issuer.
    pub(crate) host_logins: Outcomes,
    /// Results of refreshes.
    pub(crate) refreshes: Outcomes,
    /// Results of registrations.
    pub(crate) registrations: Outcomes,
    /// Results of password changes.
    pub(crate) password_changes: Outcomes,
    /// Introspections.
    pub(crate) introspections: Introspections,
    /// HTTP requests by route.
    pub(crate) requests: HttpRequests,
    /// Connections of the public listener.
    pub(crate) connections: Arc<ConnectionCounters>,
}

/// The connections of a listener.
#[derive(Debug, Default)]
pub(crate) struct ConnectionCounters {
    /// Connections that are open.
    pub(crate) open: Gauge,
    /// How many may be open.
    pub(crate) limit: Gauge,
    /// Connections that were closed when they were accepted, because a limit was reached.
    pub(crate) refused: Counter,
    /// Connections without a request in progress that were closed to make room for others.
    pub(crate) closed: Counter,
}

impl ConnectionCounters {
    /// Counts a connection as open until the returned value is dropped.
    pub(crate) fn track(self: &Arc<Self>) -> OpenConnection {
        self.open.inc();
        OpenConnection(Arc::clone(self))
    }
}

/// A connection that is counted as open until this is dropped.
#[derive(Debug)]
pub(crate) struct OpenConnection(Arc<ConnectionCounters>);

impl Drop for OpenConnection {
    fn drop(&mut self) {
        self.0.open.dec();
    }
}

impl Metrics {
    /// The logins since the start.
    pub(crate) fn login_totals(&self) -> LoginTotals {
        LoginTotals {
            accepted: self.logins.total(Outcome::Success),
            refused: self.logins.total(Outcome::Failure),
            limited: self.logins.total(Outcome::RateLimited),
        }
    }
}
