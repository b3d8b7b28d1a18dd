//! TLS for the listener: loads the certificate and its key from files, and reloads them when they change.

use std::fs::{self, Metadata};
use std::io::{self, Read as _};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use rustls::ServerConfig;
use rustls::crypto::aws_lc_rs;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};

use counterfoil_files::open_configured;

use crate::fs::secret_file::{self, FileOwner, SecretFileError};
use crate::keys::tls_files::TlsFiles;
use crate::runtime::error_chain::error_chain;
use crate::runtime::task::{RESTART_DELAY, supervise};

/// How often the files are checked for changes.
const POLL_INTERVAL: Duration = Duration::from_secs(5);

/// The most bytes of a file that are read: many times the longest chain in use.
const MAX_LENGTH: u64 = 1024 * 1024;

/// The certificate cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TlsError {
    /// A file cannot be read.
    #[error("{} cannot be read", .0.display())]
    Unreadable(PathBuf, #[source] io::Error),
    /// All users can read the key.
    #[error("the TLS key {} can be read by other users (mode {mode:03o})", file.display())]
    InsecureMode {
        /// The file.
        file: PathBuf,
        /// Its permissions.
        mode: u32,
    },
    /// Other users can replace the files in the directory of the key.
    #[error("other users can replace the files in {} (mode {mode:04o})", dir.display())]
    InsecureDirectory {
        /// The directory.
        dir: PathBuf,
        /// Its permissions.
        mode: u32,
    },
    /// The key belongs to another user, in a directory in which all users can create files.
    #[error("the TLS key {} belongs to another user ({owner})", file.display())]
    WrongOwner {
        /// The file.
        file: PathBuf,
        /// The user's id.
        owner: u32,
    },
    /// The file contains no certificate.
    #[error("there is no certificate in {}", .0.display())]
    NoCertificate(PathBuf),
    /// The file contains no private key.
    #[error("there is no private key in {}", .0.display())]
    NoKey(PathBuf),
    /// The certificate and the key do not belong together, or their kind is not supported.
    #[error("the certificate {} cannot be used with the key {}", files.certificate.display(), files.key.display())]
    Mismatch {
        /// The files.
        files: TlsFiles,
        /// The reason.
        #[source]
        source: rustls::Error,
    },
}

impl TlsError {
    /// What to do about it.
    pub const fn hint(&self) -> &'static str {
        match self {
            Self::Unreadable(..) => "make it readable for the user that runs the server",
            Self::InsecureMode { .. } => {
                "chmod o= the file; if other users may have read it, get a new certificate"
            }
            Self::InsecureDirectory { .. } => "chmod o-w the directory, or keep the key in another one",
            Self::WrongOwner { .. } => {
                "chown it to the user that runs the server, or keep it in another directory"
            }
            Self::NoCertificate(_) => {
                "it must begin with -----BEGIN CERTIFICATE-----, the server's own certificate first"
            }
            Self::NoKey(_) => "it must contain one -----BEGIN PRIVATE KEY-----, without a passphrase",
            Self::Mismatch { .. } => "name a certificate and the key that was generated for it",
        }
    }
}

impl TlsFiles {
    /// Checks that the certificate and the key can be used.
    ///
    /// # Errors
    ///
    /// The first problem found.
    pub fn check(&self) -> Result<(), TlsError> {
        self.load().map(drop)
    }

    /// Loads them for TLS 1.2 and 1.3, with HTTP/2 and HTTP/1.1 negotiated by ALPN (RFC 7301).
    fn load(&self) -> Result<Arc<ServerConfig>, TlsError> {
        let mismatch = |source| TlsError::Mismatch { files: self.clone(), source };
        let (chain, key) = (self.chain()?, self.private_key()?);
        let mut config = ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
            .with_safe_default_protocol_versions()
            .map_err(mismatch)?
            .with_no_client_auth()
            .with_single_cert(chain, key)
            .map_err(mismatch)?;
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        Ok(Arc::new(config))
    }

