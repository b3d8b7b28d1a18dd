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

mod authenticate;
mod cache;
mod claims;
#[cfg(feature = "http")]
mod clock;
mod denied;
mod fingerprint;
mod foreign;
mod freshness;
mod id;
mod local;
mod log;
mod presented;
mod principal;
mod revocations;
mod settings;
mod table;
mod terms;
mod verifier;

#[cfg(feature = "tower")]
pub mod cookies;
#[cfg(feature = "tower")]
pub mod credentials;
#[cfg(feature = "tower")]
pub mod csrf;
#[cfg(feature = "tower")]
pub mod csrf_layer;
#[cfg(feature = "axum")]
mod extract;
#[cfg(feature = "http")]
pub mod follow;
#[cfg(feature = "tower")]
pub mod guarded;
#[cfg(feature = "tower")]
pub mod identity;
#[cfg(feature = "tower")]
pub mod layer;
#[cfg(feature = "tower")]
pub mod origin;
#[cfg(feature = "tower")]
pub mod problem;
#[cfg(feature = "tower")]
pub mod require;
#[cfg(feature = "axum")]
mod scoped;

pub use authenticate::{Authenticate, Decision, Now};
pub use claims::AccessClaims;
pub use denied::{Denied, Needed, Reason, RevokedAs};
pub use fingerprint::Probe;
pub use freshness::Freshness;
pub use id::{ClientId, IdError, KeyId, LogId, SessionId, TokenId, UserId};
pub use local::LocalVerifier;
pub use log::{LogEntry, Position, Subject};
pub use presented::{Carrier, Presented};
pub use principal::{Principal, PrincipalParts};
pub use revocations::{Probed, Revocations};
pub use settings::{SettingsError, TokenVerifierBuilder};
pub use verifier::TokenVerifier;

#[cfg(feature = "http")]
pub use clock::SystemClock;
#[cfg(feature = "http")]
pub use follow::{
    FetchError, Follow, FollowError, FollowerStatus, JwksFollower, LocationError, RemoteVerifier,
};

#[cfg(feature = "test-util")]
pub use principal::PrincipalBuilder;

#[cfg(feature = "tower")]
pub use cookies::CookieNames;
#[cfg(feature = "tower")]
pub use credentials::{Ambiguous, Credentials, Reads, Refresh, Shown};
#[cfg(feature = "tower")]
pub use csrf::CrossSite;
#[cfg(feature = "tower")]
pub use csrf_layer::CsrfLayer;
#[cfg(feature = "tower")]
pub use identity::Identity;
#[cfg(feature = "tower")]
pub use layer::AuthLayer;
#[cfg(feature = "tower")]
pub use origin::{Origin, OriginError, OriginPolicy};
#[cfg(feature = "tower")]
pub use problem::{FieldError, Problem, RequestId};
#[cfg(feature = "tower")]
pub use require::{RequireRole, RequireScope};
#[cfg(feature = "axum")]
pub use scoped::{InRole, Role, Scope, Scoped};
