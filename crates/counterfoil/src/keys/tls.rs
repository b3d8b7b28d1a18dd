//! TLS with a certificate from files, which are read again when they change.

use std::fs::{self, Metadata};
use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use rustls::ServerConfig;
use rustls::crypto::aws_lc_rs;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};

use counterfoil_jose::Secret;

use crate::runtime::task::{RESTART_DELAY, supervise};

/// How often the files are looked at.
const GLANCE: Duration = Duration::from_secs(5);

/// Where the certificate and its key are.
///
/// ```
/// use counterfoil::TlsFiles;
///
/// let files = TlsFiles { certificate: "/nowhere/chain.pem".into(), key: "/nowhere/key.pem".into() };
/// assert!(files.judge().is_err());
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TlsFiles {
    /// The certificate chain in PEM, the server's own first.
    pub certificate: PathBuf,
    /// The key that belongs to it, in PEM. Others must not be able to read it; a group may.
    pub key: PathBuf,
}

/// The certificate cannot be served.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TlsError {
    /// A file does not open.
    #[error("{} cannot be read", .0.display())]
    Unreadable(PathBuf, #[source] io::Error),
    /// Everybody can read the key.
    #[error("the TLS key {} can be read by others (mode {mode:03o})", file.display())]
    Exposed {
        /// Which file.
        file: PathBuf,
        /// Its permissions.
        mode: u32,
    },
    /// There is no certificate in the file.
    #[error("there is no certificate in {}", .0.display())]
    NoCertificate(PathBuf),
    /// There is no key in the file.
    #[error("there is no key in {}", .0.display())]
    NoKey(PathBuf),
    /// They are not of one pair, or of a kind that is not served.
    #[error("the certificate {} cannot be served with the key {}", files.certificate.display(), files.key.display())]
    Unfit {
        /// Which files.
        files: TlsFiles,
        /// Why not.
        #[source]
        source: rustls::Error,
    },
}

impl TlsError {
    /// What to do about it.
    pub const fn hint(&self) -> &'static str {
        match self {
            Self::Unreadable(..) => "make it readable for the user that the server runs as",
            Self::Exposed { .. } => "chmod o= the file; if others may have read it, get a new certificate",
            Self::NoCertificate(_) => {
                "it is to begin with -----BEGIN CERTIFICATE-----, the server's own first"
            }
            Self::NoKey(_) => "it is to hold one -----BEGIN PRIVATE KEY-----, without a passphrase",
            Self::Unfit { .. } => "name the two files that were made together",
        }
    }
}

impl TlsFiles {
    /// Whether they can be served.
    ///
    /// # Errors
    ///
    /// Says what is wrong with them.
    pub fn judge(&self) -> Result<(), TlsError> {
        self.load().map(drop)
    }

    /// TLS 1.2 and 1.3; HTTP/2 and HTTP/1.1, as the client likes (RFC 7301).
    fn load(&self) -> Result<Arc<ServerConfig>, TlsError> {
        let unfit = |source| TlsError::Unfit { files: self.clone(), source };
        let (chain, key) = (self.chain()?, self.private_key()?);
        let mut config = ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
            .with_safe_default_protocol_versions()
            .map_err(unfit)?
            .with_no_client_auth()
            .with_single_cert(chain, key)
            .map_err(unfit)?;
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
        let about = fs::metadata(file).map_err(|error| TlsError::Unreadable(file.clone(), error))?;
        if about.mode() & 0o007 != 0 {
            return Err(TlsError::Exposed { file: file.clone(), mode: about.mode() & 0o777 });
        }
        let pem = Secret::new(read(file)?);
        PrivateKeyDer::from_pem_slice(pem.expose()).map_err(|_| TlsError::NoKey(file.clone()))
    }

    /// What the system says of both files, as far as it changes when they do.
    fn stamp(&self) -> Stamp {
        [&self.certificate, &self.key].map(|file| fs::metadata(file).ok().map(|about| mark(&about)))
    }
}

/// What tells a file from the one that was there before: inode, length, and when it or what may be done with it
/// was last changed. A file that was refused for its mode is looked at again when that is mended.
type Stamp = [Option<(u64, u64, i64, i64)>; 2];

fn mark(about: &Metadata) -> (u64, u64, i64, i64) {
    (about.ino(), about.len(), about.ctime(), about.ctime_nsec())
}

fn read(file: &Path) -> Result<Vec<u8>, TlsError> {
    fs::read(file).map_err(|error| TlsError::Unreadable(file.to_owned(), error))
}

/// The certificate that is being served.
#[derive(Debug, Clone)]
pub(crate) struct Tls {
    files: TlsFiles,
    seen: Stamp,
    served: Certificate,
}

/// The certificate that new connections are taken with; all clones are one.
#[derive(Debug, Clone)]
pub(crate) struct Certificate(Arc<RwLock<Arc<ServerConfig>>>);

impl Certificate {
    fn new(config: Arc<ServerConfig>) -> Self {
        Self(Arc::new(RwLock::new(config)))
    }

    /// The one of the moment.
    pub(crate) fn served(&self) -> Arc<ServerConfig> {
        Arc::clone(&self.0.read().unwrap_or_else(PoisonError::into_inner))
    }

