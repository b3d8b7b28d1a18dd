//! The hash of the public keys, by which a verifier learns that they have changed.

use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;

use tokio::time::{Instant, sleep};

use counterfoil_core::services::keys::active_keys::ActiveKeys;
use counterfoil_core::services::keys::keyring::Keyring;
use counterfoil_jose::{base64url, digest};
use counterfoil_verify::KeyId;

/// How long a response with a revoked key waits for the key set without it. The keys are loaded right after the commit, so
/// it is some milliseconds; if they cannot be loaded, the revocation must not wait.
const MAX_WAIT: Duration = Duration::from_secs(1);
/// How often the key set is looked at meanwhile.
const LOOK_INTERVAL: Duration = Duration::from_millis(1);

/// Computes the hash once for each key set.
pub(crate) struct KeySetHash {
    keys: Arc<Keyring>,
    /// A weak reference, so that no removed key is kept in memory.
    last: Mutex<Option<(Weak<ActiveKeys>, Arc<str>)>>,
}

impl KeySetHash {
    /// Reads the keys of `keys`.
    pub(crate) fn new(keys: Arc<Keyring>) -> Self {
        Self { keys, last: Mutex::default() }
    }

    /// The SHA-256 of the body of `/.well-known/jwks.json`, as base64url.
    pub(crate) fn current(&self) -> Arc<str> {
        let active = self.keys.active_keys();
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        match &*last {
            Some((keys, hash)) if Weak::ptr_eq(keys, &Arc::downgrade(&active)) => Arc::clone(hash),
            Some(_) | None => {
                let hash: Arc<str> = base64url::encode(digest::sha256(&jwks_body(&active))).into();
                *last = Some((Arc::downgrade(&active), Arc::clone(&hash)));
                hash
            }
        }
    }

    /// As [`current`](Self::current), of a key set that contains none of `revoked`: a verifier that fetched the former set
    /// once more would hold the revoked key, and ask for no other.
    pub(crate) async fn without(&self, revoked: &[KeyId]) -> Arc<str> {
        let give_up_at = Instant::now() + MAX_WAIT;
        while !revoked.is_empty() && self.contains_any(revoked) && Instant::now() < give_up_at {
            sleep(LOOK_INTERVAL).await;
        }
        self.current()
    }

    fn contains_any(&self, ids: &[KeyId]) -> bool {
        let active = self.keys.active_keys();
        let jwks = serde_json::to_value(active.jwks()).unwrap_or_default();
        let published = jwks["keys"].as_array().map(Vec::as_slice).unwrap_or_default();
        published.iter().any(|key| ids.iter().any(|id| key["kid"] == id.as_str()))
    }
}

/// The body of `/.well-known/jwks.json`, whose hash the feed names.
pub(crate) fn jwks_body(active: &ActiveKeys) -> Vec<u8> {
    serde_json::to_vec(&active.jwks()).expect("a JWK Set always serializes")
}
