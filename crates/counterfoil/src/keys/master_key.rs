//! The master key: 32 bytes outside the store that open everything sealed inside it.

use std::fs::File;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use counterfoil_jose::{SealingKey, Secret, base64url, constant_time, random};

pub(crate) use crate::keys::master_key_rotation::Replacement;

use crate::fs::new_file::{self, directory_of};
use crate::fs::secret_file::{self, Refused, Whose};

/// Where the master key comes from.
///
/// A text, from the environment, wins over a file; both may be there if they agree. With neither the
/// file is in its default place, and is made at the first start.
#[derive(Debug, Clone, Default)]
pub struct MasterKeySource {
    /// The key itself: 32 bytes as base64url. One newline at its end is cut.
    pub text: Option<Secret<String>>,
    /// The file that holds it, if it is not in the default place. It has to be there.
    pub file: Option<PathBuf>,
}

/// There is no usable master key. Nothing was made.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum MasterKeyError {
    /// The text is not a key.
    #[error("the master key from {from} is not 32 bytes as base64url")]
    Malformed {
        /// The environment, or which file.
        from: String,
    },
    /// The key is one byte repeated: nobody drew that.
    #[error("the master key from {from} is one byte repeated, not a random key")]
    Weak {
        /// The environment, or which file.
        from: String,
    },
    /// The file does not open, or is no file.
    #[error("the master key file {} cannot be read", file.display())]
    Unreadable {
        /// Which file.
        file: PathBuf,
        /// What the system says.
        #[source]
        source: io::Error,
    },
    /// Others can read the file.
    #[error("the master key file {} can be read by others (mode {mode:03o})", file.display())]
    Exposed {
        /// Which file.
        file: PathBuf,
        /// Its permissions.
        mode: u32,
    },
    /// It is the file of somebody else, who knows the key.
    #[error("the master key file {} is of another user ({owner})", file.display())]
    Foreign {
        /// Which file.
        file: PathBuf,
        /// Whose.
        owner: u32,
    },
    /// There is a store, whose keys only that key opens, and the file is gone.
    #[error("the master key file {} is missing, and the store is sealed with it", file.display())]
    Missing {
        /// Which file.
        file: PathBuf,
    },
    /// The environment and a file name different keys.
    #[error("the master key of the environment and the one in {} differ", file.display())]
    Different {
        /// Which file.
        file: PathBuf,
    },
    /// There is no place for it.
    #[error("there is no place for the master key")]
    NoPlace,
    /// The file could not be written.
    #[error("the master key file {} cannot be written", file.display())]
    NotMade {
        /// Which file.
        file: PathBuf,
        /// What the system says.
        #[source]
        source: io::Error,
    },
}

impl MasterKeyError {
    fn of(refused: Refused, file: &Path) -> Self {
        let file = file.to_owned();
        match refused {
            Refused::Unreadable(source) => Self::Unreadable { file, source },
            Refused::Exposed(mode) => Self::Exposed { file, mode },
            Refused::Foreign(owner) => Self::Foreign { file, owner },
        }
    }

    /// What to do about it.
    pub const fn hint(&self) -> &'static str {
        match self {
            Self::Malformed { .. } => "it is 43 characters of A-Z a-z 0-9 - _ on one line",
            Self::Weak { .. } => "draw one: head -c32 /dev/urandom | basenc --base64url | tr -d =",
            Self::Unreadable { .. } => {
                "make it readable for the user that the server runs as, and for nobody else"
            }
            Self::Exposed { .. } => "chmod 600 the file; if others may have read it, restore with a new key",
            Self::Foreign { .. } => {
                "if nobody else may have read it, chown it to the user that the server runs as"
            }
            Self::Missing { .. } => {
                "put the file back from where you keep it safe; without it the store cannot be opened"
            }
            Self::Different { .. } => "remove the one that is not this store's",
            Self::NoPlace => "name a data directory, or give the key in the environment",
            Self::NotMade { .. } => "make its directory writable for the user that the server runs as",
        }
    }
}

/// A master key that was found, or the place where one is to be made if the store is new.
#[derive(Debug)]
pub(crate) enum Found {
    /// It is there; and where a replacement was cut off, so may be its successor.
    Key(SealingKey, Option<Replacement>),
    /// This is a first start.
    ToBeMade(PathBuf),
}

