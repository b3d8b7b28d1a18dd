//! The file that contains the master key: 43 characters of base64url and a newline, with mode 0600. Where a platform
//! provides it, its group may read it.

use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use counterfoil_files::{Access, open_regular, path_hint, restrict};
use counterfoil_jose::{SealingKey, Secret, base64url, constant_time, random};

use crate::fs::atomic_write::{AtomicWrite, ExistingFile};
use crate::fs::secret_file::{self, FileOwner, SecretFileError};

/// The most bytes of the file that are read.
const MAX_LENGTH: u64 = 1024;

/// There is no usable master key. Nothing was created.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum MasterKeyError {
    /// The text is not a key.
    #[error("the master key from {from} is not 32 bytes as base64url")]
    Malformed {
        /// The environment, or the file.
        from: String,
    },
    /// The key is one byte repeated, which is not random.
    #[error("the master key from {from} is one byte repeated, not a random key")]
    Weak {
        /// The environment, or the file.
        from: String,
    },
    /// The file cannot be opened or read, or is not a regular file.
    #[error("the master key file {} cannot be read", file.display())]
    Unreadable {
        /// The file.
        file: PathBuf,
        /// The system's error.
        #[source]
        source: io::Error,
    },
    /// Other users have permissions on the file.
    #[error("the master key file {} can be read by other users (mode {mode:03o})", file.display())]
    InsecureMode {
        /// The file.
        file: PathBuf,
        /// Its permissions.
        mode: u32,
    },
    /// Other users can replace the files in the directory, and so choose the key.
    #[error("other users can replace the files in {} (mode {mode:04o})", dir.display())]
    InsecureDirectory {
        /// The directory of the file.
        dir: PathBuf,
        /// Its permissions.
        mode: u32,
    },
    /// The file belongs to another user, who knows the key.
    #[error("the master key file {} belongs to another user ({owner})", file.display())]
    WrongOwner {
        /// The file.
        file: PathBuf,
        /// The user's id.
        owner: u32,
    },
    /// The store exists, and the file whose key decrypts its keys does not.
    #[error("the master key file {} is missing, and the store is encrypted with it", file.display())]
    Missing {
        /// The file.
        file: PathBuf,
    },
    /// The environment and the file contain different keys.
    #[error("the master key in the environment and the one in {} differ", file.display())]
    Mismatch {
        /// The file.
        file: PathBuf,
    },
    /// Neither a key nor a place for its file is configured.
    #[error("no location for the master key is configured")]
    NoLocation,
    /// The file cannot be written.
    #[error("the master key file {} cannot be written", file.display())]
    NotWritten {
        /// The file.
        file: PathBuf,
        /// The system's error.
        #[source]
        source: io::Error,
    },
}

impl MasterKeyError {
    fn new(error: SecretFileError, file: &Path) -> Self {
        let file = file.to_owned();
        match error {
            SecretFileError::Unreadable(source) => Self::Unreadable { file, source },
            SecretFileError::InsecureMode(mode) => Self::InsecureMode { file, mode },
            SecretFileError::InsecureDirectory { dir, mode } => Self::InsecureDirectory { dir, mode },
            SecretFileError::WrongOwner(owner) => Self::WrongOwner { file, owner },
        }
    }

    /// What to do about it.
    pub fn hint(&self) -> String {
        match self {
            Self::Unreadable { file, source } | Self::NotWritten { file, source } => {
                path_hint(file, source).unwrap_or_else(|| self.general_hint().to_owned())
            }
            _ => self.general_hint().to_owned(),
        }
    }

    const fn general_hint(&self) -> &'static str {
        match self {
            Self::Malformed { .. } => "the key must be 43 characters of A-Z a-z 0-9 - _ on one line",
            Self::Weak { .. } => "generate one: head -c32 /dev/urandom | basenc --base64url | tr -d =",
            Self::Unreadable { .. } => {
                "make the file readable for the user that runs the server, and for no other user"
            }
            Self::InsecureMode { .. } => {
                "chmod o= the file: only its owner and its group may read it; if others may have, replace the key with `key rekey`"
            }
            Self::InsecureDirectory { .. } => "chmod o-w the directory, or keep the file in another one",
            Self::WrongOwner { .. } => {
                "if no other user may have read it, chown it to the user that runs the server"
            }
            Self::Missing { .. } => {
                "restore the file from your own copy; without it the store cannot be opened"
            }
            Self::Mismatch { .. } => "remove the key that does not belong to this store",
            Self::NoLocation => "configure a data directory, or give the key in the environment",
            Self::NotWritten { .. } => "make its directory writable for the user that runs the server",
        }
    }
}

