//! Checks of an installation before it is opened. Nothing is created, changed or locked.

use std::io;
use std::path::Path;

use counterfoil_files::{check_writable_directory, parent_directory};

use crate::app::App;
use crate::app::backend::check_cache;
use crate::app::error::OpenError;
use crate::keys::master_key::ResolvedMasterKey;
use crate::keys::master_key_file::MasterKeyError;
use crate::keys::tls::TlsError;
use crate::passwords::breached::BreachedFile;
use crate::settings::Settings;
use crate::settings::data_dir::{self, DataDirError};
use crate::settings::store_url::StoreUrl;

/// A reason why an installation cannot be opened or served.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PreflightError {
    /// It cannot be opened.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// It cannot be served over TLS.
    #[error(transparent)]
    Tls(#[from] TlsError),
}

impl PreflightError {
    /// What to do about it, if anything can be done.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Open(error) => error.hint(),
            Self::Tls(error) => Some(error.hint().to_owned()),
        }
    }
}

/// Finds every reason why [`App::open`](crate::App::open) or [`serve`](crate::serve) would fail with these
/// settings, as far as that is visible without opening the store.
///
/// ```
/// use counterfoil::{Settings, operator};
///
/// let mut settings = Settings::new("https://auth.example".parse()?, "sqlite:auth.db".parse()?);
/// settings.data_dir = Some("/nowhere/at/all".into());
/// settings.breached_passwords = Some("/nowhere/breached".into());
///
/// assert_eq!(operator::preflight_errors(&settings).len(), 2);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn preflight_errors(settings: &Settings) -> Vec<PreflightError> {
    let mut errors: Vec<PreflightError> = Vec::new();
    let dir = settings.data_dir.as_deref().map_or(Ok(()), check_data_dir);
    let is_dir_usable = dir.is_ok();
    errors.extend(dir.err().map(PreflightError::from));
    // What is wrong with the directory is wrong with the key in it.
    if is_dir_usable || settings.master_key.file.is_some() {
        let key = settings.master_key.resolve(settings.default_master_key_file());
        errors.extend(key.err().map(|error| OpenError::from(error).into()));
    }
    let breached = settings.breached_passwords.as_deref().map(BreachedFile::open).transpose();
    errors.extend(breached.err().map(|error| OpenError::from(error).into()));
    errors.extend(check_cache(settings).err().map(|error| OpenError::Cache(error).into()));
    let cookies = settings.cookies.for_issuer(&settings.issuer);
    errors.extend(cookies.err().map(|error| OpenError::from(error).into()));
    let hosts = settings.forward_auth.check_hosts();
    errors.extend(hosts.err().map(|error| OpenError::from(error).into()));
    let tls = settings.tls.as_ref().map_or(Ok(()), |files| files.check());
    errors.extend(tls.err().map(PreflightError::from));
    errors
}

/// Checks that the directory exists and others cannot write to it, or that its parent exists.
fn check_data_dir(dir: &Path) -> Result<(), OpenError> {
    let unusable = |source| OpenError::from(DataDirError::Unusable { dir: dir.to_owned(), source });
    match dir.metadata() {
        Ok(metadata) if metadata.is_dir() => Ok(data_dir::check(dir)?),
        Ok(_) => Err(unusable(io::ErrorKind::NotADirectory.into())),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            check_writable_directory(parent_directory(dir)).map_err(unusable)
        }
        Err(error) => Err(unusable(error)),
    }
}

/// Reports that the store exists and its master key file does not.
///
/// An interrupted first start leaves such a store, in which nothing is encrypted yet, and it can be opened. A
/// caller that opens the store anyway must not rely on this check.
///
/// ```
/// use counterfoil::{Settings, operator};
///
/// let settings = Settings::new("https://auth.example".parse()?, "sqlite:/nowhere/auth.db".parse()?);
/// assert!(operator::missing_master_key(&settings).is_none(), "there is no store yet");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn missing_master_key(settings: &Settings) -> Option<PreflightError> {
    match settings.master_key.resolve(settings.default_master_key_file()) {
        // Whether a database server has the store is not known before it is opened.
        Ok(ResolvedMasterKey::ToCreate(_)) if matches!(settings.store, StoreUrl::Postgres(_)) => None,
        Ok(ResolvedMasterKey::ToCreate(file)) if App::store_exists(settings) => {
            Some(OpenError::from(MasterKeyError::Missing { file }).into())
        }
        Ok(ResolvedMasterKey::ToCreate(_) | ResolvedMasterKey::Found(..)) | Err(_) => None,
    }
}
