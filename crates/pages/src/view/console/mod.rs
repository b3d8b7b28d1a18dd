//! The console: the pages of administrators. They are in English, the language of the standards whose words they use.

mod audit;
mod clients;
mod configuration;
mod confirm;
mod doctor;
mod health;
mod keys;
mod overview;
mod rate_limits;
mod revocations;
mod sessions;
mod users;
mod verifiers;

use serde::Serialize;

pub use audit::{AuditFilter, AuditPart, AuditView, EventRow};
pub use clients::{ClientPageView, ClientRow, ClientsView, LifetimeRow};
pub use configuration::{ConfigurationView, SettingRow};
pub use confirm::{Checkbox, ConfirmView, TextField};
pub use doctor::{DoctorRow, DoctorView};
pub use health::{CheckRow, HealthView};
pub use keys::{Bar, KeyPlot, KeyPlotRow, KeyRow, KeyTimes, KeysPart, KeysView};
pub use overview::{HealthPart, OverviewView, PopulationPart, StatsPart};
pub use rate_limits::RateLimitsView;
pub use revocations::{RevocationRow, RevocationsPart, RevocationsView, WaitRow};
pub use sessions::{SessionFilter, SessionRow, SessionsPageView};
pub use users::{CounterRow, NewUserForm, UserPageView, UserRow, UsersPageView};
pub use verifiers::{NodeRow, VerifierKeyRow, VerifierRow, VerifiersPart, VerifiersView};

/// The links to the pages before and after this one.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Pager {
    /// The path of the first page, on a later page of a list that leads only forward.
    pub first: Option<String>,
    /// The path of the page before.
    pub previous: Option<String>,
    /// The path of the next page.
    pub next: Option<String>,
}
