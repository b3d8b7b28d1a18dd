//! Verifies Counterfoil's access tokens in a resource server, without a call to the issuer for each request.
//!
//! A request presents a credential; a verifier turns it into a [`Principal`] or an [`AuthError`]:
//!
//! ```text
//!   request header or cookie           verifier                                 handler
//!   PresentedCredential::AccessToken   RemoteVerifier, LocalVerifier:           Principal
//!   PresentedCredential::SessionToken  signature, claims, revocations      ->   or AuthError
//! ```
//!
//! # A resource server with axum
//!
//! With the features `axum` and `http`:
//!
#![cfg_attr(all(feature = "axum", feature = "http"), doc = "```no_run")]
#![cfg_attr(not(all(feature = "axum", feature = "http")), doc = "```ignore")]
//! use axum::{Router, routing::get};
//! use counterfoil_verify::{Algorithm, JwksOptions, Principal, RemoteVerifier, TokenVerifier};
//!
//! # async fn start() -> Result<(), Box<dyn std::error::Error>> {
//! let tokens = TokenVerifier::builder("https://auth.example", "https://shop.example", &[Algorithm::Es256]);
//! let verifier = RemoteVerifier::start(tokens, JwksOptions::from_discovery())?;
//!
//! let app: Router = Router::new()
//!     .route("/orders", get(|user: Principal| async move { format!("The orders of {}", user.subject()) }))
//!     .layer(verifier.layer());
//! # Ok(())
//! # }
//! ```
//!
//! The layer authenticates each request. A handler that takes a [`Principal`] is reached only by an
//! authenticated request; other requests get 401 as a problem document (RFC 9457).
//!
//! # Items by task
//!
//! | to | use |
//! |---|---|
//! | verify tokens of an issuer that runs elsewhere | `RemoteVerifier` (feature `http`) |
//! | refuse revoked tokens, and decide what happens while revocations are unknown | `RemoteVerifierBuilder`, `FeedOptions` (feature `http`), [`StalePolicy`], `StalePolicyLayer` (feature `tower`) |
//! | verify tokens with keys that the application supplies | [`TokenVerifier`], or [`LocalVerifier`] with [`Revocations`] |
//! | authenticate the requests of a tower service | `AuthLayer` (feature `tower`) |
//! | verify a status list (Token Status List), without a feed | `StatusListToken` (feature `status-list`) |
//! | require a scope or a role | `HasScope`, `HasRole` (feature `axum`), `RequireScope`, `RequireRole` (feature `tower`) |
//! | close long-lived connections when the session ends | [`Principal::ended`] (feature `ended`) |
//! | reject cross-site writes | `CsrfLayer` (feature `tower`) |
//! | test handlers without a token | `testing` (feature `test-util`) |
//!
//! Without the feature `http` this crate does no I/O and reads no clock: the caller passes the time.
//!
#![cfg_attr(all(doc, not(doctest)), doc = "# A whole service\n\n```")]
#![cfg_attr(all(doc, not(doctest)), doc = include_str!("../examples/resource_server.rs"))]
#![cfg_attr(all(doc, not(doctest)), doc = "```")]
// docs.rs shows which feature an item needs.
#![cfg_attr(docsrs, feature(doc_cfg))]

#[cfg(feature = "http")]
mod abort_on_drop;
mod auth_error;
mod authenticator;
#[cfg(feature = "http")]
mod clock;
mod credential;
mod credential_end;
mod credential_monitor;
#[cfg(feature = "ended")]
mod ended;
mod failure_reason;
mod feed;
#[cfg(feature = "tower")]
mod http;
#[cfg(feature = "http")]
mod http_client;
mod id;
mod interner;
#[cfg(feature = "http")]
mod introspection;
#[cfg(feature = "http")]
mod jwks;
mod local_verifier;
mod loopback;
mod principal;
mod revocation;
mod stale_policy;
mod status;
#[cfg(feature = "test-util")]
pub mod testing;
mod token;

