//! The ring of keys: what signs, what verifies, what makes refresh tags, all opened from their seals.

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
    /// Rises with every change of any key: of two rings the older one is known.
    age: u64,
    signing: SigningKey,
    verifying: KeySet,
    pepper: RefreshTokenKey,
    older_peppers: Vec<RefreshTokenKey>,
}

/// The keys could not be had.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ActiveKeysError {
    /// The store did not give or take them.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The master key does not open the key of this name.
    #[error("the master key does not open the key {0} of this store")]
    MasterKey(KeyId, #[source] SealError),
    /// The key of this name is no key.
    #[error("the key {0} of this store cannot be used")]
    Key(KeyId, #[source] KeyError),
    /// No key could be made, or the keys do not go together.
    #[error("no key could be made, or the keys of this store do not go together")]
    Keys(#[from] KeyError),
    /// The system has no randomness to give.
    #[error("no randomness")]
    Randomness(#[from] random::Unavailable),
    /// The record of the key of this name makes no sense.
    #[error("the record of the key {0} in the store makes no sense: it is {1}")]
    Record(KeyId, &'static str),
    /// What no store is without.
    #[error("there is no {0}")]
    Missing(&'static str),
}

impl ActiveKeys {
    /// Opens the keys of `store` with the master key; makes them first where there are none.
    ///
    /// # Errors
    ///
    /// If the master key is not the one that sealed them: nothing is made or replaced then.
    pub async fn open(
        store: &dyn Store,
        master: &SealingKey,
        algorithm: Algorithm,
        now: Time,
    ) -> Result<Self, ActiveKeysError> {
        let kept = store.keys().await?;
        if kept.is_empty() {
            return Self::found(store, master, algorithm, now).await;
        }
        Self::of(&kept, &MasterKeys::only(master.clone()))
    }

    /// Makes the first keys. If another process was faster, its keys are taken.
    async fn found(
        store: &dyn Store,
        master: &SealingKey,
        algorithm: Algorithm,
        now: Time,
    ) -> Result<Self, ActiveKeysError> {
        let (current, next) = (new_signing(algorithm, master, now)?, new_signing(algorithm, master, now)?);
        let made = AuditEvent::by(AuditEventKind::KeyMade, Actor::System, &ClientInfo::default(), now);
        let changes = [
            Change::InsertKey(Box::new(current.in_use(now))),
            Change::InsertKey(Box::new(next)),
            Change::InsertKey(Box::new(new_pepper(master, now)?.in_use(now))),
            Change::Record(Box::new(made.telling("first keys"))),
        ];
        match store.commit(&changes).await? {
            CommitOutcome::Applied(_) | CommitOutcome::Conflict(_) => {
                Self::of(&store.keys().await?, &MasterKeys::only(master.clone()))
            }
        }
    }

    /// The ring of the keys that are kept, opened with the master key.
    ///
    /// # Errors
    ///
    /// If one of them cannot be opened or used, or there is none that signs.
    pub(super) fn of(kept: &[KeyRecord], masters: &MasterKeys) -> Result<Self, ActiveKeysError> {
        let (mut signing, mut verifying) = (None, Vec::new());
        let (mut pepper, mut older_peppers) = (None, Vec::new());
        for record in kept.iter().filter(|record| record.state.is_live()) {
            let key = masters.open(record)?;
            match record.purpose {
                KeyPurpose::Signing => {
                    let key = signing_key(record, &key)?;
                    verifying.push(key.verifying_key());
                    if record.state == KeyState::Current {
                        signing = Some(key);
                    }
                }
                KeyPurpose::RefreshToken if record.state == KeyState::Current => {
                    pepper = Some(as_pepper(record, &key)?)
                }
                KeyPurpose::RefreshToken => older_peppers.push(as_pepper(record, &key)?),
            }
        }
        Ok(Self {
            // Rows are never removed and revisions only rise.
            age: kept.iter().map(|record| 1 + record.revision).sum(),
            signing: signing.ok_or(ActiveKeysError::Missing("current signing key"))?,
            verifying: KeySet::new(verifying)?,
            pepper: pepper.ok_or(ActiveKeysError::Missing("current pepper"))?,
            older_peppers,
        })
    }

    /// Whether a key was changed since the other one was read.
    pub(super) fn is_newer_than(&self, other: &Self) -> bool {
        self.age > other.age
    }
    /// The key that signs now.
    pub fn signing(&self) -> &SigningKey {
        &self.signing
    }

    /// The keys whose signatures are good.
    pub fn verifying(&self) -> &KeySet {
        &self.verifying
    }

    /// The public keys, as the world may see them; symmetric ones are not among them.
    pub fn jwks(&self) -> JwkSet {
        JwkSet { keys: self.verifying.iter().filter_map(|key| key.jwk()).collect() }
    }

    /// The pepper for new refresh families.
    pub fn pepper(&self) -> &RefreshTokenKey {
        &self.pepper
    }

    /// The pepper that a session's stub names.
    pub fn pepper_of(&self, id: RefreshTokenKeyId) -> Option<&RefreshTokenKey> {
        std::iter::once(&self.pepper).chain(&self.older_peppers).find(|pepper| pepper.id() == id)
    }
}

/// The master keys that a seal may be under: one, and while another is about to take its place that one too.
#[derive(Debug, Clone)]
pub(super) struct MasterKeys {
    pub(super) present: SealingKey,
    pub(super) coming: Option<SealingKey>,
}

impl MasterKeys {
    /// One alone.
    pub(super) fn only(present: SealingKey) -> Self {
        Self { present, coming: None }
    }

    /// Opens a key by whichever of them sealed it.
    pub(super) fn open(&self, record: &KeyRecord) -> Result<Secret<Vec<u8>>, ActiveKeysError> {
        let opened = record.open(&self.present);
        let by_coming = |error| self.coming.as_ref().and_then(|key| record.open(key).ok()).ok_or(error);
        opened.or_else(by_coming).map_err(|error| ActiveKeysError::MasterKey(record.id.clone(), error))
    }

    /// The one that this key is sealed under; the present one where none opens it.
    pub(super) fn of(&self, record: &KeyRecord) -> &SealingKey {
        match &self.coming {
            Some(coming) if record.open(coming).is_ok() => coming,
            Some(_) | None => &self.present,
        }
    }
}

/// Whether this master key opens every secret that is kept.
pub fn opens_all(kept: &[KeyRecord], master: &SealingKey) -> bool {
    kept.iter().filter(|record| record.state.is_live()).all(|record| record.open(master).is_ok())
}

/// A new signing key, sealed and not in use yet.
pub(crate) fn new_signing(
    algorithm: Algorithm,
    master: &SealingKey,
    now: Time,
) -> Result<KeyRecord, ActiveKeysError> {
    sealed_signing(&SigningKey::generate(algorithm)?, master, now)
}

/// A signing key, sealed and not in use yet.
pub(super) fn sealed_signing(
    key: &SigningKey,
    master: &SealingKey,
    now: Time,
) -> Result<KeyRecord, ActiveKeysError> {
    let kid = key
        .kid()
        .parse()
        .map_err(|_| ActiveKeysError::Missing("name that the new key could be kept under"))?;
    let (algorithm, secret) = (key.algorithm(), key.to_secret_bytes());
    sealed(kid, KeyPurpose::Signing, algorithm.as_str(), secret.expose(), master, now)
}

/// A new pepper, sealed and not in use yet.
pub(super) fn new_pepper(master: &SealingKey, now: Time) -> Result<KeyRecord, ActiveKeysError> {
    let (id, key): ([u8; 8], Secret<[u8; 32]>) = (random::bytes()?, Secret::new(random::bytes()?));
    sealed(pepper_name(id), KeyPurpose::RefreshToken, "HS256", key.expose(), master, now)
}

fn sealed(
    id: KeyId,
    purpose: KeyPurpose,
    algorithm: &str,
    secret: &[u8],
    master: &SealingKey,
    now: Time,
) -> Result<KeyRecord, ActiveKeysError> {
    let named = |error| ActiveKeysError::MasterKey(id.clone(), error);
    KeyRecord::seal(id.clone(), purpose, algorithm, secret, master, now).map_err(named)
}

fn signing_key(record: &KeyRecord, key: &Secret<Vec<u8>>) -> Result<SigningKey, ActiveKeysError> {
    let algorithm = record.algorithm.parse().map_err(|_| senseless(record, "of an unknown algorithm"))?;
    let key = SigningKey::from_secret_bytes(algorithm, key.expose())
        .map_err(|error| ActiveKeysError::Key(record.id.clone(), error))?;
    if key.kid() != record.id.as_str() {
        return Err(senseless(record, "a key under the name of another"));
    }
    Ok(key)
}

fn as_pepper(record: &KeyRecord, key: &Secret<Vec<u8>>) -> Result<RefreshTokenKey, ActiveKeysError> {
    let key: [u8; 32] =
        key.expose().as_slice().try_into().map_err(|_| senseless(record, "a pepper of another size"))?;
    let id = u64::from_str_radix(record.id.as_str(), 16)
        .map_err(|_| senseless(record, "a pepper under another name"))?;
    Ok(RefreshTokenKey::new(RefreshTokenKeyId::from_bytes(id.to_be_bytes()), &Secret::new(key)))
}

fn senseless(record: &KeyRecord, what: &'static str) -> ActiveKeysError {
    ActiveKeysError::Record(record.id.clone(), what)
}

/// A pepper is kept under its id in hexadecimal.
fn pepper_name(id: [u8; 8]) -> KeyId {
    let name = format!("{:016x}", u64::from_be_bytes(id));
    name.parse().expect("sixteen hexadecimal digits are a key's name")
}
