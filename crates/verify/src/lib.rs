//! What a resource server embeds: an access token goes in, a [`Principal`] or a clear refusal comes out.
//!
//! ```text
//!   what a request shows           who judges it                        what a handler gets
//!   Presented::Access(..)   ->     LocalVerifier: TokenVerifier,   ->   Principal
//!   Presented::Session(..)         then Revocations, then Freshness     or Denied
//! ```
//!
//! [`TokenVerifier`] judges the token by itself, [`Revocations`] knows what ended before its time,
//! and [`LocalVerifier`] puts the two together. Nothing here does I/O or reads a clock on its own,
//! but with the feature `http`: then `RemoteVerifier` follows the keys of an issuer that runs elsewhere.
//!
//! Features: `http` as said; `tower` adds `AuthLayer`, the reading of cookies and the judgement
//! of cross-site writes; `axum` adds extractors and rejections; `test-util` lets the tests of a
//! handler make a [`Principal`].

mod auth_error;
mod authenticator;
#[cfg(feature = "http")]
mod clock;
mod credential;
#[cfg(feature = "tower")]
mod http;
mod id;
#[cfg(feature = "http")]
mod jwks;
mod local_verifier;
mod principal;
mod revocation;
mod token;

pub use auth_error::{Denied, Needed, Reason};
pub use authenticator::{Authenticate, Decision, Now};
pub use credential::{Carrier, Presented};
pub use id::{ClientId, IdError, KeyId, LogId, SessionId, TokenId, UserId};
pub use local_verifier::LocalVerifier;
pub use principal::{Principal, PrincipalParts};
pub use revocation::freshness::Freshness;
pub use revocation::log::{LogEntry, Position, RevokedAs, Subject};
pub use revocation::subject_hash::Probe;
pub use revocation::{Probed, Revocations};
pub use token::builder::{SettingsError, TokenVerifierBuilder};
pub use token::claims::AccessClaims;
pub use token::verifier::TokenVerifier;

#[cfg(feature = "http")]
pub use clock::SystemClock;
#[cfg(feature = "http")]
pub use jwks::{
    FetchError, Follow, FollowError, FollowerStatus, JwksFollower, LocationError, RemoteVerifier,
};

#[cfg(feature = "test-util")]
pub use principal::PrincipalBuilder;

#[cfg(feature = "axum")]
pub use self::http::permissions::{InRole, Role, Scope, Scoped};
#[cfg(feature = "tower")]
pub use self::http::{
    auth_layer::AuthLayer,
    auth_state::Identity,
    cookies,
    cookies::CookieNames,
    credentials,
    credentials::{Ambiguous, Credentials, Reads, Refresh, Shown},
    csrf,
    csrf::CrossSite,
    csrf_layer::CsrfLayer,
    origin::{Origin, OriginError, OriginPolicy},
    problem::{FieldError, Problem, RequestId},
    require,
    require::{RequireRole, RequireScope},
};
