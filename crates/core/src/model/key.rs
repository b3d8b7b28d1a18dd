//! The stored record of a key: sealed, with a state and a revision.

use counterfoil_jose::{SealError, SealingKey, Secret, Time};
use counterfoil_verify::KeyId;

/// A secret of the installation, sealed with the master key. A thief of the store cannot open it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyRecord {
    /// The id: the `kid` of a signing key, or the hexadecimal id of a refresh token key.
    pub id: KeyId,
    /// The purpose. It is bound into the seal, so that a refresh token key cannot be passed off as a signing
    /// key.
    pub purpose: KeyPurpose,
    /// The JOSE name of the algorithm (`ES256`); `HS256` for a refresh token key.
    pub algorithm: String,
    /// The sealed key.
    pub sealed: Vec<u8>,
    /// The state.
    pub state: KeyState,
    /// When it was created.
    pub created_at: Time,
    /// When the state last changed.
    pub changed_at: Time,
    /// When it became the current key. For a next key: when it becomes the current one, if a rotation was
    /// requested.
    pub activated_at: Option<Time>,
    /// The number of changes.
    pub revision: u64,
}

/// The purpose of a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum KeyPurpose {
    /// Signs access tokens.
    Signing,
    /// Computes the MACs of refresh tokens.
    RefreshToken,
}

impl KeyPurpose {
    /// The name, as it is stored and bound into seals.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Signing => "signing",
            Self::RefreshToken => "refresh_token",
        }
    }

    /// The purpose with this name.
    pub fn from_name(name: &str) -> Option<Self> {
        [Self::Signing, Self::RefreshToken].into_iter().find(|purpose| purpose.as_str() == name)
    }
}

/// The state of a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum KeyState {
    /// Published, but not used yet, so that verifiers have time to fetch it.
    Next,
    /// In use.
    Current,
    /// Not used any more, but what it signed is still valid.
    Retired,
    /// All that it signed has expired, or it never signed anything. Its secret is wiped.
    Removed,
    /// Nothing that it signed is valid. Its secret is wiped.
    Revoked,
}

impl KeyState {
    /// The name, as it is stored.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Next => "next",
            Self::Current => "current",
            Self::Retired => "retired",
            Self::Removed => "removed",
            Self::Revoked => "revoked",
        }
    }

    /// The state with this name.
    pub fn from_name(name: &str) -> Option<Self> {
        let all = [Self::Next, Self::Current, Self::Retired, Self::Removed, Self::Revoked];
        all.into_iter().find(|state| state.as_str() == name)
    }

    /// Whether the secret of a key in this state is still needed. If not, it is wiped.
    pub const fn needs_secret(self) -> bool {
        match self {
            Self::Next | Self::Current | Self::Retired => true,
            Self::Removed | Self::Revoked => false,
        }
    }
}

impl KeyRecord {
    /// Seals a new key that is not in use yet.
    ///
    /// # Errors
    ///
    /// If it cannot be sealed because the system provides no randomness.
    pub fn seal(
        id: KeyId,
        purpose: KeyPurpose,
        algorithm: &str,
        key: &[u8],
        master: &SealingKey,
        now: Time,
    ) -> Result<Self, SealError> {
        let sealed = master.seal(&seal_context(&id, purpose, algorithm), key)?;
        let algorithm = algorithm.to_owned();
        Ok(Self {
            id,
            purpose,
            algorithm,
            sealed,
            state: KeyState::Next,
            created_at: now,
            changed_at: now,
            activated_at: None,
            revision: 0,
        })
    }

    /// The key in another state since `now`. The secret of a removed or revoked key is wiped, so that it
    /// cannot be stolen.
    pub fn with_state(&self, state: KeyState, now: Time) -> Self {
        let sealed = if state.needs_secret() { self.sealed.clone() } else { Vec::new() };
        Self { state, sealed, changed_at: now, ..self.next_revision() }
    }

    /// The key in use since `now`.
    pub fn activated(&self, now: Time) -> Self {
        Self { activated_at: Some(now), ..self.with_state(KeyState::Current, now) }
    }

    /// The next key, to be activated at `at`.
    pub fn scheduled_for(&self, at: Time) -> Self {
        Self { activated_at: Some(at), ..self.next_revision() }
    }

    /// The same key with the next revision, so that a change based on the former revision fails.
    pub fn next_revision(&self) -> Self {
        Self { revision: self.revision + 1, ..self.clone() }
    }

    /// The same key, sealed with another master key.
    ///
    /// # Errors
    ///
    /// If `from` does not open it, or it cannot be sealed.
    pub fn resealed(&self, from: &SealingKey, to: &SealingKey) -> Result<Self, SealError> {
        let seal_context = seal_context(&self.id, self.purpose, &self.algorithm);
        let sealed = to.seal(&seal_context, self.open(from)?.expose())?;
        Ok(Self { sealed, ..self.next_revision() })
    }

    /// Opens the sealed key.
    ///
    /// # Errors
    ///
    /// If the master key is not the right one, or the record was changed or moved.
    pub fn open(&self, master: &SealingKey) -> Result<Secret<Vec<u8>>, SealError> {
        master.open(&seal_context(&self.id, self.purpose, &self.algorithm), &self.sealed)
    }
}

/// The context that a seal is bound to: a record copied over another one does not open.
fn seal_context(id: &KeyId, purpose: KeyPurpose, algorithm: &str) -> Vec<u8> {
    format!("counterfoil key\0{}\0{algorithm}\0{id}", purpose.as_str()).into_bytes()
}
