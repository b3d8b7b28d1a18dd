//! Why keys could not be fetched, and why a remote verifier cannot start.

use counterfoil_jose::JsonError;

use crate::http_client::error::HttpError;
use crate::http_client::tls::RootsError;
use crate::http_client::url::HttpUrlError;
use crate::token::builder::VerifierBuildError;

/// Why the keys could not be fetched. The current keys stay in use until they are too old.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FetchError {
    /// The request failed.
    #[error(transparent)]
    Http(#[from] HttpError),
    /// The body is not strict JSON, or lacks required members.
    #[error("the response is malformed")]
    Malformed(#[source] JsonError),
    /// The key set has more keys than are accepted.
    #[error("the key set has more than {max} keys")]
    TooManyKeys {
        /// The largest number of keys that is accepted.
        max: usize,
    },
    /// The key set is not the one that the revocation feed announces: a cache sent an older one, or the URL is not that of the
    /// issuer's own key set.
    #[error("the key set is not the one that the revocation feed announces")]
    NotAnnounced,
    /// The metadata is for another issuer (RFC 8414, section 3.3).
    #[error("the metadata names another issuer")]
    IssuerMismatch,
    /// Keys must not be fetched from the `jwks_uri` of the metadata.
    #[error("the `jwks_uri` of the metadata is not acceptable")]
    JwksUri(#[source] HttpUrlError),
}

/// Why a [`RemoteVerifier`](crate::RemoteVerifier) cannot start.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RemoteVerifierError {
    /// The settings of the token verifier are unsafe.
    #[error(transparent)]
    Builder(#[from] VerifierBuildError),
    /// The issuer is not a URL from which metadata can be fetched. Use `JwksOptions::from_url`, and `FeedOptions::base_url`
    /// for the feed.
    #[error("the keys or the revocations of the issuer cannot be fetched")]
    Url(#[from] HttpUrlError),
    /// A shared-secret algorithm is configured. Secrets are never published: give the key to a
    /// `TokenVerifier`.
    #[error("keys of shared-secret algorithms cannot be fetched")]
    SharedSecret,
    /// No root certificate is trusted.
    #[error("there are no trusted root certificates")]
    NoTrustedRoots,
    /// A configured root certificate is invalid.
    #[error("a root certificate is invalid")]
    InvalidRoot(#[source] rustls::Error),
    /// The verifier key is not one that `counterfoil verifier add` prints.
    #[error("the verifier key must be the text that `counterfoil verifier add` prints: `cfv_…`")]
    InvalidVerifierKey,
    /// The operating system returned no random bytes for the id of this process.
    #[error("the operating system returned no random bytes")]
    NoRandomness,
    /// There is no tokio runtime for the background task.
    #[error("a tokio runtime is required")]
    NoRuntime,
}

impl From<RootsError> for RemoteVerifierError {
    fn from(error: RootsError) -> Self {
        match error {
            RootsError::None => Self::NoTrustedRoots,
            RootsError::Invalid(error) => Self::InvalidRoot(error),
        }
    }
}
