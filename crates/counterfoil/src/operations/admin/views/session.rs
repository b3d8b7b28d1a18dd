//! The JSON of the sessions of all users.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use counterfoil_core::model::session::Session;

use crate::operations::pagination::{ListItem, ListResponse};
use crate::operations::views::SessionView;

/// A session, with its user.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[schema(as = AdminSession)]
#[non_exhaustive]
pub struct AdminSessionView {
    /// What the user sees as well.
    #[serde(flatten)]
    pub session: SessionView,
    /// The id of the user.
    pub user: String,
    /// The name of the user, or null if the user was just deleted.
    pub username: Option<String>,
}

impl AdminSessionView {
    pub(crate) fn new(session: &Session, username: Option<String>) -> Self {
        Self { session: SessionView::from(session), user: session.user.to_string(), username }
    }
}

/// A page of the sessions of all users.
pub(crate) type AdminSessionList = ListResponse<AdminSessionView>;

impl ListItem for AdminSessionView {
    const MEMBER: &'static str = "sessions";
    const SCHEMA: &'static str = "AdminSessionList";
}