    fn replace(&self, config: Arc<ServerConfig>) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = config;
    }
}

impl Tls {
    /// Reads the files for the first time.
    pub(crate) fn open(files: TlsFiles) -> Result<Self, TlsError> {
        // Looked at before it is read: what changes in between is read once more.
        let seen = files.stamp();
        let served = Certificate::new(files.load()?);
        Ok(Self { files, seen, served })
    }

    /// What new connections are taken by. It serves what was read last.
    pub(crate) fn certificate(&self) -> Certificate {
        self.served.clone()
    }

    /// Looks at the files again and again, whatever happens there. Connections that are open stay as they are.
    pub(crate) async fn follow(self) {
        supervise("certificate", RESTART_DELAY, || self.clone().watch()).await;
    }

    async fn watch(mut self) {
        loop {
            tokio::time::sleep(GLANCE).await;
            match self.look() {
                Ok(false) => {}
                Ok(true) => tracing::info!("a new certificate is served"),
                Err(error) => {
                    let reason = std::error::Error::source(&error).map(ToString::to_string);
                    tracing::warn!(%error, reason, "the new certificate cannot be served; the old one is");
                }
            }
        }
    }

    /// Serves what is in the files, if that is new and can be served; says if it did. Each state of the files
    /// is tried once, so a bad one is told once.
    fn look(&mut self) -> Result<bool, TlsError> {
        let stamp = self.files.stamp();
        if stamp == self.seen {
            return Ok(false);
        }
        self.seen = stamp;
        self.served.replace(self.files.load()?);
        Ok(true)
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;
    use std::process::Command;

    use super::*;

    /// A fresh pair in `dir`, made by openssl as an operator would.
    fn make(dir: &Path, name: &str) -> TlsFiles {
        let files =
            TlsFiles { certificate: dir.join(format!("{name}.pem")), key: dir.join(format!("{name}.key")) };
        let made = Command::new("openssl")
            .args(["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"])
            .args(["-days", "2", "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost"])
            .args([Path::new("-keyout"), &files.key, Path::new("-out"), &files.certificate])
            .output()
            .unwrap();
        assert!(made.status.success(), "{made:?}");
        fs::set_permissions(&files.key, fs::Permissions::from_mode(0o600)).unwrap();
        files
    }

    fn put(from: &TlsFiles, to: &TlsFiles) {
        // As renewal does it: beside, and renamed into its place.
        for (from, to) in [(&from.certificate, &to.certificate), (&from.key, &to.key)] {
            fs::rename(from, to).unwrap();
        }
    }

    #[test]
    fn a_pair_is_served_and_halves_of_two_are_not() {
        let dir = tempfile::tempdir().unwrap();
        let (one, other) = (make(dir.path(), "one"), make(dir.path(), "other"));

        assert!(one.judge().is_ok());
        let mixed = TlsFiles { key: other.key.clone(), ..one.clone() };
        assert!(matches!(mixed.judge(), Err(TlsError::Unfit { .. })));
        let swapped = TlsFiles { certificate: one.key.clone(), key: one.key.clone() };
        assert!(matches!(swapped.judge(), Err(TlsError::NoCertificate(_))));
        let keyless = TlsFiles { certificate: one.certificate.clone(), key: one.certificate.clone() };
        fs::set_permissions(&keyless.key, fs::Permissions::from_mode(0o600)).unwrap();
        assert!(matches!(keyless.judge(), Err(TlsError::NoKey(_))));
    }

    #[test]
    fn a_key_that_everybody_can_read_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let files = make(dir.path(), "one");

        for (mode, is_fine) in [(0o600, true), (0o640, true), (0o644, false), (0o604, false)] {
            fs::set_permissions(&files.key, fs::Permissions::from_mode(mode)).unwrap();

            assert_eq!(files.judge().is_ok(), is_fine, "{mode:o}");
        }
    }

    #[test]
    fn a_new_pair_is_served_and_a_bad_one_leaves_the_old() {
        let dir = tempfile::tempdir().unwrap();
        let files = make(dir.path(), "served");
        let mut tls = Tls::open(files.clone()).unwrap();
        let first = tls.served.served();
        assert!(!tls.look().unwrap(), "nothing has changed");

        put(&make(dir.path(), "next"), &files);
        assert!(tls.look().unwrap());
        let second = tls.served.served();
        assert!(!Arc::ptr_eq(&first, &second));

        fs::write(&files.certificate, "nonsense").unwrap();
        assert!(tls.look().is_err());
        assert!(!tls.look().unwrap(), "it is told once");
        assert!(Arc::ptr_eq(&second, &tls.served.served()));

        put(&make(dir.path(), "exposed"), &files);
        fs::set_permissions(&files.key, fs::Permissions::from_mode(0o644)).unwrap();
        assert!(tls.look().is_err());
        fs::set_permissions(&files.key, fs::Permissions::from_mode(0o600)).unwrap();
        assert!(tls.look().unwrap(), "what was mended is looked at again");

        fs::remove_file(&files.certificate).unwrap();
        assert!(tls.look().is_err());
        put(&make(dir.path(), "last"), &files);
        assert!(tls.look().unwrap());
    }
}