    fn chain(&self) -> Result<Vec<CertificateDer<'static>>, TlsError> {
        let pem = read(&self.certificate)?;
        let chain: Vec<_> = CertificateDer::pem_slice_iter(&pem)
            .collect::<Result<_, _>>()
            .map_err(|_| TlsError::NoCertificate(self.certificate.clone()))?;
        match chain.is_empty() {
            true => Err(TlsError::NoCertificate(self.certificate.clone())),
            false => Ok(chain),
        }
    }

    fn private_key(&self) -> Result<PrivateKeyDer<'static>, TlsError> {
        let file = &self.key;
        let pem = secret_file::read(file, FileOwner::Any, MAX_LENGTH).map_err(|error| {
            let file = file.clone();
            match error {
                SecretFileError::Unreadable(source) => TlsError::Unreadable(file, source),
                SecretFileError::InsecureMode(mode) => TlsError::InsecureMode { file, mode },
                SecretFileError::InsecureDirectory { dir, mode } => TlsError::InsecureDirectory { dir, mode },
                SecretFileError::WrongOwner(owner) => TlsError::WrongOwner { file, owner },
            }
        })?;
        PrivateKeyDer::from_pem_slice(pem.expose()).map_err(|_| TlsError::NoKey(file.clone()))
    }

    fn versions(&self) -> FileVersions {
        [&self.certificate, &self.key].map(|file| fs::metadata(file).ok().map(|metadata| version(&metadata)))
    }
}

/// Inode, length and change time of both files; `None` for a missing file. The change time also changes with
/// the permissions, so that a file that was refused for its mode is loaded after a `chmod`.
type FileVersions = [Option<(u64, u64, i64, i64)>; 2];

fn version(metadata: &Metadata) -> (u64, u64, i64, i64) {
    (metadata.ino(), metadata.len(), metadata.ctime(), metadata.ctime_nsec())
}

fn read(file: &Path) -> Result<Vec<u8>, TlsError> {
    let mut bytes = Vec::new();
    let read = open_configured(file).and_then(|opened| opened.take(MAX_LENGTH).read_to_end(&mut bytes));
    read.map(|_| bytes).map_err(|error| TlsError::Unreadable(file.to_owned(), error))
}

/// The certificate for new connections. Clones share it.
#[derive(Debug, Clone)]
pub(crate) struct CurrentCertificate(Arc<RwLock<Arc<ServerConfig>>>);

impl CurrentCertificate {
    fn new(config: Arc<ServerConfig>) -> Self {
        Self(Arc::new(RwLock::new(config)))
    }

    /// The configuration with the certificate that was loaded last.
    pub(crate) fn config(&self) -> Arc<ServerConfig> {
        Arc::clone(&self.0.read().unwrap_or_else(PoisonError::into_inner))
    }

    fn replace(&self, config: Arc<ServerConfig>) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = config;
    }
}

/// Reloads the certificate when its files change.
#[derive(Debug, Clone)]
pub(crate) struct CertificateReloader {
    files: TlsFiles,
    loaded: FileVersions,
    current: CurrentCertificate,
}

impl CertificateReloader {
    /// Loads the files for the first time.
    pub(crate) fn open(files: TlsFiles) -> Result<Self, TlsError> {
        // Before the content is read: a change in between causes one more reload.
        let loaded = files.versions();
        let current = CurrentCertificate::new(files.load()?);
        Ok(Self { files, loaded, current })
    }

    /// The certificate for new connections.
    pub(crate) fn certificate(&self) -> CurrentCertificate {
        self.current.clone()
    }

    /// Checks the files periodically until it is cancelled. Open connections keep their certificate.
    pub(crate) async fn run(self) {
        supervise("certificate", RESTART_DELAY, || self.clone().poll()).await;
    }

    async fn poll(mut self) {
        loop {
            tokio::time::sleep(POLL_INTERVAL).await;
            match self.reload_if_changed() {
                Ok(false) => {}
                Ok(true) => tracing::info!("a new TLS certificate is in use"),
                Err(error) => {
                    let error = error_chain(&error);
                    tracing::warn!(error, "the new TLS certificate cannot be used; the old one stays in use");
                }
            }
        }
    }

