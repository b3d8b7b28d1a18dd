//! The claim `status` of an access token: which entry of which status list is about it.

use serde::{Deserialize, Serialize};

/// Where the status of a token is published: the claim `status.status_list` (draft-ietf-oauth-status-list, section 6.2).
///
/// All access tokens of one session have the same one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StatusListReference {
    /// The index in the list.
    #[serde(rename = "idx")]
    pub index: u64,
    /// The URL of the list, which is also the `sub` of the list.
    pub uri: String,
}

/// The claim `status`. Other mechanisms than a status list are ignored.
#[derive(Deserialize)]
pub(crate) struct StatusClaim {
    #[serde(default)]
    pub(crate) status_list: Option<StatusListReference>,
}
