//! The keyring of a running server: holds the active keys, and is the only place that changes them.

mod change;
mod rotation;

use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use arc_swap::ArcSwap;

use counterfoil_jose::{Algorithm, SealingKey, Time};
use counterfoil_verify::{KeyId, TokenVerifier};

use crate::model::key::{KeyPurpose, KeyRecord, KeyState};
use crate::services::ServiceError;
use crate::services::keys::active_keys::{ActiveKeys, ActiveKeysError, MasterKeys};
use crate::services::keys::rotation_schedule::{RotationSchedule, signing_key_in};
use crate::services::revoker::RevocationRetention;
use crate::store::{NodeId, Store};

pub use change::{ActivateAt, RotatedKeys};
pub use rotation::ROTATION_JOB;

/// The keys in use. A reader always gets a consistent set, from before or after a change.
pub struct Keyring {
    store: Arc<dyn Store>,
    master_keys: ArcSwap<MasterKeys>,
    schedule: RotationSchedule,
    /// Holds the maximum lifetime of what a key has signed.
    retention: Arc<RevocationRetention>,
    active: ArcSwap<ActiveKeys>,
    /// The verifier of this process. It gets new keys before anything is signed with them.
    verifier: OnceLock<Arc<TokenVerifier>>,
    /// Held while the active keys are replaced, so that older keys never replace newer ones.
    load_lock: Mutex<()>,
    /// The node that takes the lock of the rotation; `None` for a process that is alone.
    node: Option<NodeId>,
}

/// A key as an administrator sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyStatus {
    /// The id: the `kid` of a signing key, or the id of a refresh token key.
    pub id: KeyId,
    /// The purpose.
    pub purpose: KeyPurpose,
    /// The algorithm.
    pub algorithm: String,
    /// The state.
    pub state: KeyState,
    /// When it was created; a signing key is also published then.
    pub created_at: Time,
    /// When it changed to its current state.
    pub changed_at: Time,
    /// When it was or will be activated, if that is known.
    pub activated_at: Option<Time>,
    /// When it will be removed, if it is retired.
    pub removed_at: Option<Time>,
}

impl Keyring {
    /// Opens the keys of `store` with the master key. Creates the first keys if there are none. The keys do not rotate by
    /// themselves: call [`Keyring::run_due_rotation`] for the steps of `schedule`.
    ///
    /// # Errors
    ///
    /// As [`ActiveKeys::open`].
    pub async fn open(
        store: Arc<dyn Store>,
        master: SealingKey,
        schedule: RotationSchedule,
        retention: Arc<RevocationRetention>,
        now: Time,
    ) -> Result<Self, ActiveKeysError> {
        let active = ActiveKeys::open(&*store, &master, schedule.algorithm, now).await?;
        Ok(Self {
            store,
            master_keys: ArcSwap::from_pointee(MasterKeys::single(master)),
            schedule,
            retention,
            active: ArcSwap::from_pointee(active),
            verifier: OnceLock::new(),
            load_lock: Mutex::new(()),
            node: None,
        })
    }

    /// The same keyring, whose scheduled rotation runs only while no other node of the same store does.
    #[must_use]
    pub fn with_node(self, node: NodeId) -> Self {
        Self { node: Some(node), ..self }
    }

    /// The rotation schedule.
    pub fn schedule(&self) -> &RotationSchedule {
        &self.schedule
    }

    /// The algorithm of the next key, generated or imported: the configured one, unless the schedule does not support a
    /// switch from the current key to it.
    pub fn next_algorithm(&self) -> Algorithm {
        self.schedule.next_algorithm(self.active_keys().signing_key().algorithm())
    }

    /// The active keys.
    pub fn active_keys(&self) -> Arc<ActiveKeys> {
        self.active.load_full()
    }

    /// Updates the keys of `verifier` now and at every change. Must be called at most once.
    pub fn subscribe(&self, verifier: Arc<TokenVerifier>) {
        verifier.set_keys(self.active_keys().verification_keys().clone());
        // A second verifier would get no updates; a process has only one.
        let _ = self.verifier.set(verifier);
    }

    /// All keys, also the removed ones, the oldest first.
    ///
    /// # Errors
    ///
    /// If the store cannot be read.
    pub async fn keys(&self) -> Result<Vec<KeyStatus>, ServiceError> {
        let stored = self.store.keys().await?;
        let current = signing_key_in(&stored, KeyState::Current);
        Ok(stored.iter().map(|key| self.status(key, current)).collect())
    }

    fn status(&self, key: &KeyRecord, current: Option<&KeyRecord>) -> KeyStatus {
        let activated_at = match key.state {
            KeyState::Next => current.and_then(|current| self.schedule.activation_time(key, current)),
            KeyState::Current | KeyState::Retired | KeyState::Removed | KeyState::Revoked => key.activated_at,
        };
        KeyStatus {
            id: key.id.clone(),
            purpose: key.purpose,
            algorithm: key.algorithm.clone(),
            state: key.state,
            created_at: key.created_at,
            changed_at: key.changed_at,
            activated_at,
            removed_at: self.schedule.removed_at(key, self.retention.max_access_lifetime()),
        }
    }

    /// Loads the keys from the store, unless these or newer ones are loaded already.
    ///
    /// # Errors
    ///
    /// If the keys cannot be read or opened. Then the active keys stay as they were.
    pub async fn reload(&self) -> Result<(), ServiceError> {
        let stored = self.store.keys().await?;
        Ok(self.load(&stored)?)
    }

    fn load(&self, stored: &[KeyRecord]) -> Result<(), ActiveKeysError> {
        let active = ActiveKeys::from_records(stored, &self.master_keys.load())?;
        let _guard = self.load_lock.lock().unwrap_or_else(PoisonError::into_inner);
        // Unchanged keys are kept: replacing them with equal ones would clear the token cache of the verifier.
        if active.is_newer_than(&self.active.load()) {
            // The verifier first, so that it accepts everything that a new key signs.
            if let Some(verifier) = self.verifier.get() {
                verifier.set_keys(active.verification_keys().clone());
            }
            self.active.store(Arc::new(active));
        }
        Ok(())
    }
}
