//! Where the shared cache of sessions is: the URL of a Redis or Valkey installation, which may be in a file.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use counterfoil_files::path_hint;
use counterfoil_jose::Secret;

use crate::settings::secret_url_file::{SecretUrlFileError, read_secret_url};

/// The URL of a shared cache, such as `rediss://USER:PASSWORD@HOST`, `redis+sentinel://HOST,HOST/NAME` or
/// `redis+cluster://HOST,HOST`.
///
/// Its text and its debug output contain neither the user, nor the password, nor the parameters.
///
/// ```
/// use counterfoil::CacheUrl;
///
/// let cache: CacheUrl = "rediss://auth:swordfish@cache.example".parse()?;
/// assert_eq!(cache.to_string(), "rediss://cache.example");
/// assert!(cache.has_password() && cache.uses_tls());
/// assert!("memcached://cache".parse::<CacheUrl>().is_err());
/// # Ok::<(), counterfoil::CacheUrlError>(())
/// ```
#[derive(Clone)]
pub struct CacheUrl {
    text: Secret<String>,
    file: Option<PathBuf>,
}

/// A text is not the URL of a cache.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the cache must be a URL like redis://cache.example or rediss://cache.example")]
pub struct CacheUrlError;

/// The URL of the cache cannot be read from a file. No variant contains the content.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CacheFileError {
    /// The file cannot be read.
    #[error("{} cannot be read", file.display())]
    Unreadable {
        /// The file.
        file: PathBuf,
        /// The error of the operating system.
        #[source]
        source: io::Error,
    },
    /// Other users can read the file.
    #[error("other users can read {}", .0.display())]
    NotSecret(PathBuf),
    /// The content is not the URL of a cache.
    #[error("{} does not contain the URL of a cache", .0.display())]
    Invalid(PathBuf, #[source] CacheUrlError),
}

impl CacheFileError {
    /// What to do about it.
    pub fn hint(&self) -> String {
        match self {
            Self::Unreadable { file, source } => path_hint(file, source)
                .unwrap_or_else(|| "name a file that the user of this process may read".to_owned()),
            Self::NotSecret(file) => format!("chmod 600 {}", file.display()),
            Self::Invalid(..) => "write one line like rediss://USER:PASSWORD@HOST into it".to_owned(),
        }
    }
}

/// The schemes, with and without TLS, each also with `+sentinel` and `+cluster`.
const SCHEMES: [&str; 4] = ["redis", "rediss", "valkey", "valkeys"];

impl CacheUrl {
    /// Reads the URL from the first line of a file that only its owner, and perhaps its group, can read.
    ///
    /// # Errors
    ///
    /// If the file cannot be read, other users can read it, or it contains no URL of a cache.
    pub fn read_file(file: &Path) -> Result<Self, CacheFileError> {
        let text = read_secret_url(file).map_err(|error| match error {
            SecretUrlFileError::Unreadable(source) => {
                CacheFileError::Unreadable { file: file.to_owned(), source }
            }
            SecretUrlFileError::NotSecret => CacheFileError::NotSecret(file.to_owned()),
        })?;
        let url: Self =
            text.expose().parse().map_err(|error| CacheFileError::Invalid(file.to_owned(), error))?;
        Ok(Self { file: Some(file.to_owned()), ..url })
    }

    /// The file from which it was read.
    #[cfg(feature = "redis")]
    pub(crate) fn file(&self) -> Option<&Path> {
        self.file.as_deref()
    }

    /// The whole text, for the back end alone.
    #[cfg(feature = "redis")]
    pub(crate) fn expose(&self) -> &str {
        self.text.expose()
    }

    /// Whether the text contains a password.
    pub fn has_password(&self) -> bool {
        self.parts().1.is_some_and(|credentials| credentials.contains(':'))
    }

    /// Whether connections are encrypted.
    pub fn uses_tls(&self) -> bool {
        let base = self.parts().0.split('+').next().unwrap_or_default();
        base.ends_with("ss") || base == "valkeys"
    }

    /// The hosts and their ports, as they are written.
    pub fn hosts(&self) -> impl Iterator<Item = &str> {
        self.parts().2.split(['/', '?']).next().unwrap_or_default().split(',')
    }

    /// The scheme, user and password, and the rest. A password may contain any character that somebody forgot to encode, so
    /// everything before the last `@` belongs to it.
    fn parts(&self) -> (&str, Option<&str>, &str) {
        let (scheme, rest) = self.text.expose().split_once("://").unwrap_or_default();
        match rest.rsplit_once('@') {
            Some((credentials, address)) => (scheme, Some(credentials), address),
            None => (scheme, None, rest),
        }
    }
}

impl FromStr for CacheUrl {
    type Err = CacheUrlError;

    fn from_str(text: &str) -> Result<Self, CacheUrlError> {
        let scheme = text.split_once("://").map(|(scheme, _)| scheme).ok_or(CacheUrlError)?;
        let base = scheme.strip_suffix("+sentinel").or(scheme.strip_suffix("+cluster")).unwrap_or(scheme);
        let is_one = SCHEMES.contains(&base);
        is_one.then(|| Self { text: Secret::new(text.to_owned()), file: None }).ok_or(CacheUrlError)
    }
}

impl PartialEq for CacheUrl {
    fn eq(&self, other: &Self) -> bool {
        self.text.expose() == other.text.expose()
    }
}

impl Eq for CacheUrl {}

impl fmt::Display for CacheUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (scheme, _, address) = self.parts();
        write!(f, "{scheme}://{}", address.split('?').next().unwrap_or_default())
    }
}

impl fmt::Debug for CacheUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "CacheUrl({self})")
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[test]
    fn neither_its_text_nor_its_debug_output_has_the_password() {
        for (text, shown) in [
            ("redis://cache:6379/1", "redis://cache:6379/1"),
            ("rediss://auth:swordfish@cache?ca_file=x", "rediss://cache"),
            ("redis+sentinel://:sword@fish@a,b/main", "redis+sentinel://a,b/main"),
            ("redis+cluster://:sword/fish?@a,b", "redis+cluster://a,b"),
        ] {
            let url: CacheUrl = text.parse().unwrap();
            assert_eq!(url.to_string(), shown);
            assert_eq!(format!("{url:?}"), format!("CacheUrl({shown})"));
            assert_eq!(url.has_password(), text.contains("sword"), "{text}");
            assert_eq!(url.uses_tls(), text.starts_with("rediss"), "{text}");
        }
        for wrong in ["cache:6379", "http://cache", "redis+other://cache", ""] {
            assert!(wrong.parse::<CacheUrl>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_url_is_read_from_a_file_that_other_users_cannot_read() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("cache");
        fs::write(&file, "redis://:swordfish@cache\n").unwrap();
        fs::set_permissions(&file, fs::Permissions::from_mode(0o644)).unwrap();
        assert!(matches!(CacheUrl::read_file(&file), Err(CacheFileError::NotSecret(_))));

        fs::set_permissions(&file, fs::Permissions::from_mode(0o600)).unwrap();
        assert_eq!(CacheUrl::read_file(&file).unwrap(), "redis://:swordfish@cache".parse().unwrap());

        fs::write(&file, "swordfish").unwrap();
        let error = CacheUrl::read_file(&file).unwrap_err();
        assert!(!format!("{error} {error:?} {}", error.hint()).contains("swordfish"));
    }
}
