//! The JSON of users.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use counterfoil_core::model::user::User;
use counterfoil_jose::Time;

use crate::operations::pagination::{ListItem, ListResponse};
use crate::operations::views::UserView;

/// A user, as an administrator sees them.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[schema(as = AdminUser)]
#[non_exhaustive]
pub struct AdminUserView {
    /// What the user sees as well.
    #[serde(flatten)]
    pub user: UserView,
    /// Since when the user is disabled, in Unix seconds, or null.
    pub disabled_at: Option<u64>,
}

impl From<&User> for AdminUserView {
    fn from(user: &User) -> Self {
        Self { user: UserView::from(user), disabled_at: user.disabled_at.map(Time::unix_seconds) }
    }
}

/// A page of users.
pub(crate) type UserList = ListResponse<AdminUserView>;

impl ListItem for AdminUserView {
    const MEMBER: &'static str = "users";
    const SCHEMA: &'static str = "UserList";
}
