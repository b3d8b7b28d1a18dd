//! The JSON of the nodes of a store.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::operations::admin::views::millis;
use crate::operations::pagination::{ListItem, ListResponse};
use crate::store::node::peers::NodeStatus;

/// A node: a server that serves from the store with others.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[non_exhaustive]
pub struct NodeView {
    /// The id that the process drew when it started.
    pub id: String,
    /// The name that its settings give it. Two nodes may have the same.
    pub name: String,
    /// Whether it is the node that answers.
    pub is_this: bool,
    /// `active`, or `dead`: it has not renewed its lease for so long that nothing is accepted there. Another node removes it.
    pub state: String,
    /// Rises with each renewal of its lease.
    pub renewals: u64,
    /// Up to which position of the revocation log every entry is in force there.
    pub applied: u64,
    /// Up to which position every entry is also in force at the verifiers that poll it.
    pub confirmed: u64,
    /// How long it answers from memory after it has begun a renewal, in milliseconds.
    pub lease_ms: u64,
}

impl NodeView {
    pub(crate) fn new(status: &NodeStatus) -> Self {
        let row = &status.row;
        Self {
            id: row.id.to_string(),
            name: row.name.clone(),
            is_this: status.is_this,
            state: if status.is_dead { "dead" } else { "active" }.to_owned(),
            renewals: row.renewals,
            applied: row.applied.number(),
            confirmed: row.confirmed.number(),
            lease_ms: millis(row.lease),
        }
    }
}

/// A page of nodes.
pub(crate) type NodeList = ListResponse<NodeView>;

impl ListItem for NodeView {
    const MEMBER: &'static str = "nodes";
    const SCHEMA: &'static str = "NodeList";
}
