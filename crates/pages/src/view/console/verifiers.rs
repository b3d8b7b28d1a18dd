//! The verifiers that follow the feed, their keys, and the nodes.

use serde::Serialize;

use crate::moment::Moment;
use crate::view::View;

/// A process that follows the feed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct VerifierRow {
    /// The name of its key.
    pub name: String,
    /// The id of the process.
    pub instance: String,
    /// Whether its lease has run out, and it refuses every credential.
    pub is_stale: bool,
    /// How many entries it has not confirmed.
    pub lag_entries: u64,
    /// How long ago the first of them was published, in milliseconds.
    pub lag_ms: u64,
    /// How much of its lease is left, in milliseconds.
    pub lease_left_ms: u64,
    /// The same in percent.
    pub lease_left: u64,
    /// When its last poll arrived.
    pub polled: Moment,
}

/// A verifier key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct VerifierKeyRow {
    /// The id.
    pub id: String,
    /// The name.
    pub name: String,
    /// When it was created.
    pub created: Moment,
}

/// A node.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct NodeRow {
    /// The id.
    pub id: String,
    /// The name.
    pub name: String,
    /// Whether it is the node that answers.
    pub is_this: bool,
    /// `active` or `dead`.
    pub state: String,
    /// Up to which position every entry is in force there.
    pub applied: u64,
    /// Up to which position every entry is in force at its verifiers.
    pub confirmed: u64,
}

/// The processes that follow the feed.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct VerifiersPart {
    /// The processes.
    pub verifiers: Vec<VerifierRow>,
}

impl View for VerifiersPart {
    const TEMPLATE: &'static str = "console/live/verifiers.html";
}

/// Verifiers, their keys, and nodes.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct VerifiersView {
    /// The processes.
    pub processes: VerifiersPart,
    /// The keys.
    pub keys: Vec<VerifierKeyRow>,
    /// The nodes; none if one process alone can have the store open.
    pub nodes: Vec<NodeRow>,
    /// The key that was just created. It is shown once.
    pub created: Option<String>,
    /// The name in the form.
    pub name: String,
    /// Why the form was refused.
    pub error: Option<String>,
}

impl View for VerifiersView {
    const TEMPLATE: &'static str = "console/verifiers.html";
}
