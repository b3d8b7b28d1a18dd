//! A key as it is kept: sealed, with a state and a revision.

use counterfoil_jose::{SealError, SealingKey, Secret, Time};
use counterfoil_verify::KeyId;

/// A secret of the installation, sealed under the master key. A stolen store opens none of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyRecord {
    /// Its name: the `kid` of a signing key, the hexadecimal id of a pepper.
    pub id: KeyId,
    /// What it is for. Bound into the seal: a pepper cannot be passed off as a signing key.
    pub purpose: Purpose,
    /// Its algorithm, in JOSE's word (`ES256`); `HS256` for a pepper.
    pub algorithm: String,
    /// The key itself, sealed.
    pub sealed: Vec<u8>,
    /// What it may still do.
    pub state: KeyState,
    /// When it was made.
    pub created_at: Time,
    /// When it got into its present state.
    pub changed_at: Time,
    /// Counts the changes.
    pub revision: u64,
}

/// What a key is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Purpose {
    /// Signs access tokens.
    Signing,
    /// Makes the tags of refresh tokens.
    Pepper,
}

impl Purpose {
    /// The word that stores keep and seals are bound to.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Signing => "signing",
            Self::Pepper => "pepper",
        }
    }

    /// The purpose that this word names.
    pub fn from_word(word: &str) -> Option<Self> {
        [Self::Signing, Self::Pepper].into_iter().find(|purpose| purpose.as_str() == word)
    }
}

/// What a key may still do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum KeyState {
    /// Published, not used yet: verifiers have time to learn of it.
    Next,
    /// In use.
    Current,
    /// Makes nothing new; what it made is still good.
    Retired,
    /// Nothing that it ever made is good.
    Revoked,
}

impl KeyState {
    /// The word that stores keep.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Next => "next",
            Self::Current => "current",
            Self::Retired => "retired",
            Self::Revoked => "revoked",
        }
    }

    /// The state that this word names.
    pub fn from_word(word: &str) -> Option<Self> {
        [Self::Next, Self::Current, Self::Retired, Self::Revoked].into_iter().find(|s| s.as_str() == word)
    }
}

impl KeyRecord {
    /// Seals `key` as a new current key.
    ///
    /// # Errors
    ///
    /// If it could not be sealed (no randomness).
    pub fn seal(
        id: KeyId,
        purpose: Purpose,
        algorithm: &str,
        key: &[u8],
        master: &SealingKey,
        now: Time,
    ) -> Result<Self, SealError> {
        let sealed = master.seal(&context(&id, purpose, algorithm), key)?;
        let algorithm = algorithm.to_owned();
        Ok(Self {
            id,
            purpose,
            algorithm,
            sealed,
            state: KeyState::Current,
            created_at: now,
            changed_at: now,
            revision: 0,
        })
    }

    /// The key in another state since `now`.
    pub fn in_state(&self, state: KeyState, now: Time) -> Self {
        Self { state, changed_at: now, revision: self.revision + 1, ..self.clone() }
    }

    /// Opens the seal.
    ///
    /// # Errors
    ///
    /// If the master key is another, or the record was changed or moved.
    pub fn open(&self, master: &SealingKey) -> Result<Secret<Vec<u8>>, SealError> {
        master.open(&context(&self.id, self.purpose, &self.algorithm), &self.sealed)
    }
}

/// What a seal is bound to: a record copied over another does not open.
fn context(id: &KeyId, purpose: Purpose, algorithm: &str) -> Vec<u8> {
    format!("counterfoil key\0{}\0{algorithm}\0{id}", purpose.as_str()).into_bytes()
}
