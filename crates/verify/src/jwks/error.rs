//! Why keys were not fetched, or are not followed at all.

use std::io;

use counterfoil_jose::{JsonError, KeyError};

use crate::jwks::url::JwksUrlError;
use crate::token::builder::VerifierBuildError;

/// The keys were not fetched. Those that are there stay, for as long as they may.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FetchError {
    /// Nobody answers there, or not as who they should be: the certificate does not hold.
    #[error("the issuer cannot be reached")]
    Unreachable(#[source] io::Error),
    /// It took too long altogether.
    #[error("the issuer did not answer in time")]
    TimedOut,
    /// The answer is no HTTP, or breaks off.
    #[error("the issuer did not answer with HTTP")]
    Protocol(#[source] hyper::Error),
    /// The answer leads elsewhere. Nobody goes there: keys come from where the configuration says.
    #[error("the issuer answers with a redirect ({0}), which is not followed")]
    Redirect(u16),
    /// The answer is no success.
    #[error("the issuer answers with status {0}")]
    Status(u16),
    /// The answer is not JSON by its own account.
    #[error("the answer is not JSON by its content type")]
    ContentType,
    /// The answer is longer than any key set.
    #[error("the answer is too large")]
    TooLarge,
    /// The answer is no strict JSON, or has not the members that it must have.
    #[error("the answer cannot be read")]
    Malformed(#[source] JsonError),
    /// The keys do not form a set.
    #[error("the keys do not form a set")]
    InvalidKeys(#[source] KeyError),
    /// More keys than any issuer has.
    #[error("the set has more than {max} keys")]
    TooManyKeys {
        /// The most keys that a set may have.
        max: usize,
    },
    /// The metadata is of somebody else (RFC 8414, section 3.3).
    #[error("the metadata names another issuer")]
    IssuerMismatch,
    /// The metadata leads to a place from which keys are not fetched.
    #[error("the metadata names no place to fetch keys from")]
    JwksUri(#[source] JwksUrlError),
    /// `localhost` is another machine here.
    #[error("plain http leads off this machine")]
    NotLoopback,
}

/// A verifier that could not begin to follow.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RemoteVerifierError {
    /// What tokens are judged by.
    #[error(transparent)]
    Builder(#[from] VerifierBuildError),
    /// The issuer is no place to fetch from; it needs a key set that is named.
    #[error("the keys of the issuer cannot be fetched")]
    Url(#[from] JwksUrlError),
    /// Shared secrets are never published: they are given to the verifier by hand.
    #[error("a shared secret cannot be fetched")]
    SharedSecret,
    /// There is nobody whose certificate would be believed.
    #[error("there are no trusted roots for TLS")]
    NoTrustedRoots,
    /// A certificate that is to be trusted is none.
    #[error("a trusted root is not a certificate")]
    InvalidRoot(#[source] rustls::Error),
    /// There is no runtime to follow on.
    #[error("there is no tokio runtime here")]
    NoRuntime,
}
