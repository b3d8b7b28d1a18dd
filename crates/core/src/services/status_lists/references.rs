//! The claim `status` of access tokens: the URL and the published index of a session.

use std::sync::Arc;

use counterfoil_jose::Time;
use counterfoil_verify::{SessionId, StatusListReference};

use crate::model::status_index::StatusIndex;
use crate::services::revoker::RevocationRetention;
use crate::services::status_lists::{MAX_OVERTIME, STATUS_LIST_LIFETIME, StatusListPermutation};
use crate::store::{Change, StatusIndexRequest};

/// The path of a list below the URL of the API.
pub fn status_list_path(list: u64) -> String {
    format!("/v1/status-lists/{list}")
}

/// Makes the references to the status lists that access tokens carry.
pub struct StatusReferences {
    /// The URL of the API, without a trailing slash.
    api_url: String,
    permutation: Arc<StatusListPermutation>,
    retention: Arc<RevocationRetention>,
}

impl StatusReferences {
    /// References below this URL.
    pub fn new(
        api_url: String,
        permutation: Arc<StatusListPermutation>,
        retention: Arc<RevocationRetention>,
    ) -> Self {
        Self { api_url, permutation, retention }
    }

    /// The reference to the status of the session with this index.
    pub fn reference(&self, index: StatusIndex) -> StatusListReference {
        StatusListReference {
            index: self.permutation.published_index(index),
            uri: self.list_url(index.list()),
        }
    }

    /// A reference that is at least as long as every other one, to learn the length of a token before its session has an
    /// index.
    pub(in crate::services) fn longest(&self) -> StatusListReference {
        StatusListReference { index: 1_000_000, uri: self.list_url(1_000) }
    }

    /// The URL of a list.
    pub fn list_url(&self, list: u64) -> String {
        format!("{}{}", self.api_url, status_list_path(list))
    }

    /// Gives a session its index, or another one than `replaces`.
    ///
    /// An index is assigned again when no token of its last session is valid, no list shows it as revoked, and every copy of
    /// such a list has expired.
    pub(in crate::services) fn assign(
        &self,
        session: SessionId,
        replaces: Option<StatusIndex>,
        now: Time,
    ) -> Change {
        let last_published = self.retention.remember_until(now).since(now) + MAX_OVERTIME;
        let freed_before = now - (last_published + STATUS_LIST_LIFETIME);
        Change::assign_status_index(StatusIndexRequest { session, replaces, now, freed_before })
    }
}
