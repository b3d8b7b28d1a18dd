//! Publishes the status lists: reads the revocation log at most once a second, and builds and signs each list once for each
//! change.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use serde::Serialize;
use tokio::sync::Mutex;

use counterfoil_core::services::keys::active_keys::ActiveKeys;
use counterfoil_core::services::keys::keyring::Keyring;
use counterfoil_core::services::status_lists::{
    PublishedStatuses, STATUS_LIST_LIFETIME, StatusListPermutation, status_list_path,
};
use counterfoil_core::store::{Store, StoreError};
use counterfoil_jose::status_list::StatusList;
use counterfoil_jose::{SignError, Time, digest};

use crate::clock::{Clock, ClockJumpPending};
use crate::runtime::task;

/// The `typ` header of status list tokens (draft-ietf-oauth-status-list, section 5.1).
const STATUS_LIST_TYP: &str = "statuslist+jwt";

/// How long a reader may use a list before it fetches it again: the claim `ttl`.
pub(crate) const STATUS_LIST_TTL: Duration = Duration::from_secs(60);

/// How often the revocation log is read at most. A revocation is published within this time.
const READ_INTERVAL: Duration = Duration::from_secs(1);

/// When a list that has not changed is signed again. What is left of its lifetime then is longer than its `ttl`.
const SIGNED_FOR: Duration = Duration::from_secs(30);

/// The status lists of this process.
pub(crate) struct StatusLists {
    store: Arc<dyn Store>,
    clock: Arc<Clock>,
    keys: Arc<Keyring>,
    issuer: String,
    api_url: String,
    permutation: Arc<StatusListPermutation>,
    state: Mutex<State>,
}

struct State {
    statuses: PublishedStatuses,
    /// The uptime at which the last reading of the log began.
    read_at: Option<Duration>,
    signed: HashMap<u64, SignedList>,
}

/// A signed status list, shared by all who fetch it.
#[derive(Debug, Clone)]
pub(crate) struct SignedList {
    /// The status list token.
    pub(crate) token: Bytes,
    /// Another number for other bytes: its entity tag.
    pub(crate) revision: u64,
    /// The key that signed it.
    kid: Arc<str>,
    signed_at: Time,
}

/// Why a list is not served.
#[derive(Debug, thiserror::Error)]
pub(crate) enum StatusListUnavailable {
    /// The store cannot be read.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Nothing is signed after a jump of the clock.
    #[error(transparent)]
    Clock(#[from] ClockJumpPending),
    /// The list cannot be signed.
    #[error(transparent)]
    Sign(#[from] SignError),
}

/// The claims of a status list token.
#[derive(Serialize)]
struct Claims<'a> {
    iss: &'a str,
    sub: &'a str,
    iat: u64,
    exp: u64,
    ttl: u64,
    status_list: ListClaim<'a>,
}

#[derive(Serialize)]
struct ListClaim<'a> {
    bits: u8,
    lst: String,
    aggregation_uri: &'a str,
}

impl StatusLists {
    /// Opens the lists of `store`, whose URLs begin with `api_url`. Nothing is built before a list is fetched.
    ///
    /// # Errors
    ///
    /// If the store cannot be read.
    pub(crate) async fn open(
        store: Arc<dyn Store>,
        clock: Arc<Clock>,
        keys: Arc<Keyring>,
        (issuer, api_url): (String, String),
    ) -> Result<Self, StoreError> {
        let key = store.status_list_state().await?.permutation_key;
        let permutation = Arc::new(StatusListPermutation::new(key.expose()));
        let statuses = PublishedStatuses::new(Arc::clone(&permutation));
        let state = Mutex::new(State { statuses, read_at: None, signed: HashMap::new() });
        Ok(Self { store, clock, keys, issuer, api_url, permutation, state })
    }

    /// The permutation of the indexes, for the claims of access tokens.
    pub(crate) fn permutation(&self) -> Arc<StatusListPermutation> {
        Arc::clone(&self.permutation)
    }

