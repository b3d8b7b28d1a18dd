//! Where the files of an existing store are: in a data directory, or next to the store of an application.

use std::path::{Path, PathBuf};

use crate::keys::master_key_file::{MasterKeyError, contain_same_key};
use crate::settings::Settings;
use crate::settings::store_url::StoreUrl;

/// It is unknown which master key belongs to a store.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FileLocationError {
    /// No key file exists.
    #[error("the master key of {store} is neither in {} nor in {}", in_dir.display(), beside.display())]
    Missing {
        /// The store.
        store: StoreUrl,
        /// The file in the data directory.
        in_dir: PathBuf,
        /// The file next to the store.
        beside: PathBuf,
    },
    /// Two files contain different keys.
    #[error("the master key of {store} may be the one in {} or the one in {}", in_dir.display(), beside.display())]
    Ambiguous {
        /// The store.
        store: StoreUrl,
        /// The file in the data directory.
        in_dir: PathBuf,
        /// The file next to the store.
        beside: PathBuf,
    },
    /// A key file cannot be used.
    #[error(transparent)]
    MasterKey(#[from] MasterKeyError),
}

impl FileLocationError {
    /// What to do about it.
    pub fn hint(&self) -> String {
        match self {
            Self::Missing { .. } => {
                "set --data-dir to the directory of its server, or --master-key-file to the file of the key"
                    .into()
            }
            Self::Ambiguous { beside, .. } => format!(
                "set --data-dir to the directory of its server, or --master-key-file {} if an application embeds \
                 the store",
                beside.display()
            ),
            Self::MasterKey(error) => error.hint(),
        }
    }
}

/// The settings with which the store of `settings` was opened before, by a server or by an application that embeds
/// it ([`Counterfoil`](crate::Counterfoil)). Only an administrator who names a store needs this.
///
/// A server has a data directory with the master key and the rollback guard. An application has none, and they are
/// next to the store, as `auth.db.key` and `auth.db.rollback-guard`. The key file that exists decides: with the wrong
/// one the keys in the store could not be decrypted. If the key is in the environment, the rollback guard decides.
///
/// ```
/// use std::fs;
/// use counterfoil::{Settings, operator};
///
/// # let temp = tempfile::tempdir()?;
/// # let dir = temp.path();
/// # fs::write(dir.join("auth.db.key"), "")?;
/// let store = format!("sqlite:{}", dir.join("auth.db").display()).parse()?;
/// let mut settings = Settings::new("https://shop.example".parse()?, store);
/// settings.data_dir = Some(dir.join("data"));
///
/// // `auth.db.key` exists, and `data/master-key` does not.
/// assert_eq!(operator::locate_files(settings)?.data_dir, None);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
///
/// If there is no key file, or two with different keys.
pub fn locate_files(settings: Settings) -> Result<Settings, FileLocationError> {
    let embedded = Settings { data_dir: None, ..settings.clone() };
    let files = (settings.default_master_key_file(), embedded.default_master_key_file());
    let (Some(in_dir), Some(beside), true) = (files.0, files.1, settings.data_dir.is_some()) else {
        return Ok(settings);
    };
    if let Some(file) = &settings.master_key.file {
        return Ok(if is_same_file(file, &beside) { embedded } else { settings });
    }
    let has_guard = |settings: &Settings| settings.rollback_guard_file().is_some_and(|file| file.exists());
    let is_embedded_only = has_guard(&embedded) && !has_guard(&settings);
    if settings.master_key.text.is_some() {
        return Ok(if is_embedded_only { embedded } else { settings });
    }
    let store = settings.store.clone();
    match (in_dir.exists(), beside.exists()) {
        (true, false) => Ok(settings),
        (false, true) => Ok(embedded),
        (false, false) => Err(FileLocationError::Missing { store, in_dir, beside }),
        (true, true) if !contain_same_key(&in_dir, &beside)? => {
            Err(FileLocationError::Ambiguous { store, in_dir, beside })
        }
        (true, true) => Ok(if is_embedded_only { embedded } else { settings }),
    }
}

fn is_same_file(one: &Path, other: &Path) -> bool {
    let canonical = |file: &Path| file.canonicalize().ok();
    one == other || canonical(one).is_some_and(|one| Some(one) == canonical(other))
}

#[cfg(test)]
mod tests {
    use std::fs::{self, Permissions};
    use std::os::unix::fs::PermissionsExt as _;

    use counterfoil_jose::{Secret, base64url};
    use tempfile::TempDir;

    use super::*;
    use crate::keys::master_key::MasterKeySource;

    /// A directory, and the settings of a server with the data directory `data` and the store `auth.db` in it.
    fn fixture() -> (TempDir, Settings) {
        let temp = tempfile::tempdir().unwrap();
        fs::create_dir(temp.path().join("data")).unwrap();
        let store = StoreUrl::Sqlite(temp.path().join("auth.db"));
        let settings = Settings::new("https://shop.example".parse().unwrap(), store);
        let data_dir = Some(temp.path().join("data"));
        (temp, Settings { data_dir, ..settings })
    }

    fn write_key(file: PathBuf, byte: u8) {
        let mut key = [byte; 32];
        key[0] = 0;
        fs::write(&file, base64url::encode(key)).unwrap();
        fs::set_permissions(file, Permissions::from_mode(0o600)).unwrap();
    }

    fn is_embedded(settings: &Settings) -> bool {
        locate_files(settings.clone()).unwrap().data_dir.is_none()
    }

    #[test]
    fn the_key_file_that_exists_decides() {
        let (temp, settings) = fixture();
        assert!(matches!(locate_files(settings.clone()), Err(FileLocationError::Missing { .. })));

        write_key(temp.path().join("auth.db.key"), 1);
        assert!(is_embedded(&settings));
        fs::rename(temp.path().join("auth.db.key"), temp.path().join("data/master-key")).unwrap();
        assert!(!is_embedded(&settings));
    }

    #[test]
    fn two_different_keys_are_refused_until_one_is_named() {
        let (temp, mut settings) = fixture();
        let [in_dir, beside] = ["data/master-key", "auth.db.key"].map(|name| temp.path().join(name));
        write_key(in_dir.clone(), 1);
        write_key(beside.clone(), 2);
        let refused = locate_files(settings.clone()).unwrap_err();
        assert!(
            matches!(refused, FileLocationError::Ambiguous { .. }) && refused.hint().contains("auth.db.key")
        );

        for (file, is_beside) in [(in_dir.clone(), false), (temp.path().join("./auth.db.key"), true)] {
            settings.master_key.file = Some(file);
            assert_eq!(is_embedded(&settings), is_beside);
        }
        settings.master_key.file = None;
        write_key(in_dir, 2);
        assert!(!is_embedded(&settings), "the keys are the same");
        fs::write(temp.path().join("auth.db.rollback-guard"), "").unwrap();
        assert!(is_embedded(&settings), "only the application has used the store");
    }

    #[test]
    fn the_rollback_guard_decides_if_the_key_is_in_the_environment() {
        let (temp, settings) = fixture();
        let text = Some(Secret::new("in the environment".to_owned()));
        let settings = Settings { master_key: MasterKeySource { text, file: None }, ..settings };

        assert!(!is_embedded(&settings));
        fs::write(temp.path().join("auth.db.rollback-guard"), "").unwrap();
        assert!(is_embedded(&settings));
        fs::write(temp.path().join("data/rollback-guard"), "").unwrap();
        assert!(!is_embedded(&settings));
    }
}
