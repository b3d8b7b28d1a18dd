//! A key as it is kept: sealed, with a state and a revision.

use counterfoil_jose::{SealError, SealingKey, Secret, Time};
use counterfoil_verify::KeyId;

/// A secret of the installation, sealed under the master key. A stolen store opens none of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyRecord {
    /// Its name: the `kid` of a signing key, the hexadecimal id of a pepper.
    pub id: KeyId,
    /// What it is for. Bound into the seal: a pepper cannot be passed off as a signing key.
    pub purpose: KeyPurpose,
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
    /// Since when it is or was in use; with a next key, from when on it is to be, if somebody has asked for that.
    pub activated_at: Option<Time>,
    /// Counts the changes.
    pub revision: u64,
}

/// What a key is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum KeyPurpose {
    /// Signs access tokens.
    Signing,
    /// Makes the tags of refresh tokens.
    RefreshToken,
}

impl KeyPurpose {
    /// The word that stores keep and seals are bound to.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Signing => "signing",
            Self::RefreshToken => "refresh_token",
        }
    }

    /// The purpose that this word names.
    pub fn from_name(name: &str) -> Option<Self> {
        [Self::Signing, Self::RefreshToken].into_iter().find(|purpose| purpose.as_str() == name)
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
    /// All that it made has expired, or it never made anything: nobody needs to know it any more.
    Removed,
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
            Self::Removed => "removed",
            Self::Revoked => "revoked",
        }
    }

    /// The state that this word names.
    pub fn from_name(name: &str) -> Option<Self> {
        let all = [Self::Next, Self::Current, Self::Retired, Self::Removed, Self::Revoked];
        all.into_iter().find(|state| state.as_str() == name)
    }

    /// Whether anything that the key is needed for is still to come. If not, its secret is wiped.
    pub const fn needs_secret(self) -> bool {
        match self {
            Self::Next | Self::Current | Self::Retired => true,
            Self::Removed | Self::Revoked => false,
        }
    }
}

impl KeyRecord {
    /// Seals `key` as a new one that is not in use yet.
    ///
    /// # Errors
    ///
    /// If it could not be sealed (no randomness).
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

    /// The key in another state since `now`. One that is dropped or revoked is needed by nobody, and its sealed
    /// secret goes: what is not there cannot be stolen.
    pub fn with_state(&self, state: KeyState, now: Time) -> Self {
        let sealed = if state.needs_secret() { self.sealed.clone() } else { Vec::new() };
        Self { state, sealed, changed_at: now, ..self.next_revision() }
    }

    /// The key in use, from `now` on.
    pub fn activated(&self, now: Time) -> Self {
        Self { activated_at: Some(now), ..self.with_state(KeyState::Current, now) }
    }

    /// A next key that somebody wants to be used from `at` on.
    pub fn scheduled_for(&self, at: Time) -> Self {
        Self { activated_at: Some(at), ..self.next_revision() }
    }

    /// The same key as a new revision: who has read the old one changes nothing by it.
    pub fn next_revision(&self) -> Self {
        Self { revision: self.revision + 1, ..self.clone() }
    }

    /// The same key, sealed under another master key.
    ///
    /// # Errors
    ///
    /// If `from` does not open it, or it could not be sealed.
    pub fn resealed(&self, from: &SealingKey, to: &SealingKey) -> Result<Self, SealError> {
        let seal_context = seal_context(&self.id, self.purpose, &self.algorithm);
        let sealed = to.seal(&seal_context, self.open(from)?.expose())?;
        Ok(Self { sealed, ..self.next_revision() })
    }

    /// Opens the seal.
    ///
    /// # Errors
    ///
    /// If the master key is another, or the record was changed or moved.
    pub fn open(&self, master: &SealingKey) -> Result<Secret<Vec<u8>>, SealError> {
        master.open(&seal_context(&self.id, self.purpose, &self.algorithm), &self.sealed)
    }
}

/// What a seal is bound to: a record copied over another does not open.
fn seal_context(id: &KeyId, purpose: KeyPurpose, algorithm: &str) -> Vec<u8> {
    format!("counterfoil key\0{}\0{algorithm}\0{id}", purpose.as_str()).into_bytes()
}