    /// The signed list with this number, with every revocation of more than a second ago; `None` if there is no such list.
    ///
    /// # Errors
    ///
    /// If the store cannot be read: an old list would say that a revoked token is valid.
    pub(crate) async fn list(&self, list: u64) -> Result<Option<SignedList>, StatusListUnavailable> {
        let now = self.clock.now_to_issue()?;
        let mut state = self.state.lock().await;
        self.catch_up(&mut state, now).await?;
        if list >= state.statuses.list_count() {
            return Ok(None);
        }
        let keys = self.keys.active_keys();
        if let Some(signed) = state.signed.get(&list).filter(|signed| signed.is_current(&keys, now)) {
            return Ok(Some(signed.clone()));
        }
        let signed = self.sign(list, state.statuses.list(list), keys, now).await?;
        state.signed.insert(list, signed.clone());
        Ok(Some(signed))
    }

    /// The URLs of all lists (section 9.3).
    ///
    /// # Errors
    ///
    /// If the store cannot be read.
    pub(crate) async fn urls(&self) -> Result<Vec<String>, StatusListUnavailable> {
        let now = self.clock.now_to_issue()?;
        let mut state = self.state.lock().await;
        self.catch_up(&mut state, now).await?;
        Ok((0..state.statuses.list_count()).map(|list| self.url(list)).collect())
    }

    /// The URL of the list of these URLs (section 9.2).
    pub(crate) fn aggregation_url(&self) -> String {
        format!("{}/v1/status-lists", self.api_url)
    }

    fn url(&self, list: u64) -> String {
        format!("{}{}", self.api_url, status_list_path(list))
    }

    /// Reads the revocation log unless that was done within the last second, and drops the lists that have changed.
    async fn catch_up(&self, state: &mut State, now: Time) -> Result<(), StoreError> {
        let uptime = self.clock.uptime();
        if state.read_at.is_some_and(|read_at| uptime.saturating_sub(read_at) < READ_INTERVAL) {
            return Ok(());
        }
        let caught_up = state.statuses.catch_up(&*self.store, now).await;
        // Also after an error: what was read until then is not read again.
        for list in state.statuses.take_changed() {
            state.signed.remove(&list);
        }
        caught_up?;
        state.read_at = Some(uptime);
        Ok(())
    }

    /// Compresses and signs a list on a blocking thread: a dense one takes some milliseconds.
    async fn sign(
        &self,
        list: u64,
        statuses: StatusList,
        keys: Arc<ActiveKeys>,
        now: Time,
    ) -> Result<SignedList, SignError> {
        let (issuer, url, aggregation_url) = (self.issuer.clone(), self.url(list), self.aggregation_url());
        task::spawn_blocking(move || {
            let claims = Claims {
                iss: &issuer,
                sub: &url,
                iat: now.unix_seconds(),
                exp: (now + STATUS_LIST_LIFETIME).unix_seconds(),
                ttl: STATUS_LIST_TTL.as_secs(),
                status_list: ListClaim {
                    bits: statuses.bits().number(),
                    lst: statuses.encode(),
                    aggregation_uri: &aggregation_url,
                },
            };
            let json = serde_json::to_vec(&claims).expect("strings and numbers always serialize");
            let key = keys.signing_key();
            let token = key.sign_document(STATUS_LIST_TYP, &json)?;
            let [a, b, c, d, e, f, g, h, ..] = digest::sha256(token.as_bytes());
            let revision = u64::from_be_bytes([a, b, c, d, e, f, g, h]);
            Ok(SignedList { token: token.into(), revision, kid: key.kid().into(), signed_at: now })
        })
        .await
    }
}

impl SignedList {
    /// Whether it can be served: the key still signs, and a reader may use the list for its whole `ttl`.
    fn is_current(&self, keys: &ActiveKeys, now: Time) -> bool {
        *self.kid == *keys.signing_key().kid()
            && now.since(self.signed_at) < SIGNED_FOR
            && now >= self.signed_at
    }
}
