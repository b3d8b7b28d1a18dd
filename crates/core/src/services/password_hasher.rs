//! Password hashing: the interface to a bounded pool of workers, and a hasher without one for tests and tools.

use std::sync::Mutex;

use async_trait::async_trait;

use crate::credentials::password::{Argon2Cost, Argon2Memory, PasswordHash, PlaintextPassword};
use crate::services::password_policy::{NewPassword, PasswordError};

pub use crate::services::password_hasher_error::HashingError;

/// Hashes passwords, a bounded number at a time.
#[async_trait]
pub trait PasswordHasher: Send + Sync + 'static {
    /// Hashes a new password.
    async fn hash(&self, password: PlaintextPassword) -> Result<PasswordHash, HashingError>;

    /// Verifies `password` against `stored`. Without a stored hash, or with one that cannot be used, it verifies against a
    /// dummy hash and returns [`PasswordCheck::Mismatch`]. It takes the same time either way, so that the response time
    /// does not reveal which users exist.
    ///
    /// An imported hash takes the time of its own scheme and cost until the user's first login.
    async fn verify(
        &self,
        password: PlaintextPassword,
        stored: Option<PasswordHash>,
    ) -> Result<PasswordCheck, HashingError>;

    /// Validates a new password. It reads dictionaries and perhaps a file, so it is queued like a hash.
    async fn validate_new(&self, new: NewPassword) -> Result<Result<(), PasswordError>, HashingError> {
        new.validate()
    }
}

/// The result of verifying a password.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PasswordCheck {
    /// The password is wrong.
    Mismatch,
    /// The password is right.
    Match,
    /// The password is right, but the hash has another scheme or cost than the configured one.
    MatchNeedsRehash,
}

/// What one worker hashes with: the cost, the memory, and a dummy hash.
#[derive(Debug)]
pub struct HashMemory {
    cost: Argon2Cost,
    memory: Argon2Memory,
    dummy_hash: PasswordHash,
}

impl HashMemory {
    /// Creates a worker's state for this cost. Hashes nothing yet.
    ///
    /// # Errors
    ///
    /// If the operating system provides no randomness.
    pub fn new(cost: Argon2Cost) -> Result<Self, HashingError> {
        let dummy_hash = PasswordHash::dummy(cost).map_err(|_| HashingError::Randomness)?;
        Ok(Self { cost, memory: Argon2Memory::default(), dummy_hash })
    }

    /// The same cost and dummy hash for another worker, with separate memory.
    pub fn for_another_worker(&self) -> Self {
        Self { cost: self.cost, memory: Argon2Memory::default(), dummy_hash: self.dummy_hash.clone() }
    }

    /// Hashes a new password.
    ///
    /// # Errors
    ///
    /// If the operating system provides no randomness.
    pub fn hash(&mut self, password: &PlaintextPassword) -> Result<PasswordHash, HashingError> {
        PasswordHash::new(password, self.cost, &mut self.memory).map_err(|_| HashingError::Randomness)
    }

    /// Verifies a password, as [`PasswordHasher::verify`] describes.
    pub fn verify(&mut self, password: &PlaintextPassword, stored: Option<&PasswordHash>) -> PasswordCheck {
        let found = stored.map(|stored| (stored, stored.verify(password, &mut self.memory)));
        self.memory.shrink_to(self.cost);
        match found {
            Some((stored, Ok(true))) if stored.needs_rehash(self.cost) => PasswordCheck::MatchNeedsRehash,
            Some((_, Ok(true))) => PasswordCheck::Match,
            Some((_, Ok(false))) => PasswordCheck::Mismatch,
            Some((_, Err(_))) | None => {
                // Takes the same time as the hash of an existing user.
                let _ = self.dummy_hash.verify(password, &mut self.memory);
                PasswordCheck::Mismatch
            }
        }
    }

    /// Wipes and frees the memory. The next hash allocates it again.
    pub fn release_memory(&mut self) {
        self.memory.wipe();
    }
}

/// Hashes in the calling task, one password at a time: for tests and tools, not for a server.
#[derive(Debug)]
pub struct InlineHasher(Mutex<HashMemory>);

impl InlineHasher {
    /// Creates a hasher with this cost.
    ///
    /// # Errors
    ///
    /// If the operating system provides no randomness.
    pub fn new(cost: Argon2Cost) -> Result<Self, HashingError> {
        HashMemory::new(cost).map(Mutex::new).map(Self)
    }

    fn worker(&self) -> std::sync::MutexGuard<'_, HashMemory> {
        // After a panic the memory holds only data that the next hash overwrites.
        self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

#[async_trait]
impl PasswordHasher for InlineHasher {
    async fn hash(&self, password: PlaintextPassword) -> Result<PasswordHash, HashingError> {
        self.worker().hash(&password)
    }

    async fn verify(
        &self,
        password: PlaintextPassword,
        stored: Option<PasswordHash>,
    ) -> Result<PasswordCheck, HashingError> {
        Ok(self.worker().verify(&password, stored.as_ref()))
    }
}

#[cfg(test)]
mod tests {
    use counterfoil_jose::Secret;

    use super::*;

    const CHEAP: Argon2Cost = Argon2Cost { memory_kib: 64, iterations: 1, parallelism: 1 };

    fn password(text: &str) -> PlaintextPassword {
        PlaintextPassword::new(&Secret::new(text.to_owned()))
    }

    #[test]
    fn a_hash_with_another_cost_matches_and_needs_a_rehash() {
        let mut old = HashMemory::new(CHEAP).unwrap();
        let mut new = HashMemory::new(Argon2Cost { iterations: 2, ..CHEAP }).unwrap();
        let hash = old.hash(&password("correct horse")).unwrap();

        assert_eq!(old.verify(&password("correct horse"), Some(&hash)), PasswordCheck::Match);
        assert_eq!(new.verify(&password("correct horse"), Some(&hash)), PasswordCheck::MatchNeedsRehash);
        assert_eq!(new.verify(&password("wrong horse"), Some(&hash)), PasswordCheck::Mismatch);
    }

    #[test]
    fn a_missing_or_malformed_hash_matches_no_password() {
        let mut worker = HashMemory::new(CHEAP).unwrap();
        let broken = PasswordHash::from_stored("$argon2id$".into());

        assert_eq!(worker.verify(&password(""), None), PasswordCheck::Mismatch);
        assert_eq!(worker.verify(&password(""), Some(&broken)), PasswordCheck::Mismatch);
    }
}
