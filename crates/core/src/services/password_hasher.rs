//! Password hashing: the interface to a bounded pool of workers, and a hasher without one for tests and tools.

use std::sync::Mutex;
use std::time::Duration;

use async_trait::async_trait;

use crate::credentials::password::{Argon2Cost, Argon2Memory, PasswordHash, PlaintextPassword};
use crate::services::password_policy::{NewPassword, PasswordError};

pub use crate::services::password_hasher_error::HashingError;

/// Hashes passwords, a bounded number at a time.
#[async_trait]
pub trait PasswordHasher: Send + Sync + 'static {
    /// Hashes a new password.
    async fn hash(
        &self,
        password: PlaintextPassword,
        requester: Requester,
    ) -> Result<PasswordHash, HashingError>;

    /// Verifies `password` against `stored`. Without a stored hash, or with one that cannot be used, it verifies against a
    /// dummy hash and returns [`PasswordCheck::Mismatch`]. It takes the same time either way, so that the response time
    /// does not reveal which users exist.
    ///
    /// An imported hash takes the time of its own scheme and cost until the user's first login:
    /// [`PasswordHasher::delay_refusal`] hides that.
    async fn verify(
        &self,
        password: PlaintextPassword,
        stored: Option<PasswordHash>,
        requester: Requester,
    ) -> Result<Verification, HashingError>;

    /// Validates a new password. It searches dictionaries and perhaps a file, so it is queued, apart from the hashes.
    async fn validate_new(
        &self,
        new: NewPassword,
        _: Requester,
    ) -> Result<Result<(), PasswordError>, HashingError> {
        new.validate()
    }

    /// Waits before a refusal is answered until the slowest scheme in use would have been verified. Otherwise the time of a
    /// wrong guess would tell an attacker which accounts have an imported hash, and so which names exist.
    ///
    /// `verified_in` is the time that the verification took; `None` if nothing was verified, for instance at a rate limit.
    /// Without a clock it does not wait.
    async fn delay_refusal(&self, _verified_in: Option<Duration>, _requester: Requester) {}
}

/// For whom a password is hashed. The queue is shared among client IPs and among accounts, so that no one of them can use
/// all of it. `None`: no share applies.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Requester {
    /// The client IP, as [`client_ip_key`](super::login_rate_limiter::client_ip_key) makes it.
    pub client_ip: Option<[u8; 17]>,
    /// A keyed hash of the login name or of the user's id, whether or not such a user exists.
    pub account: Option<[u8; 32]>,
}

/// A verified password, and how long it took.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Verification {
    /// The result.
    pub check: PasswordCheck,
    /// The time on the thread, without the time in the queue. Zero if the hasher has no clock.
    pub took: Duration,
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
    async fn hash(&self, password: PlaintextPassword, _: Requester) -> Result<PasswordHash, HashingError> {
        self.worker().hash(&password)
    }

    async fn verify(
        &self,
        password: PlaintextPassword,
        stored: Option<PasswordHash>,
        _: Requester,
    ) -> Result<Verification, HashingError> {
        let check = self.worker().verify(&password, stored.as_ref());
        Ok(Verification { check, took: Duration::ZERO })
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
