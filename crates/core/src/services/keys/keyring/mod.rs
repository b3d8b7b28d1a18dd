//! The keys of a running installation: what they are at any moment, and how they change.

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
use crate::store::Store;

pub use change::{ActivateAt, RotatedKeys};

/// The ring in use, and the one place that changes it. Whoever reads it gets a whole ring, old or new.
pub struct Keyring {
    store: Arc<dyn Store>,
    master_keys: ArcSwap<MasterKeys>,
    schedule: RotationSchedule,
    /// For how long what a key has signed may live.
    retention: Arc<RevocationRetention>,
    active: ArcSwap<ActiveKeys>,
    /// Who verifies our own tokens in this process, and is told of other keys before anything is signed with them.
    verifier: OnceLock<Arc<TokenVerifier>>,
    /// Held while a ring takes the place of another, so that an older one never takes that of a newer.
    load_lock: Mutex<()>,
}

/// A key as an administrator sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyStatus {
    /// Its name: the `kid` of what it signs, the id of a pepper.
    pub id: KeyId,
    /// What it is for.
    pub purpose: KeyPurpose,
    /// Its algorithm.
    pub algorithm: String,
    /// What it may still do.
    pub state: KeyState,
    /// When it was made, and published if it signs.
    pub created_at: Time,
    /// When it got into its present state.
    pub changed_at: Time,
    /// Since when it is or was in use; from when on it is to be, as far as that is known.
    pub activated_at: Option<Time>,
    /// When it is dropped, if it is retired.
    pub removed_at: Option<Time>,
}

impl Keyring {
    /// Opens the keys of `store` with the master key; makes them first where there are none. Nothing changes them
    /// by itself: [`Keyring::run_due_rotation`] does what `schedule` wants.
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
        })
    }

    /// How the keys follow one another.
    pub fn schedule(&self) -> &RotationSchedule {
        &self.schedule
    }

    /// What the next key is for, made here or elsewhere: what is configured, unless no rotation leads there from the
    /// key that signs now.
    pub fn next_algorithm(&self) -> Algorithm {
        self.schedule.next_algorithm(self.active_keys().signing_key().algorithm())
    }

    /// The keys as they are now.
    pub fn active_keys(&self) -> Arc<ActiveKeys> {
        self.active.load_full()
    }

    /// Tells `verifier` of every change from now on. To be said once.
    pub fn subscribe(&self, verifier: Arc<TokenVerifier>) {
        verifier.set_keys(self.active_keys().verification_keys().clone());
        // A second verifier would be forgotten; there is one in a process.
        let _ = self.verifier.set(verifier);
    }

    /// The keys that there are or were, the oldest first.
    ///
    /// # Errors
    ///
    /// If they could not be read.
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

    /// Takes up the keys as they are kept now, unless these or newer ones were taken up before.
    ///
    /// # Errors
    ///
    /// If they could not be read or opened; then the ring stays what it was.
    pub async fn reload(&self) -> Result<(), ServiceError> {
        let stored = self.store.keys().await?;
        Ok(self.load(&stored)?)
    }

    fn load(&self, stored: &[KeyRecord]) -> Result<(), ActiveKeysError> {
        let active = ActiveKeys::from_records(stored, &self.master_keys.load())?;
        let _changing = self.load_lock.lock().unwrap_or_else(PoisonError::into_inner);
        // Keys that have not changed stay: other ones, were they the same, would empty the memory of whoever
        // verifies by them.
        if active.is_newer_than(&self.active.load()) {
            // Who verifies first: a new key signs nothing that we would refuse.
            if let Some(verifier) = self.verifier.get() {
                verifier.set_keys(active.verification_keys().clone());
            }
            self.active.store(Arc::new(active));
        }
        Ok(())
    }
}
