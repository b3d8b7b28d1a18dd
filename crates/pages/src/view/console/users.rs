//! Users, and one of them.

use serde::Serialize;

use crate::moment::Moment;
use crate::view::View;
use crate::view::console::{EventRow, Pager, SessionRow};

/// A user in a list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct UserRow {
    /// The id.
    pub id: String,
    /// The username.
    pub username: String,
    /// The e-mail address.
    pub email: Option<String>,
    /// Whether the address is verified.
    pub email_verified: bool,
    /// The roles.
    pub roles: Vec<String>,
    /// Whether the user is disabled.
    pub is_disabled: bool,
    /// When the user was added.
    pub created: Moment,
}

/// The form for a new user, as it was sent. It never has the password.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct NewUserForm {
    /// The username.
    pub username: String,
    /// The e-mail address.
    pub email: String,
    /// The roles, separated by commas.
    pub roles: String,
}

/// A page of users by name.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct UsersPageView {
    /// What the names begin with; empty for all.
    pub prefix: String,
    /// The users.
    pub users: Vec<UserRow>,
    /// How many users there are in all, counted a while ago. `None`: they are being counted.
    pub about: Option<u64>,
    /// The neighbouring pages.
    pub pages: Pager,
    /// The form for a new user.
    pub form: NewUserForm,
    /// Why the form was refused.
    pub error: Option<String>,
}

impl View for UsersPageView {
    const TEMPLATE: &'static str = "console/users.html";
}

/// What a rate limit counts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct CounterRow {
    /// The name of what is counted.
    pub event: String,
    /// The login name, the address, or both.
    pub scope: String,
    /// The events in the current window.
    pub count: u64,
    /// The most events in a window.
    pub max: Option<u32>,
    /// The length of a window, in seconds.
    pub window: u64,
    /// Until when attempts are refused.
    pub blocked_until: Option<Moment>,
}

/// One user: what has happened, and what is live.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct UserPageView {
    /// The user.
    pub user: UserRow,
    /// The application's id of the user, as JSON.
    pub external_id: Option<String>,
    /// Since when the user is disabled.
    pub disabled: Option<Moment>,
    /// Whether the password is a temporary one.
    pub password_change_required: bool,
    /// How often everything of the user was revoked.
    pub epoch: u64,
    /// The position of the revocation log below which nothing of the user is valid.
    pub cutoff: u64,
    /// The live sessions.
    pub sessions: Vec<SessionRow>,
    /// The latest events.
    pub events: Vec<EventRow>,
    /// What the rate limits count.
    pub counters: Vec<CounterRow>,
    /// The names of the admin keys that the user created.
    pub admin_keys: Vec<String>,
}

impl View for UserPageView {
    const TEMPLATE: &'static str = "console/user.html";
}
