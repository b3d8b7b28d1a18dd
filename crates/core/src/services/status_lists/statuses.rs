//! The statuses of all sessions, by the revocation log.

use std::collections::BTreeSet;
use std::num::NonZeroU32;
use std::sync::Arc;

use counterfoil_jose::Time;
use counterfoil_jose::status_list::StatusList;
use counterfoil_verify::{ClientId, RevocationPosition, RevocationSubject};

use crate::model::status_index::StatusIndex;
use crate::services::status_lists::{RevokedStatuses, StatusListPermutation, list_count};
use crate::store::{StatusRevocation, Store, StoreError};

/// How many entries of the revocation log are read at a time.
const PAGE_SIZE: NonZeroU32 = NonZeroU32::new(1_000).expect("it is not 0");

/// The status lists of an installation up to a position of the revocation log.
///
/// It is filled by reading the log, and never by what a request does: after a restart, and on another node, the same log
/// gives the same lists.
pub struct PublishedStatuses {
    permutation: Arc<StatusListPermutation>,
    revoked: RevokedStatuses,
    position: RevocationPosition,
    list_count: u64,
    changed: BTreeSet<u64>,
}

impl PublishedStatuses {
    /// Nothing is read yet.
    pub fn new(permutation: Arc<StatusListPermutation>) -> Self {
        Self {
            permutation,
            revoked: RevokedStatuses::default(),
            position: RevocationPosition::START,
            list_count: list_count(0),
            changed: BTreeSet::new(),
        }
    }

    /// Reads the revocations since the last call, and forgets those that are over at `now`.
    ///
    /// # Errors
    ///
    /// If the store cannot be read. What was read stays read; the lists before that may be incomplete.
    pub async fn catch_up(&mut self, store: &dyn Store, now: Time) -> Result<(), StoreError> {
        loop {
            let page = store.status_revocations_after(self.position, PAGE_SIZE).await?;
            for entry in &page.entries {
                self.add(store, entry).await?;
                self.position = entry.position;
            }
            if page.next.is_none() {
                self.position = self.position.max(page.head);
                break;
            }
        }
        // After the log: the token of a new session may already have been issued.
        self.list_count = list_count(store.status_list_state().await?.next_index);
        self.changed.extend(self.revoked.prune(now));
        Ok(())
    }

    /// The lists that have changed since the last call of this method.
    pub fn take_changed(&mut self) -> BTreeSet<u64> {
        std::mem::take(&mut self.changed)
    }

    /// The number of lists.
    pub fn list_count(&self) -> u64 {
        self.list_count
    }

    /// A list, with one bit for each session: 1 (invalid) if it is revoked.
    pub fn list(&self, list: u64) -> StatusList {
        self.revoked.list(list)
    }

    async fn add(&mut self, store: &dyn Store, entry: &StatusRevocation) -> Result<(), StoreError> {
        // A revocation without an end is that of a key. The services that read a list no longer find the key.
        let Some(until) = entry.until else { return Ok(()) };
        if let Some(index) = entry.status_index {
            self.revoke(index, until);
        }
        match &entry.subject {
            RevocationSubject::Everyone => self.add_below(store, None, entry.position, until).await,
            RevocationSubject::Client(client) => {
                self.add_below(store, Some(client), entry.position, until).await
            }
            // A commit that revokes a user ends their sessions, each with an entry of its own. A token has no index of
            // its own.
            RevocationSubject::User(_)
            | RevocationSubject::Session(_)
            | RevocationSubject::Token(_)
            | RevocationSubject::Key(_) => Ok(()),
        }
    }

    /// Revokes the sessions that a cutoff at this position has revoked.
    async fn add_below(
        &mut self,
        store: &dyn Store,
        client: Option<&ClientId>,
        position: RevocationPosition,
        until: Time,
    ) -> Result<(), StoreError> {
        let mut after = None;
        loop {
            let scan = store.status_indexes_below(client, position, after).await?;
            scan.rows.into_iter().for_each(|index| self.revoke(index, until));
            match scan.next {
                Some(last) => after = Some(last),
                None => return Ok(()),
            }
        }
    }

    fn revoke(&mut self, index: StatusIndex, until: Time) {
        self.revoked.revoke(index.list(), self.permutation.published_index(index), until);
        self.changed.insert(index.list());
    }
}
