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
    async fn make(&self, password: PlaintextPassword) -> Result<PasswordHash, HashingError>;

    /// Checks `password` against `kept`. Without a kept hash, or with one that cannot be used, it works just
    /// as long on a hash of nobody's password, and the answer is no: whether there is such a user is not to be
    /// read off a clock.
    ///
    /// A hash that came from another system takes as long as that system wanted, until its owner first logs in.
    async fn check(
        &self,
        password: PlaintextPassword,
        kept: Option<PasswordHash>,
    ) -> Result<PasswordCheck, HashingError>;

    /// Judges a new password. It reads dictionaries and perhaps a file, so it waits its turn like a hash.
    async fn judge(&self, new: NewPassword) -> Result<Result<(), PasswordError>, HashingError> {
        new.judge()
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
    space: Argon2Memory,
    nobody: PasswordHash,
}

impl HashMemory {
    /// Sets up with this cost. Nothing is hashed yet.
    ///
    /// # Errors
    ///
    /// If the system has no randomness to give.
    pub fn new(cost: Argon2Cost) -> Result<Self, HashingError> {
        let nobody = PasswordHash::of_nobody(cost).map_err(|_| HashingError::Randomness)?;
        Ok(Self { cost, space: Argon2Memory::default(), nobody })
    }

    /// The same tools for another worker, with memory of their own.
    pub fn another(&self) -> Self {
        Self { cost: self.cost, space: Argon2Memory::default(), nobody: self.nobody.clone() }
    }

    /// Hashes a new password.
    ///
    /// # Errors
    ///
    /// If the system has no randomness to give.
    pub fn make(&mut self, password: &PlaintextPassword) -> Result<PasswordHash, HashingError> {
        PasswordHash::make(password, self.cost, &mut self.space).map_err(|_| HashingError::Randomness)
    }

    /// Checks a password, as [`PasswordHasher::check`] says.
    pub fn check(&mut self, password: &PlaintextPassword, kept: Option<&PasswordHash>) -> PasswordCheck {
        let found = kept.map(|kept| (kept, kept.is_of(password, &mut self.space)));
        self.space.shrink_to(self.cost);
        match found {
            Some((kept, Ok(true))) if kept.is_outdated(self.cost) => PasswordCheck::MatchNeedsRehash,
            Some((_, Ok(true))) => PasswordCheck::Match,
            Some((_, Ok(false))) => PasswordCheck::Mismatch,
            Some((_, Err(_))) | None => {
                // Takes as long as a hash that somebody has.
                let _ = self.nobody.is_of(password, &mut self.space);
                PasswordCheck::Mismatch
            }
        }
    }

    /// Overwrites and gives back the memory; the next hash takes new.
    pub fn rest(&mut self) {
        self.space.wipe();
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

    fn bench(&self) -> std::sync::MutexGuard<'_, HashMemory> {
        // A worker that panicked leaves nothing behind but memory to be overwritten.
        self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

#[async_trait]
impl PasswordHasher for InlineHasher {
    async fn make(&self, password: PlaintextPassword) -> Result<PasswordHash, HashingError> {
        self.bench().make(&password)
    }

    async fn check(
        &self,
        password: PlaintextPassword,
        kept: Option<PasswordHash>,
    ) -> Result<PasswordCheck, HashingError> {
        Ok(self.bench().check(&password, kept.as_ref()))
    }
}

#[cfg(test)]
mod tests {
    use counterfoil_jose::Secret;

    use super::*;

    const CHEAP: Argon2Cost = Argon2Cost { memory: 64, passes: 1, lanes: 1 };

    fn typed(text: &str) -> PlaintextPassword {
        PlaintextPassword::typed(&Secret::new(text.to_owned()))
    }

    #[test]
    fn a_hash_under_another_cost_is_right_and_outdated() {
        let mut old = HashMemory::new(CHEAP).unwrap();
        let mut new = HashMemory::new(Argon2Cost { passes: 2, ..CHEAP }).unwrap();
        let hash = old.make(&typed("correct horse")).unwrap();

        assert_eq!(old.check(&typed("correct horse"), Some(&hash)), PasswordCheck::Match);
        assert_eq!(new.check(&typed("correct horse"), Some(&hash)), PasswordCheck::MatchNeedsRehash);
        assert_eq!(new.check(&typed("wrong horse"), Some(&hash)), PasswordCheck::Mismatch);
    }

    #[test]
    fn nobody_and_a_broken_record_let_nobody_in() {
        let mut bench = HashMemory::new(CHEAP).unwrap();
        let broken = PasswordHash::from_kept("$argon2id$".into());

        assert_eq!(bench.check(&typed(""), None), PasswordCheck::Mismatch);
        assert_eq!(bench.check(&typed(""), Some(&broken)), PasswordCheck::Mismatch);
    }
}
