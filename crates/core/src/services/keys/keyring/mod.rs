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
use crate::services::keys::rotation_schedule::{RotationSchedule, signing};
use crate::services::revoker::RevocationRetention;
use crate::store::Store;

pub use change::{ActivateAt, RotatedKeys};

/// The ring in use, and the one place that changes it. Whoever reads it gets a whole ring, old or new.
pub struct Keyring {
    store: Arc<dyn Store>,
    masters: ArcSwap<MasterKeys>,
    schedule: RotationSchedule,
    /// For how long what a key has signed may live.
    horizon: Arc<RevocationRetention>,
    ring: ArcSwap<ActiveKeys>,
    /// Who verifies our own tokens in this process, and is told of other keys before anything is signed with them.
    tokens: OnceLock<Arc<TokenVerifier>>,
    /// Held while a ring takes the place of another, so that an older one never takes that of a newer.
    changing: Mutex<()>,
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
    pub used_from: Option<Time>,
    /// When it is dropped, if it is retired.
    pub leaves_at: Option<Time>,
}

impl Keyring {
    /// Opens the keys of `store` with the master key; makes them first where there are none. Nothing changes them
    /// by itself: [`Keyring::turn`] does what `schedule` wants.
    ///
    /// # Errors
    ///
    /// As [`ActiveKeys::open`].
    pub async fn open(
        store: Arc<dyn Store>,
        master: SealingKey,
        schedule: RotationSchedule,
        horizon: Arc<RevocationRetention>,
        now: Time,
    ) -> Result<Self, ActiveKeysError> {
        let ring = ActiveKeys::open(&*store, &master, schedule.algorithm, now).await?;
        Ok(Self {
            store,
            masters: ArcSwap::from_pointee(MasterKeys::only(master)),
            schedule,
            horizon,
            ring: ArcSwap::from_pointee(ring),
            tokens: OnceLock::new(),
            changing: Mutex::new(()),
        })
    }

    /// How the keys follow one another.
    pub fn schedule(&self) -> &RotationSchedule {
        &self.schedule
    }

    /// What the next key is for, made here or elsewhere: what is configured, unless no rotation leads there from the
    /// key that signs now.
    pub fn algorithm_to_come(&self) -> Algorithm {
        self.schedule.following(self.ring().signing().algorithm())
    }

    /// The keys as they are now.
    pub fn ring(&self) -> Arc<ActiveKeys> {
        self.ring.load_full()
    }

    /// Tells `tokens` of every change from now on. To be said once.
    pub fn tell(&self, tokens: Arc<TokenVerifier>) {
        tokens.set_keys(self.ring().verifying().clone());
        // A second verifier would be forgotten; there is one in a process.
        let _ = self.tokens.set(tokens);
    }

    /// The keys that there are or were, the oldest first.
    ///
    /// # Errors
    ///
    /// If they could not be read.
    pub async fn keys(&self) -> Result<Vec<KeyStatus>, ServiceError> {
        let kept = self.store.keys().await?;
        let current = signing(&kept, KeyState::Current);
        Ok(kept.iter().map(|key| self.standing(key, current)).collect())
    }

    fn standing(&self, key: &KeyRecord, current: Option<&KeyRecord>) -> KeyStatus {
        let used_from = match key.state {
            KeyState::Next => current.and_then(|current| self.schedule.begins_at(key, current)),
            KeyState::Current | KeyState::Retired | KeyState::Removed | KeyState::Revoked => key.used_from,
        };
        KeyStatus {
            id: key.id.clone(),
            purpose: key.purpose,
            algorithm: key.algorithm.clone(),
            state: key.state,
            created_at: key.created_at,
            changed_at: key.changed_at,
            used_from,
            leaves_at: self.schedule.leaves_at(key, self.horizon.longest_access()),
        }
    }

    /// Takes up the keys as they are kept now, unless these or newer ones were taken up before.
    ///
    /// # Errors
    ///
    /// If they could not be read or opened; then the ring stays what it was.
    pub async fn renew(&self) -> Result<(), ServiceError> {
        let kept = self.store.keys().await?;
        Ok(self.take_up(&kept)?)
    }

    fn take_up(&self, kept: &[KeyRecord]) -> Result<(), ActiveKeysError> {
        let ring = ActiveKeys::of(kept, &self.masters.load())?;
        let _changing = self.changing.lock().unwrap_or_else(PoisonError::into_inner);
        // Keys that have not changed stay: other ones, were they the same, would empty the memory of whoever
        // verifies by them.
        if ring.is_newer_than(&self.ring.load()) {
            // Who verifies first: a new key signs nothing that we would refuse.
            if let Some(tokens) = self.tokens.get() {
                tokens.set_keys(ring.verifying().clone());
            }
            self.ring.store(Arc::new(ring));
        }
        Ok(())
    }
}
