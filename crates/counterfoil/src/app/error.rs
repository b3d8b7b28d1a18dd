//! The reasons why an installation cannot be opened.

use counterfoil_core::services::keys::active_keys::ActiveKeysError;
use counterfoil_core::services::password_hasher::HashingError;
use counterfoil_core::store::StoreError;

use crate::app::backend::StoreBackendError;
use crate::keys::master_key_file::MasterKeyError;
use crate::passwords::breached::BreachedError;
use crate::settings::cookie_options::CookieOptionsError;
use crate::settings::data_dir::DataDirError;
use crate::settings::forward_auth::GuardedHostsError;
use crate::settings::issuer_url::IssuerUrl;
use crate::store::copy_mark::StoreCopyError;
use crate::store::rollback_guard::RollbackGuardError;

/// An installation cannot be opened. Nothing that existed was changed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OpenError {
    /// There is no usable master key.
    #[error(transparent)]
    MasterKey(#[from] MasterKeyError),
    /// The data directory cannot be created, is not a directory, or is open to other users.
    #[error(transparent)]
    DataDir(#[from] DataDirError),
    /// The store cannot be opened.
    #[error(transparent)]
    Store(#[from] StoreBackendError),
    /// The shared cache cannot be used.
    #[error(transparent)]
    Cache(StoreBackendError),
    /// The store was opened and cannot be read or written.
    #[error(transparent)]
    StoreAccess(#[from] StoreError),
    /// The store was moved to another one, or is not complete.
    #[error(transparent)]
    StoreCopy(#[from] StoreCopyError),
    /// The keys in the store cannot be used.
    #[error(transparent)]
    Keys(#[from] ActiveKeysError),
    /// The store is not in its last known state.
    #[error(transparent)]
    RollbackGuard(#[from] RollbackGuardError),
    /// The list of breached passwords cannot be used.
    #[error(transparent)]
    Breached(#[from] BreachedError),
    /// The cookie options contradict each other or the issuer.
    #[error(transparent)]
    Cookies(#[from] CookieOptionsError),
    /// Development mode with an issuer that others can reach: they would learn why credentials are refused.
    #[error("development mode needs an issuer on plain HTTP and loopback, not {0}")]
    DevelopmentMode(IssuerUrl),
    /// Two guarded hosts would get each other's logins.
    #[error(transparent)]
    GuardedHosts(#[from] GuardedHostsError),
    /// The threads that hash passwords cannot be started.
    #[error(transparent)]
    Hashing(#[from] HashingError),
    /// The system starts no thread for the event listener.
    #[error("the thread of the event listener cannot be started")]
    Thread(#[source] std::io::Error),
    /// The operating system provides no randomness.
    #[error("the operating system provides no randomness")]
    Randomness(#[source] counterfoil_jose::random::RandomUnavailable),
    /// The settings do not allow a secure verification of tokens.
    #[error(transparent)]
    Verifier(#[from] counterfoil_verify::VerifierBuildError),
}

impl OpenError {
    /// What to do about it, if anything can be done.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::MasterKey(error) => Some(error.hint()),
            Self::DataDir(error) => Some(error.hint()),
            Self::Store(error) | Self::Cache(error) => Some(error.hint().into()),
            Self::StoreCopy(error) => error.hint(),
            Self::RollbackGuard(error) => error.hint().map(Into::into),
            Self::Breached(error) => Some(error.hint().into()),
            Self::DevelopmentMode(_) => {
                Some("set an issuer like http://localhost:3000, or remove the mode".into())
            }
            Self::GuardedHosts(_) => {
                Some("give each application in forward_auth.hosts a host name of its own".into())
            }
            Self::Keys(ActiveKeysError::MasterKey(..)) => {
                Some("use the master key with which the keys in this store were last encrypted".into())
            }
            Self::StoreAccess(_)
            | Self::Cookies(_)
            | Self::Keys(_)
            | Self::Hashing(_)
            | Self::Thread(_)
            | Self::Randomness(_)
            | Self::Verifier(_) => None,
        }
    }
}