/// Generates a key and writes it to `file` with mode 0600. If another process was faster, its key is used.
pub(crate) fn create(file: &Path) -> Result<SealingKey, MasterKeyError> {
    let not_written = |source| MasterKeyError::NotWritten { file: file.to_owned(), source };
    let write = || AtomicWrite::new(file, ExistingFile::Keep)?.run(|new| write_key(new, &generate()?));
    match write() {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(not_written(error)),
        Ok(()) | Err(_) => {}
    }
    let key = read(file)?.ok_or_else(|| not_written(io::ErrorKind::NotFound.into()))?;
    Ok(sealing_key(&key))
}

/// Sets mode 0600 on the key file that this program has made, if a platform has changed its mode.
pub(crate) fn restrict_own(file: &Path) -> Result<(), MasterKeyError> {
    let restricted = match open_regular(file, Access::Read) {
        // A link that an operator made: the file is theirs.
        Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::InvalidInput) => Ok(()),
        opened => opened.and_then(|opened| restrict(&opened, file)),
    };
    restricted.map_err(|source| MasterKeyError::Unreadable { file: file.to_owned(), source })
}

/// Generates a key.
pub(crate) fn generate() -> io::Result<Secret<[u8; 32]>> {
    random::bytes().map(Secret::new).map_err(io::Error::other)
}

/// Writes `key` as the content of a key file.
pub(super) fn write_key(file: &mut std::fs::File, key: &Secret<[u8; 32]>) -> io::Result<()> {
    let text = Secret::new(base64url::encode(key.expose()) + "\n");
    file.write_all(text.expose().as_bytes())
}

/// Reads the key in `file`; `None` if there is no such file.
pub(super) fn read(file: &Path) -> Result<Option<Secret<[u8; 32]>>, MasterKeyError> {
    read_owned_by(file, FileOwner::Any)
}

/// Whether both files contain a key, and the same one.
pub(crate) fn contain_same_key(one: &Path, other: &Path) -> Result<bool, MasterKeyError> {
    let keys = read(one)?.zip(read(other)?);
    Ok(keys.is_some_and(|(one, other)| constant_time::equal(one.expose(), other.expose())))
}

/// Reads the key that an operator has put in `file`, which must exist and belong to a trusted user.
pub(crate) fn read_from_operator(file: &Path) -> Result<Secret<[u8; 32]>, MasterKeyError> {
    let missing =
        || MasterKeyError::Unreadable { file: file.to_owned(), source: io::ErrorKind::NotFound.into() };
    read_owned_by(file, FileOwner::Trusted)?.ok_or_else(missing)
}

fn read_owned_by(file: &Path, owner: FileOwner) -> Result<Option<Secret<[u8; 32]>>, MasterKeyError> {
    let bytes = match secret_file::read(file, owner, MAX_LENGTH) {
        Ok(bytes) => bytes,
        Err(SecretFileError::Unreadable(error)) if error.kind() == io::ErrorKind::NotFound => {
            return Ok(None);
        }
        Err(error) => return Err(MasterKeyError::new(error, file)),
    };
    let from = file.display().to_string();
    let text =
        std::str::from_utf8(bytes.expose()).map_err(|_| MasterKeyError::Malformed { from: from.clone() })?;
    parse(text, &from).map(Some)
}

/// Parses and validates a key; `from` names its origin in errors.
pub(crate) fn parse(text: &str, from: &str) -> Result<Secret<[u8; 32]>, MasterKeyError> {
    let text = text.strip_suffix('\n').unwrap_or(text);
    let key: [u8; 32] =
        base64url::decode_exact(text).map_err(|_| MasterKeyError::Malformed { from: from.to_owned() })?;
    let key = Secret::new(key);
    if key.expose().iter().all(|byte| *byte == key.expose()[0]) {
        return Err(MasterKeyError::Weak { from: from.to_owned() });
    }
    Ok(key)
}

/// The cipher that encrypts and decrypts with `key`.
pub(crate) fn sealing_key(key: &Secret<[u8; 32]>) -> SealingKey {
    SealingKey::from_bytes(*key.expose())
}