    /// Loads the files if they have changed; returns whether they were loaded. Each version of the files is
    /// tried once, so that an unusable one is logged once.
    fn reload_if_changed(&mut self) -> Result<bool, TlsError> {
        let versions = self.files.versions();
        if versions == self.loaded {
            return Ok(false);
        }
        self.loaded = versions;
        self.current.replace(self.files.load()?);
        Ok(true)
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use counterfoil_test_support::{ServerCertificate, self_signed_certificate};

    use super::*;

    fn generate(dir: &Path, name: &str) -> TlsFiles {
        let ServerCertificate { certificate, key } = self_signed_certificate(dir, name, "localhost");
        TlsFiles { certificate, key }
    }

    fn rename(from: &TlsFiles, to: &TlsFiles) {
        // As certificate renewal does it: written to another file, then renamed.
        for (from, to) in [(&from.certificate, &to.certificate), (&from.key, &to.key)] {
            fs::rename(from, to).unwrap();
        }
    }

    #[test]
    fn a_certificate_is_used_only_with_its_own_key() {
        let dir = tempfile::tempdir().unwrap();
        let (one, other) = (generate(dir.path(), "one"), generate(dir.path(), "other"));

        assert!(one.check().is_ok());
        let mixed = TlsFiles { key: other.key.clone(), ..one.clone() };
        assert!(matches!(mixed.check(), Err(TlsError::Mismatch { .. })));
        let swapped = TlsFiles { certificate: one.key.clone(), key: one.key.clone() };
        assert!(matches!(swapped.check(), Err(TlsError::NoCertificate(_))));
        let keyless = TlsFiles { certificate: one.certificate.clone(), key: one.certificate.clone() };
        fs::set_permissions(&keyless.key, fs::Permissions::from_mode(0o600)).unwrap();
        assert!(matches!(keyless.check(), Err(TlsError::NoKey(_))));
    }

    #[test]
    fn a_key_that_all_users_can_read_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let files = generate(dir.path(), "one");

        for (mode, is_accepted) in [(0o600, true), (0o640, true), (0o644, false), (0o604, false)] {
            fs::set_permissions(&files.key, fs::Permissions::from_mode(mode)).unwrap();

            assert_eq!(files.check().is_ok(), is_accepted, "{mode:o}");
        }
    }

    #[test]
    fn an_unusable_new_certificate_leaves_the_old_one_in_use() {
        let dir = tempfile::tempdir().unwrap();
        let files = generate(dir.path(), "served");
        let mut tls = CertificateReloader::open(files.clone()).unwrap();
        let first = tls.current.config();
        assert!(!tls.reload_if_changed().unwrap(), "the files have not changed");

        rename(&generate(dir.path(), "next"), &files);
        assert!(tls.reload_if_changed().unwrap());
        let second = tls.current.config();
        assert!(!Arc::ptr_eq(&first, &second));

        fs::write(&files.certificate, "nonsense").unwrap();
        assert!(tls.reload_if_changed().is_err());
        assert!(!tls.reload_if_changed().unwrap(), "each version is tried once");
        assert!(Arc::ptr_eq(&second, &tls.current.config()));

        rename(&generate(dir.path(), "exposed"), &files);
        fs::set_permissions(&files.key, fs::Permissions::from_mode(0o644)).unwrap();
        assert!(tls.reload_if_changed().is_err());
        fs::set_permissions(&files.key, fs::Permissions::from_mode(0o600)).unwrap();
        assert!(tls.reload_if_changed().unwrap(), "a change of the mode causes a reload");

        fs::remove_file(&files.certificate).unwrap();
        assert!(tls.reload_if_changed().is_err());
        rename(&generate(dir.path(), "last"), &files);
        assert!(tls.reload_if_changed().unwrap());
    }
}
