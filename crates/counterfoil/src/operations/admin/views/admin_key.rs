//! The JSON of admin keys.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use counterfoil_core::model::admin_key::{AdminKeyRecord, KeyCreator};
use counterfoil_core::model::audit_event::Actor;

use crate::operations::admin::views::actor_id;
use crate::operations::pagination::{ListItem, ListResponse};

/// An admin key, without its secret.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[schema(as = AdminKey)]
#[non_exhaustive]
pub struct AdminKeyView {
    /// The id.
    pub id: String,
    /// A name for people.
    pub name: String,
    /// Who created it: `user:<id>` or `operator`. It is removed when that user is deleted or is no
    /// administrator any more.
    pub created_by: String,
    /// Unix seconds.
    pub created_at: u64,
}

impl From<&AdminKeyRecord> for AdminKeyView {
    fn from(key: &AdminKeyRecord) -> Self {
        Self {
            id: key.id.to_string(),
            name: key.name.clone(),
            created_by: match key.created_by {
                KeyCreator::User(id) => actor_id(&Actor::User(id)),
                KeyCreator::Operator => actor_id(&Actor::Operator),
            },
            created_at: key.created_at.unix_seconds(),
        }
    }
}

/// A page of admin keys.
pub(crate) type AdminKeyList = ListResponse<AdminKeyView>;

impl ListItem for AdminKeyView {
    const MEMBER: &'static str = "admin_keys";
    const SCHEMA: &'static str = "AdminKeyList";
}