pub use auth_error::{AuthError, InvalidReason, RequiredPermission};
pub use authenticator::{AuthFuture, Authenticator, Clock};
pub use credential::{CredentialKind, PresentedCredential};
pub use credential_end::CredentialEnd;
pub use credential_monitor::MonitoredCredential;
#[doc(hidden)]
pub use credential_monitor::{AcceptedUntil, CredentialMonitor};
pub use failure_reason::FailureReason;
#[doc(hidden)]
pub use feed::follower::{
    FeedPosition, Follower, FollowerAction, FollowerEvent, FreshnessChange, PollRequest, Publication,
};
pub use feed::follower::{PollFailure, StaleReason};
pub use feed::wire::{FeedEntry, FeedInstanceId, FeedResponse};
pub use id::{ClientId, IdError, KeyId, RevocationLogId, SessionId, TokenId, UserId};
pub use local_verifier::LocalVerifier;
pub use loopback::{is_localhost_name, is_loopback_host, is_loopback_ip};
pub use principal::{Principal, PrincipalParts};
pub use revocation::freshness::Freshness;
pub use revocation::log::{RevocationEntry, RevocationPosition, RevocationSubject, SubjectKind};
pub use revocation::query::RevocationQuery;
pub use revocation::{RevocationStatus, Revocations};
pub use stale_policy::StalePolicy;
pub use status::reference::StatusListReference;
pub use token::builder::{TokenVerifierBuilder, VerifierBuildError};
pub use token::claims::AccessClaims;
pub use token::verifier::TokenVerifier;

// What the signatures name.
pub use counterfoil_jose::algorithm::UnknownAlgorithm;
pub use counterfoil_jose::json::JsonErrorKind;
pub use counterfoil_jose::{
    Algorithm, JsonError, Jwk, JwkSet, JwsError, KeyError, KeySet, RandomUnavailable, Time, VerifyingKey,
};

#[cfg(feature = "status-list")]
pub use counterfoil_jose::status_list::StatusListError;
#[cfg(feature = "ended")]
pub use ended::Ended;
#[cfg(feature = "status-list")]
pub use status::list_token::{StatusListLimits, StatusListToken, StatusListTokenError};
#[cfg(feature = "status-list")]
pub use status::token_status::TokenStatus;

#[cfg(feature = "http")]
pub use clock::SystemClock;
#[cfg(feature = "http")]
pub use feed::error::FeedError;
#[cfg(feature = "http")]
pub use feed::freshness::{FeedFreshness, FreshnessState};
#[cfg(feature = "http")]
pub use feed::options::FeedOptions;
#[cfg(feature = "http")]
pub use http_client::error::HttpError;
#[cfg(feature = "http")]
pub use http_client::url::HttpUrlError;
#[cfg(feature = "http")]
pub use jwks::error::{FetchError, RemoteVerifierError};
#[cfg(feature = "http")]
pub use jwks::options::JwksOptions;
#[cfg(feature = "http")]
pub use jwks::refresher::JwksRefresher;
#[cfg(feature = "http")]
pub use jwks::remote_verifier::RemoteVerifier;
#[cfg(feature = "http")]
pub use jwks::remote_verifier_builder::RemoteVerifierBuilder;
#[cfg(feature = "http")]
pub use jwks::status::JwksStatus;

#[cfg(feature = "tower")]
pub use self::http::auth_layer::{AuthLayer, AuthService};
#[cfg(feature = "tower")]
pub use self::http::auth_response_future::AuthResponseFuture;
#[cfg(feature = "tower")]
pub use self::http::auth_state::AuthState;
#[cfg(feature = "tower")]
pub use self::http::cookies::{CookieNameError, CookieNames, CookiePrefix, cookie_values};
#[cfg(feature = "tower")]
pub use self::http::credentials::{
    AcceptedCredentials, CredentialSource, MultipleCredentials, PresentedRefreshToken, RequestCredentials,
    bearer_token, read_credential, read_credentials,
};
#[cfg(feature = "tower")]
pub use self::http::cross_site_request::CrossSiteRequest;
#[cfg(feature = "tower")]
pub use self::http::csrf::{check_csrf, is_safe_method};
#[cfg(feature = "tower")]
pub use self::http::csrf_layer::{CsrfLayer, CsrfService};
#[cfg(feature = "tower")]
pub use self::http::origin::{Origin, OriginError, OriginPolicy};
#[cfg(feature = "tower")]
pub use self::http::problem::{FieldError, Problem, RequestId};
#[cfg(feature = "tower")]
pub use self::http::problem_issuer::ProblemIssuer;
#[cfg(feature = "tower")]
pub use self::http::require::{RequireRole, RequireScope, RequireService};
#[cfg(feature = "tower")]
pub use self::http::response_future::ResponseFuture;
#[cfg(feature = "tower")]
pub use self::http::stale_policy_layer::{StalePolicyFuture, StalePolicyLayer, StalePolicyService};

#[cfg(feature = "axum")]
pub use self::http::permissions::{HasRole, HasScope, Role, Scope};