impl MasterKeySource {
    /// Looks for the key, and judges it. Nothing is made yet.
    pub(crate) fn find(&self, default: Option<PathBuf>) -> Result<Found, MasterKeyError> {
        let given = self.text.as_ref().map(|text| parse(text.expose(), "the environment")).transpose()?;
        let Some(file) = self.file.clone().or(default) else {
            return given.map(|key| Found::Key(seal_with(&key), None)).ok_or(MasterKeyError::NoPlace);
        };
        match (given, read(&file)?) {
            (Some(given), Some(kept)) if !constant_time::equal(given.expose(), kept.expose()) => {
                Err(MasterKeyError::Different { file })
            }
            (Some(key), _) | (None, Some(key)) => Ok(Found::Key(seal_with(&key), Replacement::begun(&file)?)),
            // A file that was named is not made: whoever names one has one.
            (None, None) if self.file.is_some() => {
                Err(MasterKeyError::Unreadable { source: io::ErrorKind::NotFound.into(), file })
            }
            (None, None) => Ok(Found::ToBeMade(file)),
        }
    }
}

/// Draws a key and puts it in `file`, mode 0600. If another process was faster, its key is taken.
pub(crate) fn make(file: &Path) -> Result<SealingKey, MasterKeyError> {
    let not_made = |source| MasterKeyError::NotMade { file: file.to_owned(), source };
    put(file).map_err(not_made)?;
    let key = read(file)?.ok_or_else(|| not_made(io::ErrorKind::NotFound.into()))?;
    Ok(seal_with(&key))
}

/// Draws a key.
pub(crate) fn draw() -> io::Result<Secret<[u8; 32]>> {
    random::bytes().map(Secret::new).map_err(io::Error::other)
}

/// The key that an operator has put in `file`; it has to be there.
pub(crate) fn given(file: &Path) -> Result<Secret<[u8; 32]>, MasterKeyError> {
    let missing =
        || MasterKeyError::Unreadable { file: file.to_owned(), source: io::ErrorKind::NotFound.into() };
    read_of(file, Whose::Ours)?.ok_or_else(missing)
}

/// Whole or not at all: written beside, synced, and linked under its name only if that is free.
fn put(file: &Path) -> io::Result<()> {
    let beside = write_beside(file, &draw()?, directory_of(file))?;
    let linked = std::fs::hard_link(&beside, file);
    std::fs::remove_file(&beside)?;
    match linked {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        Err(error) => Err(error),
        Ok(()) => File::open(directory_of(file))?.sync_all(),
    }
}

/// Writes a key for its owner alone, under a name of its own in the directory of `file`, and syncs it. Root gives it
/// to the owner of `model`.
pub(super) fn write_beside(file: &Path, key: &Secret<[u8; 32]>, model: &Path) -> io::Result<PathBuf> {
    let text = Secret::new(base64url::encode(key.expose()) + "\n");
    let id: [u8; 6] = random::bytes().map_err(io::Error::other)?;
    let beside = with_suffix(file, &base64url::encode(id));
    let mut new = new_file::make(&beside, model)?;
    match new.write_all(text.expose().as_bytes()).and_then(|()| new.sync_all()) {
        Ok(()) => Ok(beside),
        Err(error) => {
            let _ = std::fs::remove_file(&beside);
            Err(error)
        }
    }
}

/// `FILE.SUFFIX`.
pub(super) fn with_suffix(file: &Path, suffix: &str) -> PathBuf {
    let mut name = file.as_os_str().to_owned();
    name.push(format!(".{suffix}"));
    name.into()
}

/// The key in `file`, `None` if there is no such file.
pub(super) fn read(file: &Path) -> Result<Option<Secret<[u8; 32]>>, MasterKeyError> {
    read_of(file, Whose::Anybodys)
}

fn read_of(file: &Path, whose: Whose) -> Result<Option<Secret<[u8; 32]>>, MasterKeyError> {
    let bytes = match secret_file::read(file, whose, 1024) {
        Ok(bytes) => bytes,
        Err(Refused::Unreadable(error)) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(refused) => return Err(MasterKeyError::of(refused, file)),
    };
    let from = file.display().to_string();
    let text =
        std::str::from_utf8(bytes.expose()).map_err(|_| MasterKeyError::Malformed { from: from.clone() })?;
    parse(text, &from).map(Some)
}

fn parse(text: &str, from: &str) -> Result<Secret<[u8; 32]>, MasterKeyError> {
    let text = text.strip_suffix('\n').unwrap_or(text);
    let key: [u8; 32] =
        base64url::decode_exact(text).map_err(|_| MasterKeyError::Malformed { from: from.to_owned() })?;
    let key = Secret::new(key);
    if key.expose().iter().all(|byte| *byte == key.expose()[0]) {
        return Err(MasterKeyError::Weak { from: from.to_owned() });
    }
    Ok(key)
}

