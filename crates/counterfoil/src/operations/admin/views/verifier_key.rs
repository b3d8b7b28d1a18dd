//! The JSON of verifier keys.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use counterfoil_core::model::verifier_key::VerifierKeyRecord;

use crate::operations::pagination::{ListItem, ListResponse};

/// A verifier key, without its secret.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[schema(as = VerifierKey)]
#[non_exhaustive]
pub struct VerifierKeyView {
    /// The id.
    pub id: String,
    /// A name for people.
    pub name: String,
    /// Unix seconds.
    pub created_at: u64,
}

impl From<&VerifierKeyRecord> for VerifierKeyView {
    fn from(key: &VerifierKeyRecord) -> Self {
        Self { id: key.id.to_string(), name: key.name.clone(), created_at: key.created_at.unix_seconds() }
    }
}

/// A page of verifier keys.
pub(crate) type VerifierKeyList = ListResponse<VerifierKeyView>;

impl ListItem for VerifierKeyView {
    const MEMBER: &'static str = "verifier_keys";
    const SCHEMA: &'static str = "VerifierKeyList";
}
