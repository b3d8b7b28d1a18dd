//! The source of the master key: 32 bytes outside the store that decrypt the keys in the store.

use std::io;
use std::path::PathBuf;

use counterfoil_jose::{SealingKey, Secret, constant_time};

use crate::keys::master_key_file::{MasterKeyError, parse, read, sealing_key};
use crate::keys::master_key_rotation::PendingMasterKey;

/// Where the master key comes from.
///
/// The text comes from the environment and has priority over the file; if both exist they must contain the
/// same key. With neither, the file is in its default place and is created at the first start.
#[derive(Debug, Clone, Default)]
pub struct MasterKeySource {
    /// The key itself: 32 bytes as base64url. One trailing newline is removed.
    pub text: Option<Secret<String>>,
    /// The file that contains it, if it is not in the default place. The file must exist.
    pub file: Option<PathBuf>,
}

/// The result of [`MasterKeySource::resolve`].
#[derive(Debug)]
pub(crate) enum ResolvedMasterKey {
    /// The key. If a replacement of it was interrupted, also the key that was to replace it.
    Found(SealingKey, Option<PendingMasterKey>),
    /// No key exists. For a new store, create it in this file.
    ToCreate(PathBuf),
}

impl MasterKeySource {
    /// Reads and validates the key; `default` is the file to use if none is configured. Nothing is created.
    pub(crate) fn resolve(&self, default: Option<PathBuf>) -> Result<ResolvedMasterKey, MasterKeyError> {
        let text = self.text.as_ref().map(|text| parse(text.expose(), "the environment")).transpose()?;
        let Some(file) = self.file.clone().or(default) else {
            let found = text.map(|key| ResolvedMasterKey::Found(sealing_key(&key), None));
            return found.ok_or(MasterKeyError::NoLocation);
        };
        match (text, read(&file)?) {
            (Some(text), Some(stored)) if !constant_time::equal(text.expose(), stored.expose()) => {
                Err(MasterKeyError::Mismatch { file })
            }
            (Some(key), _) | (None, Some(key)) => {
                Ok(ResolvedMasterKey::Found(sealing_key(&key), PendingMasterKey::load(&file)?))
            }
            // A configured file is never created: its absence is an error of the configuration.
            (None, None) if self.file.is_some() => {
                Err(MasterKeyError::Unreadable { source: io::ErrorKind::NotFound.into(), file })
            }
            (None, None) => Ok(ResolvedMasterKey::ToCreate(file)),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
    use std::path::Path;

    use counterfoil_jose::base64url;

    use super::*;
    use crate::keys::master_key_file::create;

    fn text(byte: u8) -> String {
        let mut key = [byte; 32];
        key[0] = byte.wrapping_add(1);
        base64url::encode(key)
    }

    fn from_env(text: String) -> MasterKeySource {
        MasterKeySource { text: Some(Secret::new(text)), file: None }
    }

    fn write(file: &Path, text: &str, mode: u32) {
        fs::write(file, text).unwrap();
        fs::set_permissions(file, fs::Permissions::from_mode(mode)).unwrap();
    }

    fn is_same(one: &SealingKey, other: &SealingKey) -> bool {
        one.open(b"c", &other.seal(b"c", b"x").unwrap()).is_ok()
    }

    fn found(resolved: ResolvedMasterKey) -> SealingKey {
        match resolved {
            ResolvedMasterKey::Found(key, _) => key,
            ResolvedMasterKey::ToCreate(file) => panic!("{} does not exist", file.display()),
        }
    }

    #[test]
    fn the_first_start_creates_a_key_file_for_its_owner_alone() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("master-key");

        let source = MasterKeySource::default();
        assert!(matches!(source.resolve(Some(file.clone())), Ok(ResolvedMasterKey::ToCreate(_))));
        let created = create(&file).unwrap();

        assert_eq!(fs::metadata(&file).unwrap().mode() & 0o777, 0o600);
        assert!(is_same(&created, &found(source.resolve(Some(file)).unwrap())));
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1, "no temporary file is left");
    }

