//! Why keys could not be fetched, and why a remote verifier cannot start.

use std::io;

use counterfoil_jose::JsonError;

use crate::jwks::url::JwksUrlError;
use crate::token::builder::VerifierBuildError;

/// Why the keys could not be fetched. The current keys stay in use until they are too old.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FetchError {
    /// The connection failed, or the certificate is not trusted.
    #[error("the issuer cannot be reached")]
    Unreachable(#[source] io::Error),
    /// The whole fetch took longer than the timeout.
    #[error("the issuer did not respond in time")]
    TimedOut,
    /// The response is not HTTP or is truncated.
    #[error("the issuer did not send a valid HTTP response")]
    Protocol(#[source] hyper::Error),
    /// The response is a redirect. It is not followed: keys come only from the configured place.
    #[error("the issuer responded with a redirect ({0}), which is not followed")]
    Redirect(u16),
    /// The status of the response is not 200.
    #[error("the issuer responded with status {0}")]
    Status(u16),
    /// The response is a page, or its content type does not name JSON and its body is no JSON object.
    #[error("the response is a page or a text, not JSON")]
    ContentType,
    /// The body is larger than any key set.
    #[error("the response is too large")]
    TooLarge,
    /// The body is not strict JSON, or lacks required members.
    #[error("the response is malformed")]
    Malformed(#[source] JsonError),
    /// The key set has more keys than are accepted.
    #[error("the key set has more than {max} keys")]
    TooManyKeys {
        /// The largest number of keys that is accepted.
        max: usize,
    },
    /// The metadata is for another issuer (RFC 8414, section 3.3).
    #[error("the metadata names another issuer")]
    IssuerMismatch,
    /// Keys must not be fetched from the `jwks_uri` of the metadata.
    #[error("the `jwks_uri` of the metadata is not acceptable")]
    JwksUri(#[source] JwksUrlError),
    /// `localhost` resolves to an address that is not loopback.
    #[error("plain http is allowed only to a loopback address")]
    NotLoopback,
}

/// Why a [`RemoteVerifier`](crate::RemoteVerifier) cannot start.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RemoteVerifierError {
    /// The settings of the token verifier are unsafe.
    #[error(transparent)]
    Builder(#[from] VerifierBuildError),
    /// The issuer is not a URL from which metadata can be fetched. Use `JwksOptions::from_url`.
    #[error("the keys of the issuer cannot be fetched")]
    Url(#[from] JwksUrlError),
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
    /// There is no tokio runtime for the background task.
    #[error("a tokio runtime is required")]
    NoRuntime,
}
