//! Password hashing as policy sees it: something that takes its time, and may be too busy.

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

    /// Checks `password` against `stored`. Without a kept hash, or with one that cannot be used, it works just
    /// as long on a hash of nobody's password, and the answer is no: whether there is such a user is not to be
    /// read off a clock.
    ///
    /// A hash that came from another system takes as long as that system wanted, until its owner first logs in.
    async fn verify(
        &self,
        password: PlaintextPassword,
        stored: Option<PasswordHash>,
    ) -> Result<PasswordCheck, HashingError>;

    /// Judges a new password. It reads dictionaries and perhaps a file, so it waits its turn like a hash.
    async fn validate_new(&self, new: NewPassword) -> Result<Result<(), PasswordError>, HashingError> {
        new.validate()
    }
}

/// What a check found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PasswordCheck {
    /// Another password.
    Mismatch,
    /// The password.
    Match,
    /// The password, under a scheme or cost that is not ours: to be hashed anew.
    MatchNeedsRehash,
}

/// One worker's tools: a cost, memory to work in, and a hash of nobody's password.
#[derive(Debug)]
pub struct HashMemory {
    cost: Argon2Cost,
    memory: Argon2Memory,
    dummy_hash: PasswordHash,
}

impl HashMemory {
    /// Sets up with this cost. Nothing is hashed yet.
    ///
    /// # Errors
    ///
    /// If the system has no randomness to give.
    pub fn new(cost: Argon2Cost) -> Result<Self, HashingError> {
        let dummy_hash = PasswordHash::dummy(cost).map_err(|_| HashingError::Randomness)?;
        Ok(Self { cost, memory: Argon2Memory::default(), dummy_hash })
    }

    /// The same tools for another worker, with memory of their own.
    pub fn for_another_worker(&self) -> Self {
        Self { cost: self.cost, memory: Argon2Memory::default(), dummy_hash: self.dummy_hash.clone() }
    }

    /// Hashes a new password.
    ///
    /// # Errors
    ///
    /// If the system has no randomness to give.
    pub fn hash(&mut self, password: &PlaintextPassword) -> Result<PasswordHash, HashingError> {
        PasswordHash::new(password, self.cost, &mut self.memory).map_err(|_| HashingError::Randomness)
    }

    /// Checks a password, as [`PasswordHasher::verify`] says.
    pub fn verify(&mut self, password: &PlaintextPassword, stored: Option<&PasswordHash>) -> PasswordCheck {
        let found = stored.map(|stored| (stored, stored.verify(password, &mut self.memory)));
        self.memory.shrink_to(self.cost);
        match found {
            Some((stored, Ok(true))) if stored.needs_rehash(self.cost) => PasswordCheck::MatchNeedsRehash,
            Some((_, Ok(true))) => PasswordCheck::Match,
            Some((_, Ok(false))) => PasswordCheck::Mismatch,
            Some((_, Err(_))) | None => {
                // Takes as long as a hash that somebody has.
                let _ = self.dummy_hash.verify(password, &mut self.memory);
                PasswordCheck::Mismatch
            }
        }
    }

    /// Overwrites and gives back the memory; the next hash takes new.
    pub fn release_memory(&mut self) {
        self.memory.wipe();
    }
}

/// Hashes on the spot, one at a time: for tests and tools, not for a server.
#[derive(Debug)]
pub struct InlineHasher(Mutex<HashMemory>);

impl InlineHasher {
    /// Hashes with this cost.
    ///
    /// # Errors
    ///
    /// If the system has no randomness to give.
    pub fn new(cost: Argon2Cost) -> Result<Self, HashingError> {
        HashMemory::new(cost).map(Mutex::new).map(Self)
    }

    fn worker(&self) -> std::sync::MutexGuard<'_, HashMemory> {
        // A worker that panicked leaves nothing behind but memory to be overwritten.
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
    fn a_hash_under_another_cost_is_right_and_outdated() {
        let mut old = HashMemory::new(CHEAP).unwrap();
        let mut new = HashMemory::new(Argon2Cost { iterations: 2, ..CHEAP }).unwrap();
        let hash = old.hash(&password("correct horse")).unwrap();

        assert_eq!(old.verify(&password("correct horse"), Some(&hash)), PasswordCheck::Match);
        assert_eq!(new.verify(&password("correct horse"), Some(&hash)), PasswordCheck::MatchNeedsRehash);
        assert_eq!(new.verify(&password("wrong horse"), Some(&hash)), PasswordCheck::Mismatch);
    }

    #[test]
    fn nobody_and_a_broken_record_let_nobody_in() {
        let mut worker = HashMemory::new(CHEAP).unwrap();
        let broken = PasswordHash::from_stored("$argon2id$".into());

        assert_eq!(worker.verify(&password(""), None), PasswordCheck::Mismatch);
        assert_eq!(worker.verify(&password(""), Some(&broken)), PasswordCheck::Mismatch);
    }
}
