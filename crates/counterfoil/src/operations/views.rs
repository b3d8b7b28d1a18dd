//! The JSON of users and sessions, the same at every entrance.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

use counterfoil_core::model::external_id::ExternalId;
use counterfoil_core::model::session::{Mode, Session};
use counterfoil_core::model::user::User;

use crate::operations::external_id_schema::ExternalIdSchema;
use crate::operations::pagination::{ListItem, ListResponse};

/// The record of a user, as the user sees it.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[schema(as = User)]
#[non_exhaustive]
pub struct UserView {
    /// The `sub` of the user's tokens. Never changed and never reassigned.
    pub id: String,
    /// The name to log in with.
    pub username: String,
    /// The application's own id of the user, or null.
    #[schema(value_type = Option<ExternalIdSchema>)]
    pub external_id: Option<Value>,
    /// The e-mail address as given by the user, or null.
    pub email: Option<String>,
    /// Whether the user has proved that the address is theirs.
    pub email_verified: bool,
    /// What the user may do. `admin` may use the administration API; others are the application's.
    pub roles: Vec<String>,
    /// When the user was added, in Unix seconds.
    pub created_at: u64,
    /// True if the password was a temporary one of the system from which the user was imported, and has not been changed
    /// since; otherwise absent. The login is not refused: the application asks for a new password, or leads to
    /// `/account/security`.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub password_change_required: bool,
}

impl From<&User> for UserView {
    fn from(user: &User) -> Self {
        Self {
            id: user.id.to_string(),
            username: user.username.to_string(),
            external_id: user.external_id.as_ref().map(ExternalId::to_json),
            email: user.email.clone(),
            email_verified: user.email_verified,
            roles: user.roles.clone(),
            created_at: user.created_at.unix_seconds(),
            password_change_required: user.password_change_required,
        }
    }
}

/// A session in a list.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[schema(as = SessionRow)]
#[non_exhaustive]
pub struct SessionView {
    /// The `sid` of its tokens.
    pub id: String,
    /// `session`, `jwt` or `hybrid`.
    #[schema(value_type = ModeSchema)]
    pub mode: Mode,
    /// The client application.
    pub client_id: String,
    /// The user's name for the device, or null.
    pub label: Option<String>,
    /// The client IP that was last seen, or null.
    pub ip: Option<String>,
    /// The user agent that was last seen, or null.
    pub user_agent: Option<String>,
    /// When the user logged in, in Unix seconds.
    pub created_at: u64,
    /// When the session was last used, in Unix seconds, to the minute.
    pub seen_at: u64,
    /// When the session expires if it is not used, in Unix seconds.
    pub idle_expires_at: u64,
    /// When the session expires at the latest, in Unix seconds.
    pub expires_at: u64,
    /// Whether it is the session of the request, in a user's own list.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub current: Option<bool>,
}

impl From<&Session> for SessionView {
    fn from(session: &Session) -> Self {
        Self {
            id: session.id.to_string(),
            mode: session.mode(),
            client_id: session.client.to_string(),
            label: session.label.clone(),
            ip: session.client_info.ip.map(|ip| ip.to_string()),
            user_agent: session.client_info.user_agent.clone(),
            created_at: session.authenticated_at.unix_seconds(),
            seen_at: session.seen_at.unix_seconds(),
            idle_expires_at: session.ends_at().unix_seconds(),
            expires_at: session.expires_at.unix_seconds(),
            current: None,
        }
    }
}

/// A page of sessions.
pub(crate) type SessionList = ListResponse<SessionView>;

impl ListItem for SessionView {
    const MEMBER: &'static str = "sessions";
    const SCHEMA: &'static str = "SessionList";
}

/// The credential of a session: an opaque session token, a JWT, or a short-lived JWT with a refresh token.
#[derive(ToSchema)]
#[schema(as = Mode, rename_all = "lowercase")]
#[expect(dead_code, reason = "the OpenAPI schema of `Mode`, whose crate does not use utoipa")]
pub(crate) enum ModeSchema {
    Session,
    Jwt,
    Hybrid,
}

/// Sessions that were ended.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[schema(as = RevokedCount)]
#[non_exhaustive]
pub struct RevokedResponse {
    /// How many sessions were ended.
    pub revoked: usize,
}

impl RevokedResponse {
    pub(crate) fn new(revoked: usize) -> Self {
        Self { revoked }
    }
}