    #[test]
    fn two_first_starts_agree_on_one_key() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("master-key");

        let first = create(&file).unwrap();
        let second = create(&file).unwrap();

        assert!(is_same(&first, &second));
    }

    #[test]
    fn a_configured_file_is_not_created() {
        let source = MasterKeySource { text: None, file: Some("/nonexistent/key".into()) };

        assert!(matches!(source.resolve(None), Err(MasterKeyError::Unreadable { .. })));
    }

    #[test]
    fn exactly_one_trailing_newline_is_removed() {
        assert!(from_env(text(1) + "\n").resolve(None).is_ok());
        for bad in
            [text(1) + "\n\n", text(1) + " ", text(1) + "=", text(1) + "A", String::new(), "a".repeat(42)]
        {
            assert!(matches!(from_env(bad).resolve(None), Err(MasterKeyError::Malformed { .. })));
        }
    }

    #[test]
    fn a_key_of_one_repeated_byte_is_refused() {
        let zeros = from_env(base64url::encode([0; 32]));

        assert!(matches!(zeros.resolve(None), Err(MasterKeyError::Weak { .. })));
    }

    #[test]
    fn a_file_that_other_users_can_read_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("master-key");
        for mode in [0o644, 0o444, 0o604, 0o606, 0o666] {
            write(&file, &text(1), mode);

            let refused = MasterKeySource::default().resolve(Some(file.clone()));

            assert!(matches!(refused, Err(MasterKeyError::InsecureMode { .. })), "{mode:o}");
        }
    }

    #[test]
    fn a_file_that_only_its_group_can_read_is_used() {
        let dir = tempfile::tempdir().unwrap();
        let mount = dir.path().join("..2026");
        fs::create_dir(&mount).unwrap();
        // As Kubernetes mounts a secret: behind links, and for the group of the container.
        symlink("..2026", dir.path().join("..data")).unwrap();
        symlink("..data/master-key", dir.path().join("master-key")).unwrap();
        write(&mount.join("master-key"), &text(1), 0o600);
        for mode in [0o440, 0o640, 0o660] {
            fs::set_permissions(mount.join("master-key"), fs::Permissions::from_mode(mode)).unwrap();

            let source = MasterKeySource { text: None, file: Some(dir.path().join("master-key")) };

            assert!(matches!(source.resolve(None), Ok(ResolvedMasterKey::Found(..))), "{mode:o}");
        }
    }

    #[test]
    fn a_file_without_a_valid_key_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("master-key");
        let source = MasterKeySource { text: None, file: Some(dir.path().to_owned()) };
        assert!(matches!(source.resolve(None), Err(MasterKeyError::Unreadable { .. })));

        for bad in [&b"\xff\xfe"[..], b"", b"too short\n", &[b'A'; 5000]] {
            fs::write(&file, bad).unwrap();
            fs::set_permissions(&file, fs::Permissions::from_mode(0o600)).unwrap();
            let refused = MasterKeySource::default().resolve(Some(file.clone()));
            assert!(matches!(refused, Err(MasterKeyError::Malformed { .. })));
        }
    }

    #[test]
    fn the_environment_and_the_file_must_contain_the_same_key() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("master-key");
        write(&file, &(text(1) + "\n"), 0o600);

        assert!(from_env(text(1)).resolve(Some(file.clone())).is_ok());
        let different = from_env(text(2)).resolve(Some(file));
        assert!(matches!(different, Err(MasterKeyError::Mismatch { .. })));
    }

    #[test]
    fn no_error_message_contains_the_key() {
        let Err(error) = from_env("super-secret-but-wrong".into()).resolve(None) else { panic!("accepted") };

        assert!(!format!("{error} {error:?} {}", error.hint()).contains("super-secret"));
    }
}
