//! What can be said of an installation before it is opened: nothing is made, changed or locked.

use std::io;
use std::path::Path;

use crate::app::{App, OpenError};
use crate::keys::master_key::{Found, MasterKeyError};
use crate::keys::tls::TlsError;
use crate::passwords::breached::BreachedFile;
use crate::settings::Settings;
use crate::settings::data_dir::DataDirError;

/// Why an installation would not be served.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Unfit {
    /// It would not open.
    #[error(transparent)]
    Closed(#[from] OpenError),
    /// It could not be served over TLS.
    #[error(transparent)]
    Tls(#[from] TlsError),
}

impl Unfit {
    /// What to do about it, where there is something to say.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Closed(error) => error.hint(),
            Self::Tls(error) => Some(error.hint().to_owned()),
        }
    }
}

/// Everything about these settings that would keep [`App::open`](crate::App::open) or
/// [`server::serve`](crate::server::serve) from succeeding, as far as it can be seen without opening the store.
///
/// ```
/// use counterfoil::{Settings, operator};
///
/// let mut settings = Settings::new("https://auth.example".parse()?, "sqlite:auth.db".parse()?);
/// settings.data_dir = Some("/nowhere/at/all".into());
/// settings.breached_passwords = Some("/nowhere/breached".into());
///
/// assert_eq!(operator::faults(&settings).len(), 2);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn faults(settings: &Settings) -> Vec<Unfit> {
    let mut faults: Vec<Unfit> = Vec::new();
    let dir = settings.data_dir.as_deref().map_or(Ok(()), data_dir);
    faults.extend(dir.err().map(Unfit::from));
    let key = settings.master_key.find(settings.default_master_key_file());
    faults.extend(key.err().map(|error| OpenError::from(error).into()));
    let breached = settings.breached_passwords.as_deref().map(BreachedFile::open).transpose();
    faults.extend(breached.err().map(|error| OpenError::from(error).into()));
    let tls = settings.tls.as_ref().map_or(Ok(()), |files| files.judge());
    faults.extend(tls.err().map(Unfit::from));
    faults
}

/// The directory is there, or its parent is.
fn data_dir(dir: &Path) -> Result<(), OpenError> {
    let parent = dir.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let kind = match dir.exists() {
        true if dir.is_dir() => return Ok(()),
        true => io::ErrorKind::NotADirectory,
        false if parent.is_dir() => return Ok(()),
        false => io::ErrorKind::NotFound,
    };
    Err(DataDirError { dir: dir.to_owned(), source: kind.into() }.into())
}

/// That the key a store is sealed with is not there, as far as it is seen from outside.
///
/// A first start that was cut off leaves a store in which nothing is sealed yet, and opens without a key. Only
/// opening it tells, so whoever is going to does not go by this.
///
/// ```
/// use counterfoil::{Settings, operator};
///
/// let settings = Settings::new("https://auth.example".parse()?, "sqlite:/nowhere/auth.db".parse()?);
/// assert!(operator::lost_key(&settings).is_none(), "there is no store yet");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn lost_key(settings: &Settings) -> Option<Unfit> {
    match settings.master_key.find(settings.default_master_key_file()) {
        Ok(Found::ToBeMade(file)) if App::has_store(settings) => {
            Some(OpenError::from(MasterKeyError::Missing { file }).into())
        }
        Ok(Found::ToBeMade(_) | Found::Key(..)) | Err(_) => None,
    }
}
