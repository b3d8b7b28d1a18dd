//! The active keys: signing key, verification keys and refresh token keys, decrypted with the master key.

use std::time::Duration;

use counterfoil_jose::{
    Algorithm, JwkSet, KeyError, KeySet, SealError, SealingKey, Secret, SigningKey, Time, random,
};
use counterfoil_verify::KeyId;

use crate::credentials::refresh_token::{RefreshTokenKey, RefreshTokenKeyId};
use crate::model::audit_event::{Actor, AuditEvent, AuditEventKind};
use crate::model::key::{KeyPurpose, KeyRecord, KeyState};
use crate::model::session::ClientInfo;
use crate::store::{Change, CommitOutcome, Store, StoreError};

/// The keys of an installation, ready for use.
#[derive(Debug)]
pub struct ActiveKeys {
    /// The sum of all key revisions. It rises with every change of any key, and so orders two states of the keys.
    revision_sum: u64,
    signing: SigningKey,
    verification_keys: KeySet,
    refresh_token_key: RefreshTokenKey,
    older_refresh_token_keys: Vec<RefreshTokenKey>,
}

/// Why the keys could not be opened or created.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ActiveKeysError {
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The master key does not open the key with this id.
    #[error("the master key does not open the key {0} of this store")]
    MasterKey(KeyId, #[source] SealError),
    /// The key with this id is invalid.
    #[error("the key {0} of this store cannot be used")]
    Key(KeyId, #[source] KeyError),
    /// A key could not be created, or the keys cannot be used together.
    #[error("a key could not be created, or the keys of this store cannot be used together")]
    Keys(#[from] KeyError),
    /// The operating system provides no randomness.
    #[error("the operating system provides no randomness")]
    Randomness(#[from] random::RandomUnavailable),
    /// The record of the key with this id is invalid.
    #[error("the record of the key {0} in the store is invalid: {1}")]
    Record(KeyId, &'static str),
    /// A required key is missing.
    #[error("there is no {0}")]
    Missing(&'static str),
}

impl ActiveKeys {
    /// Opens the keys of `store` with the master key. Creates the first keys if there are none.
    ///
    /// # Errors
    ///
    /// If the master key is not the one that sealed them. Then no key is created or replaced.
    pub async fn open(
        store: &dyn Store,
        master: &SealingKey,
        algorithm: Algorithm,
        now: Time,
    ) -> Result<Self, ActiveKeysError> {
        let stored = store.keys().await?;
        if stored.is_empty() {
            return Self::create_initial(store, master, algorithm, now).await;
        }
        Self::from_records(&stored, &MasterKeys::single(master.clone()))
    }

    /// Creates the first keys. If another process creates them first, its keys are used.
    async fn create_initial(
        store: &dyn Store,
        master: &SealingKey,
        algorithm: Algorithm,
        now: Time,
    ) -> Result<Self, ActiveKeysError> {
        let (current, next) = (new_current(algorithm, master, now)?, new_signing(algorithm, master, now)?);
        let created =
            AuditEvent::by_actor(AuditEventKind::KeyCreated, Actor::System, &ClientInfo::default(), now);
        let changes = [
            Change::insert_key(current),
            Change::insert_key(next),
            Change::insert_key(new_refresh_token_key(master, now)?.activated(now)),
            Change::record_event(created.with_detail("first keys")),
        ];
        match store.commit(&changes.into()).await? {
            CommitOutcome::Applied(_) | CommitOutcome::Conflict(_) => {
                Self::from_records(&store.keys().await?, &MasterKeys::single(master.clone()))
            }
        }
    }

    /// Opens the stored keys with the master keys.
    ///
    /// # Errors
    ///
    /// If a key cannot be opened or used, or if there is no current key.
    pub(super) fn from_records(
        stored: &[KeyRecord],
        master_keys: &MasterKeys,
    ) -> Result<Self, ActiveKeysError> {
        let (mut signing, mut verification_keys) = (None, Vec::new());
        let (mut refresh_token_key, mut older_refresh_token_keys) = (None, Vec::new());
        for record in stored.iter().filter(|record| record.state.needs_secret()) {
            let key = master_keys.open(record)?;
            match record.purpose {
                KeyPurpose::Signing => {
                    let key = signing_key(record, &key)?;
                    verification_keys.push(key.verifying_key());
                    if record.state == KeyState::Current {
                        signing = Some(key);
                    }
                }
                KeyPurpose::RefreshToken if record.state == KeyState::Current => {
                    refresh_token_key = Some(open_refresh_token_key(record, &key)?)
                }
                KeyPurpose::RefreshToken => {
                    older_refresh_token_keys.push(open_refresh_token_key(record, &key)?)
                }
            }
        }
        Ok(Self {
            // Key records are never removed, and revisions only rise.
            revision_sum: stored.iter().map(|record| 1 + record.revision).sum(),
            signing: signing.ok_or(ActiveKeysError::Missing("current signing key"))?,
            verification_keys: KeySet::new(verification_keys)?,
            refresh_token_key: refresh_token_key
                .ok_or(ActiveKeysError::Missing("current refresh token key"))?,
            older_refresh_token_keys,
        })
    }

    /// Whether a key has changed since `other` was read.
    pub(super) fn is_newer_than(&self, other: &Self) -> bool {
        self.revision_sum > other.revision_sum
    }

    /// The current signing key.
    pub fn signing_key(&self) -> &SigningKey {
        &self.signing
    }

    /// The keys that verify signatures.
    pub fn verification_keys(&self) -> &KeySet {
        &self.verification_keys
    }

    /// The public keys, for publication. Symmetric keys are not among them.
    pub fn jwks(&self) -> JwkSet {
        JwkSet { keys: self.verification_keys.iter().filter_map(|key| key.jwk()).collect() }
    }

    /// The refresh token key for new sessions.
    pub fn refresh_token_key(&self) -> &RefreshTokenKey {
        &self.refresh_token_key
    }

    /// The refresh token key with this id, as the credential of a session names it.
    pub fn refresh_token_key_by_id(&self, id: RefreshTokenKeyId) -> Option<&RefreshTokenKey> {
        self.refresh_token_keys().find(|refresh_token_key| refresh_token_key.id() == id)
    }

    /// The refresh token key for new sessions, and the older ones that are kept.
    pub fn refresh_token_keys(&self) -> impl Iterator<Item = &RefreshTokenKey> {
        std::iter::once(&self.refresh_token_key).chain(&self.older_refresh_token_keys)
    }
}

/// The master keys that may have sealed a key: the current one, and during a change of the master key also the next one.
#[derive(Debug, Clone)]
pub(super) struct MasterKeys {
    pub(super) current: SealingKey,
    pub(super) next: Option<SealingKey>,
}

impl MasterKeys {
    /// A single master key.
    pub(super) fn single(current: SealingKey) -> Self {
        Self { current, next: None }
    }

    /// Opens a key with the master key that sealed it.
    pub(super) fn open(&self, record: &KeyRecord) -> Result<Secret<Vec<u8>>, ActiveKeysError> {
        let opened = record.open(&self.current);
        let by_next = |error| self.next.as_ref().and_then(|key| record.open(key).ok()).ok_or(error);
        opened.or_else(by_next).map_err(|error| ActiveKeysError::MasterKey(record.id.clone(), error))
    }

    /// The master key that sealed this key; the current one if neither opens it.
    pub(super) fn sealing_key_of(&self, record: &KeyRecord) -> &SealingKey {
        match &self.next {
            Some(next) if record.open(next).is_ok() => next,
            Some(_) | None => &self.current,
        }
    }
}

/// Whether this master key opens every stored secret.
pub fn opens_all(stored: &[KeyRecord], master: &SealingKey) -> bool {
    stored.iter().filter(|record| record.state.needs_secret()).all(|record| record.open(master).is_ok())
}

/// Creates a signing key that is in use at once.
///
/// It is created a millisecond before the next key that comes with it: lists have the order of creation, and with
/// one time for both it would be the order of their random ids.
pub(crate) fn new_current(
    algorithm: Algorithm,
    master: &SealingKey,
    now: Time,
) -> Result<KeyRecord, ActiveKeysError> {
    let created_at = now - Duration::from_millis(1);
    new_signing(algorithm, master, created_at).map(|key| key.activated(now))
}

/// Creates a signing key, sealed and not yet active.
pub(crate) fn new_signing(
    algorithm: Algorithm,
    master: &SealingKey,
    now: Time,
) -> Result<KeyRecord, ActiveKeysError> {
    sealed_signing(&SigningKey::generate(algorithm)?, master, now)
}

/// Seals a signing key that is not yet active.
pub(super) fn sealed_signing(
    key: &SigningKey,
    master: &SealingKey,
    now: Time,
) -> Result<KeyRecord, ActiveKeysError> {
    let kid = key.kid().parse().map_err(|_| ActiveKeysError::Missing("valid id for the new key"))?;
    let (algorithm, secret) = (key.algorithm(), key.to_secret_bytes());
    sealed(kid, KeyPurpose::Signing, algorithm.as_str(), secret.expose(), master, now)
}

/// Creates a refresh token key, sealed and not yet active.
pub(super) fn new_refresh_token_key(master: &SealingKey, now: Time) -> Result<KeyRecord, ActiveKeysError> {
    let (id, key): ([u8; 8], Secret<[u8; 32]>) = (random::bytes()?, Secret::new(random::bytes()?));
    sealed(refresh_token_key_id_text(id), KeyPurpose::RefreshToken, "HS256", key.expose(), master, now)
}

fn sealed(
    id: KeyId,
    purpose: KeyPurpose,
    algorithm: &str,
    secret: &[u8],
    master: &SealingKey,
    now: Time,
) -> Result<KeyRecord, ActiveKeysError> {
    let with_id = |error| ActiveKeysError::MasterKey(id.clone(), error);
    KeyRecord::seal(id.clone(), purpose, algorithm, secret, master, now).map_err(with_id)
}

fn signing_key(record: &KeyRecord, key: &Secret<Vec<u8>>) -> Result<SigningKey, ActiveKeysError> {
    let algorithm =
        record.algorithm.parse().map_err(|_| invalid_record(record, "the algorithm is unknown"))?;
    let key = SigningKey::from_secret_bytes(algorithm, key.expose())
        .map_err(|error| ActiveKeysError::Key(record.id.clone(), error))?;
    if key.kid() != record.id.as_str() {
        return Err(invalid_record(record, "the id does not belong to the key"));
    }
    Ok(key)
}

fn open_refresh_token_key(
    record: &KeyRecord,
    key: &Secret<Vec<u8>>,
) -> Result<RefreshTokenKey, ActiveKeysError> {
    let key: [u8; 32] = key
        .expose()
        .as_slice()
        .try_into()
        .map_err(|_| invalid_record(record, "the refresh token key does not have 32 bytes"))?;
    let id = u64::from_str_radix(record.id.as_str(), 16)
        .map_err(|_| invalid_record(record, "the id of the refresh token key is not hexadecimal"))?;
    Ok(RefreshTokenKey::new(RefreshTokenKeyId::from_bytes(id.to_be_bytes()), &Secret::new(key)))
}

fn invalid_record(record: &KeyRecord, problem: &'static str) -> ActiveKeysError {
    ActiveKeysError::Record(record.id.clone(), problem)
}

/// The id of a refresh token key as stored: 16 hexadecimal digits.
fn refresh_token_key_id_text(id: [u8; 8]) -> KeyId {
    let name = format!("{:016x}", u64::from_be_bytes(id));
    name.parse().expect("16 hexadecimal digits are a valid key id")
}
