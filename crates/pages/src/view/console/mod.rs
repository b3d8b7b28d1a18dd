//! The console: the pages of administrators. They are in English, the language of the standards whose words they use.

mod audit;
mod confirm;
mod overview;
mod sessions;
mod users;

use serde::Serialize;

pub use audit::{AuditFilter, AuditView, EventRow};
pub use confirm::{Checkbox, ConfirmView, TextField};
pub use overview::{HealthPart, OverviewView, StatsPart};
pub use sessions::{SessionFilter, SessionRow, SessionsPageView};
pub use users::{CounterRow, NewUserForm, UserPageView, UserRow, UsersPageView};

/// The links to the pages before and after this one.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Pager {
    /// The path of the page before.
    pub previous: Option<String>,
    /// The path of the next page.
    pub next: Option<String>,
}
