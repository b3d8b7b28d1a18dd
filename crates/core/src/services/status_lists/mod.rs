//! Status lists (draft-ietf-oauth-status-list): which entry of which list is about a session, and which entries are revoked.
//!
//! Nothing here signs or waits; what is published is decided by the caller.

mod permutation;
mod references;
mod revoked_statuses;
mod statuses;

pub use permutation::StatusListPermutation;
pub use references::{StatusReferences, status_list_path};
pub use revoked_statuses::RevokedStatuses;
pub use statuses::PublishedStatuses;

use std::time::Duration;

/// How long a published list may be used: its `exp` after its `iat`. The longest time that a reader with an old copy accepts
/// a revoked token.
pub const STATUS_LIST_LIFETIME: Duration = Duration::from_secs(120);

/// How long after the last token of a session its revocation is published at most.
const MAX_OVERTIME: Duration = revoked_statuses::BUCKET_WIDTH;

/// The number of lists of an installation whose next new index is `next_index`: one even before the first session.
pub fn list_count(next_index: u64) -> u64 {
    next_index.div_ceil(crate::model::status_index::STATUS_LIST_SIZE).max(1)
}