/// What the bytes of a key open and seal with.
pub(crate) fn seal_with(key: &Secret<[u8; 32]>) -> SealingKey {
    SealingKey::from_bytes(*key.expose())
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::{MetadataExt, PermissionsExt};

    use super::*;

    fn text(byte: u8) -> String {
        let mut key = [byte; 32];
        key[0] = byte.wrapping_add(1);
        base64url::encode(key)
    }

    fn from_env(text: String) -> MasterKeySource {
        MasterKeySource { text: Some(Secret::new(text)), file: None }
    }

    fn keep(file: &Path, text: &str, mode: u32) {
        fs::write(file, text).unwrap();
        fs::set_permissions(file, fs::Permissions::from_mode(mode)).unwrap();
    }

    fn is_same(one: &SealingKey, other: &SealingKey) -> bool {
        one.open(b"c", &other.seal(b"c", b"x").unwrap()).is_ok()
    }

    fn found(found: Found) -> SealingKey {
        match found {
            Found::Key(key, _) => key,
            Found::ToBeMade(file) => panic!("{} is to be made", file.display()),
        }
    }

    #[test]
    fn the_first_start_makes_a_key_that_only_its_owner_reads() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("master-key");

        let source = MasterKeySource::default();
        assert!(matches!(source.find(Some(file.clone())), Ok(Found::ToBeMade(_))));
        let made = make(&file).unwrap();

        assert_eq!(fs::metadata(&file).unwrap().mode() & 0o777, 0o600);
        assert!(is_same(&made, &found(source.find(Some(file)).unwrap())));
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1, "nothing else is left");
    }

    #[test]
    fn two_first_starts_agree_on_one_key() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("master-key");

        let first = make(&file).unwrap();
        let second = make(&file).unwrap();

        assert!(is_same(&first, &second));
    }

    #[test]
    fn a_file_that_was_named_is_not_made() {
        let source = MasterKeySource { text: None, file: Some("/nonexistent/key".into()) };

        assert!(matches!(source.find(None), Err(MasterKeyError::Unreadable { .. })));
    }

    #[test]
    fn one_newline_is_cut_and_no_more() {
        assert!(from_env(text(1) + "\n").find(None).is_ok());
        for bad in
            [text(1) + "\n\n", text(1) + " ", text(1) + "=", text(1) + "A", String::new(), "a".repeat(42)]
        {
            assert!(matches!(from_env(bad).find(None), Err(MasterKeyError::Malformed { .. })));
        }
    }

    #[test]
    fn a_key_that_nobody_drew_is_refused() {
        let zeros = from_env(base64url::encode([0; 32]));

        assert!(matches!(zeros.find(None), Err(MasterKeyError::Weak { .. })));
    }

    #[test]
    fn a_file_that_others_can_read_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("master-key");
        for mode in [0o644, 0o640, 0o604, 0o660] {
            keep(&file, &text(1), mode);

            let refused = MasterKeySource::default().find(Some(file.clone()));

            assert!(matches!(refused, Err(MasterKeyError::Exposed { .. })), "{mode:o}");
        }
    }

    #[test]
    fn what_is_no_file_of_a_key_is_one_clear_error() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("master-key");
        let source = MasterKeySource { text: None, file: Some(dir.path().to_owned()) };
        assert!(matches!(source.find(None), Err(MasterKeyError::Unreadable { .. })));

        for bad in [&b"\xff\xfe"[..], b"", b"too short\n", &[b'A'; 5000]] {
            fs::write(&file, bad).unwrap();
            fs::set_permissions(&file, fs::Permissions::from_mode(0o600)).unwrap();
            let refused = MasterKeySource::default().find(Some(file.clone()));
            assert!(matches!(refused, Err(MasterKeyError::Malformed { .. })));
        }
    }

    #[test]
    fn environment_and_file_have_to_agree() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("master-key");
        keep(&file, &(text(1) + "\n"), 0o600);

        assert!(from_env(text(1)).find(Some(file.clone())).is_ok());
        let differing = from_env(text(2)).find(Some(file));
        assert!(matches!(differing, Err(MasterKeyError::Different { .. })));
    }

    #[test]
    fn no_message_shows_the_key() {
        let Err(error) = from_env("super-secret-but-wrong".into()).find(None) else { panic!("taken") };

        assert!(!format!("{error} {error:?} {}", error.hint()).contains("super-secret"));
    }
}
