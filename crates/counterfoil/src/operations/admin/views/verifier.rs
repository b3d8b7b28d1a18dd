//! The JSON of the processes that follow the revocation feed.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::feed::followers::FollowerStatus;
use crate::operations::admin::views::millis;
use crate::operations::pagination::{ListItem, ListResponse};

/// A process that follows the feed, or did so until some minutes ago.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[schema(as = Verifier)]
#[non_exhaustive]
pub struct VerifierView {
    /// The id of its verifier key.
    pub key_id: String,
    /// The name of the key, or null if the key was removed.
    pub name: Option<String>,
    /// The id that the process drew when it started.
    pub instance: String,
    /// `fresh`, or `stale`: its lease has run out, and it refuses every credential.
    pub state: String,
    /// Up to which position of the revocation log it has confirmed every entry.
    pub acknowledged: u64,
    /// How many later entries there are.
    pub lag_entries: u64,
    /// How long ago the first of them was published, in milliseconds.
    pub lag_ms: u64,
    /// How much of its lease is left, as the issuer counts it, in milliseconds.
    pub lease_left_ms: u64,
    /// When its first poll arrived, in Unix seconds.
    pub first_polled_at: u64,
    /// When its last poll arrived, in Unix seconds.
    pub polled_at: u64,
}

impl VerifierView {
    pub(crate) fn new(status: &FollowerStatus, name: Option<String>) -> Self {
        Self {
            key_id: status.follower.key.to_string(),
            name,
            instance: status.follower.instance.to_string(),
            state: if status.lease_left.is_zero() { "stale" } else { "fresh" }.to_owned(),
            acknowledged: status.acknowledged.number(),
            lag_entries: u64::try_from(status.lag_entries).unwrap_or(u64::MAX),
            lag_ms: millis(status.lag),
            lease_left_ms: millis(status.lease_left),
            first_polled_at: status.first_polled_at.unix_seconds(),
            polled_at: status.polled_at.unix_seconds(),
        }
    }
}

/// A page of verifiers.
pub(crate) type VerifierList = ListResponse<VerifierView>;

impl ListItem for VerifierView {
    const MEMBER: &'static str = "verifiers";
    const SCHEMA: &'static str = "VerifierList";
}
