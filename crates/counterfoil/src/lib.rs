//! Authentication for axum applications: sessions, JWTs and both combined, as routes, a layer and extractors.
//!
//! [`Counterfoil`] adds a complete HTTP API for users to an application: registration, login, logout,
//! refresh, sessions and administration. Its layer authenticates requests, and handlers extract a
//! [`Principal`]:
//!
//! ```no_run
//! use std::net::SocketAddr;
//!
//! use axum::{Router, routing::get};
//! use counterfoil::{Counterfoil, Principal};
//!
//! #[tokio::main]
//! async fn main() -> Result<(), Box<dyn std::error::Error>> {
//!     let auth = Counterfoil::open("sqlite:auth.db").await?;
//!     let app = Router::new()
//!         .route("/hello", get(async |user: Principal| format!("Hello {}", user.username().unwrap_or("guest"))))
//!         .layer(auth.layer())
//!         .merge(auth.routes())
//!         .into_make_service_with_connect_info::<SocketAddr>();
//!     let listener = tokio::net::TcpListener::bind("127.0.0.1:3000").await?;
//!     axum::serve(listener, app).await?;
//!     Ok(auth.close().await?)
//! }
//! ```
//!
//! An application with its own login page logs users in from its handlers with [`Counterfoil::login`]; the cookies of the
//! outcome are a part of the response.
//!
//! | item | purpose |
//! |---|---|
//! | [`Counterfoil`], [`CounterfoilBuilder`] | embeds Counterfoil in another application |
//! | [`ClientInfo`], [`Credentials`], [`LoginOutcome`] | logins from the application's own handlers |
//! | [`UserStore`], [`ApplicationUser`] | logins of the users of the application's own table |
//! | [`UserSessions`] | lists and ends a user's sessions |
//! | [`CookieOptions`] | names and attributes of the cookies |
//! | [`Error`], [`ErrorKind`] | why an operation failed, as a response and as a value |
//! | [`Principal`], [`SessionData`] | extractors for the application's handlers |
//! | [`Ended`], [`CredentialEnd`] | closes WebSockets and event streams when the session ends |
//! | [`Settings`] | all settings, with secure defaults |
//! | [`serve`] | serves the application's router with the limits and time-outs of the `counterfoil` server |
//! | [`App`] | an open installation; [`App::serve`] is the server that the `counterfoil` command runs |
//! | [`custom_store`] | for a [`Store`] of the application's own |
//! | [`operator`] | administration, backups, restores and checks before a start |
//!
//! The module `examples` shows whole applications: with a login page of their own, pages for signed-in users, a user table of
//! their own, claims and roles, two audiences, tests of handlers, WebSockets, and server-sent events.
//!
//! `axum::serve` is for development: a slow client can keep a connection open for an unlimited time.
//! [`serve`] limits connections, header and body times.

// docs.rs shows which feature an item needs.
#![cfg_attr(docsrs, feature(doc_cfg))]
// Code that only a feature uses is unused without it. A build with all features finds what nothing uses.
#![cfg_attr(
    not(all(
        feature = "admin",
        feature = "metrics",
        feature = "pages",
        feature = "postgres",
        feature = "redis",
        feature = "server"
    )),
    allow(dead_code, unreachable_pub, unused_imports)
)]

#[cfg(feature = "admin")]
mod admin;
mod app;
mod background;
mod clock;
mod counters;
mod embed;
mod feed;
mod fs;
mod http;
mod keys;
mod limits;
#[cfg(feature = "metrics")]
mod metrics;
mod operations;
#[cfg(feature = "pages")]
mod pages;
mod passwords;
mod routes;
mod runtime;
#[cfg(feature = "server")]
mod server;
mod settings;
mod store;

pub use app::App;
pub use app::backend::StoreBackendError;
pub use app::error::OpenError;
pub use clock::{
    AcceptedClock, CLOCK_JUMP_HOLD_TIME, CLOCK_JUMP_THRESHOLD, Clock, ClockJumpPending, ClockReading,
    ClockSource, SystemClock,
};
#[cfg(feature = "pages")]
pub use counterfoil_pages::{
    Accent, AccentError, Direction, Language, Logo, Original, OverrideError, OverrideErrors, OverrideFile,
    OverrideKind, Overrides, StyleSheet, Theme, ThemeFile, ThemeFileError, ThemeFrame,
};
pub use embed::builder::CounterfoilBuilder;
pub use embed::client_info::ClientInfo;
pub use embed::credentials::Credentials;
pub use embed::error::{Error, ErrorKind};
pub use embed::login::{LoginOutcome, NewUser};
pub use embed::sessions::{EndedSessions, Except, UserSession, UserSessions};
pub use embed::store_source::StoreSource;
pub use embed::{CloseError, Counterfoil, EmbedError};
pub use http::host_layer::HostLayer;
#[cfg(feature = "pages")]
pub use http::require_sign_in::{RequireSignIn, RequireSignInService};
pub use http::session_data::{SessionData, SessionDataError};
pub use http::set_cookie::SetCookies;
pub use keys::master_key::MasterKeySource;
pub use keys::master_key_file::MasterKeyError;
#[cfg(feature = "server")]
pub use keys::tls::TlsError;
pub use keys::tls_files::TlsFiles;
#[cfg(feature = "metrics")]
pub use metrics::serve as serve_metrics;
pub use passwords::hash_queue::HashPoolOptions;
pub use routes::openapi;
pub use runtime::panics::panic_count;
#[cfg(feature = "server")]
pub use server::{SHUTDOWN_TIMEOUT, serve};
pub use settings::Settings;
pub use settings::audit_log::AuditLogSettings;
pub use settings::base_path::{BasePath, BasePathError};
pub use settings::cache_url::{CacheFileError, CacheUrl, CacheUrlError};
pub use settings::console::ConsoleSettings;
pub use settings::cookie_options::{CookieOptions, CookieOptionsError, Cookies, SameSite};
pub use settings::data_dir::DataDirError;
pub use settings::database_url::DatabaseUrl;
pub use settings::description::SettingDescription;
pub use settings::development_mode::DevelopmentMode;
pub use settings::feed::FeedSettings;
pub use settings::forward_auth::{ForwardAuthSettings, GuardedHostsError};
pub use settings::guarded_host::{GuardedHost, GuardedHostError};
pub use settings::introspection::IntrospectionLimits;
pub use settings::ip_network::{IpNetworkError, Network};
pub use settings::issuer_url::{IssuerUrl, IssuerUrlError};
pub use settings::limits::Limits;
pub use settings::login_url::{LoginUrl, LoginUrlError};
pub use settings::node::NodeSettings;
pub use settings::pages::PagesSettings;
pub use settings::registration::Registration;
pub use settings::store_file::StoreFileError;
pub use settings::store_url::{StoreUrl, StoreUrlError};
pub use settings::write_rate_limits::WriteRateLimits;
pub use store::copy_mark::StoreCopyError;
pub use store::rollback_guard::RollbackGuardError;

pub use async_trait::async_trait;
pub use counterfoil_core::credentials::password::Argon2Cost;
pub use counterfoil_core::model::audit_event::{Actor, AuditEvent, AuditEventKind};
pub use counterfoil_core::model::external_id::{ExternalId, ExternalIdError};
/// The client of a request, as a session and an [`AuditEvent`] record it. A handler extracts a [`ClientInfo`] instead.
pub use counterfoil_core::model::session::ClientInfo as RecordedClientInfo;
pub use counterfoil_core::model::session::{EndReason, Mode};
pub use counterfoil_core::model::username::ScriptRestriction;
pub use counterfoil_core::services::account::AttemptError;
pub use counterfoil_core::services::application_users::{
    ApplicationPassword, ApplicationUser, UserStore, UserStoreError,
};
pub use counterfoil_core::services::issuer::{ClaimsContext, ClaimsError};
pub use counterfoil_core::services::keys::active_keys::ActiveKeysError;
pub use counterfoil_core::services::login_rate_limiter::{RateLimit, RateLimits};
pub use counterfoil_core::services::password_hasher::HashingError;
pub use counterfoil_core::services::password_policy::PasswordError;
pub use counterfoil_core::services::username_policy::{LookAlikes, UsernamePolicy};
pub use counterfoil_core::services::{InternalError, ServiceError};
pub use counterfoil_core::store::{Store, StoreError};
pub use counterfoil_core::{
    ClientError, InvalidCredential, LoginFailure, PasswordWeakness, RateLimitReached, ValueFault,
};
pub use counterfoil_jose::algorithm::UnknownAlgorithm;
pub use counterfoil_jose::json::JsonErrorKind;
pub use counterfoil_jose::{
    Algorithm, JsonError, KeyError, RandomUnavailable, SealError, Secret, SignError, Time,
};
/// The JSON of [`CounterfoilBuilder::claims`], [`SessionData`] and [`Principal::claim`].
pub use serde_json;

pub use counterfoil_verify::{
    AcceptedCredentials, AuthError, AuthFuture, AuthLayer, AuthResponseFuture, AuthService, Authenticator,
    ClientId, CookieNameError, CookieNames, CookiePrefix, CredentialEnd, CredentialKind, CredentialSource,
    CrossSiteRequest, Ended, FailureReason, HasRole, HasScope, IdError, InvalidReason, KeyId,
    MultipleCredentials, Origin, OriginError, OriginPolicy, PresentedCredential, Principal, Problem,
    ProblemIssuer, RequireRole, RequireScope, RequireService, RequiredPermission, ResponseFuture,
    RevocationLogId, RevocationPosition, Role, Scope, SessionId, StalePolicy, StatusListReference,
    SubjectKind, TokenId, UserId, VerifierBuildError,
};

pub use embed::custom_store;
#[cfg(all(doc, not(doctest)))]
pub use embed::examples;
#[cfg(feature = "test-util")]
pub use embed::testing;

#[cfg(feature = "admin")]
/// Tasks of an operator: administrative commands, backups, restores, lists of breached passwords, and checks
/// before a start.
pub mod operator {
    pub use crate::admin::file_location::{FileLocationError, locate_files};
    pub use crate::admin::restore::{KeptOnRestore, RestoreError, Restored, restore, restore_in_place};
    pub use crate::admin::socket::AdminSocket;
    pub use crate::admin::socket_address::socket_path;
    pub use crate::admin::socket_client::{CallError, call};
    pub use crate::admin::store_check::{StoreCheckError, check_store, durability_warning};
    pub use crate::admin::store_copy::{StoreMoveError, copy_store, reopen_store};
    pub use crate::admin::{AdminError, AuditFilterRequest, Command, TokenMintRequest};
    pub use crate::app::preflight::{PreflightError, missing_master_key, preflight_errors};
    pub use crate::fs::atomic_write::replace_file;
    pub use crate::keys::key_file::KeyFormat;
    pub use crate::operations::admin::requests::{
        ClientChangeRequest, KeyRotationRequest, KeySelector, RevocationRequest, UserChangeRequest, Wait,
    };
    pub use crate::operations::admin::responses::{
        AcceptedClockResponse, BackupResponse, ClientResponse, CreatedAdminKeyResponse,
        CreatedVerifierKeyResponse, DeletedResponse, DoctorProbeResponse, FollowedEventsResponse,
        ImportResponse, ImportedUserOutcome, ImportedUserResponse, KeyListResponse, MintedTokenResponse,
        RateLimitsResponse, RekeyResponse, RevocationListResponse, RevocationPreviewResponse,
        RevocationResponse, RotationResponse, StatusResponse, TokenVerificationResponse, UserDetailsResponse,
        UserResponse,
    };
    pub use crate::operations::admin::user_import::MAX_IMPORTED_USERS;
    pub use crate::operations::admin::views::AuditEventView;
    pub use crate::operations::admin::views::account_counter::AccountCounterView;
    pub use crate::operations::admin::views::admin_key::AdminKeyView;
    pub use crate::operations::admin::views::client::{ClientView, LifetimesView};
    pub use crate::operations::admin::views::key::KeyView;
    pub use crate::operations::admin::views::node::NodeView;
    pub use crate::operations::admin::views::revocation::{FleetWaitView, RevocationEntryView};
    pub use crate::operations::admin::views::session::AdminSessionView;
    pub use crate::operations::admin::views::token::{TokenRejectionView, VerifiedTokenView};
    pub use crate::operations::admin::views::user::AdminUserView;
    pub use crate::operations::admin::views::verifier::VerifierView;
    pub use crate::operations::admin::views::verifier_key::VerifierKeyView;
    pub use crate::operations::pagination::{ListItem, ListResponse};
    pub use crate::operations::views::{RevokedResponse, SessionView, UserView};
    pub use crate::passwords::breached::{BreachedError, BreachedFile};
    pub use crate::passwords::breached_builder::BreachedPasswordsBuilder;
    pub use crate::settings::loopback::{is_localhost_name, is_loopback_host, is_loopback_ip};
    pub use crate::store::backup::{BackupError, partial_path as partial_backup_path};
    pub use crate::store::check::{CheckedStore, StoreFinding};
    pub use crate::store::copy::{ComparedTable, CopiedStore, CopyError, CopyPhase, CopyProgress};
    pub use counterfoil_core::credentials::password::PasswordFingerprint;
    pub use counterfoil_core::model::client::LifetimesChange;
    pub use counterfoil_core::services::password_policy::BreachedPasswords;
    pub use counterfoil_core::services::user_import::{ImportTarget, ImportedUser};
    pub use counterfoil_core::store::copy::CopyRefusal;
    pub use counterfoil_files::{open_published, path_hint, resolve_published};
    #[cfg(feature = "pages")]
    pub use counterfoil_pages::TimeBound;

    /// Which mode suits which client, from a few answers: pure functions.
    pub mod advice {
        pub use crate::operations::advice::alternatives::{Alternative, Change, alternatives};
        pub use crate::operations::advice::answers::{
            Answers, ClientKind, Domains, LogoutDelay, TlsAnswers, Verifiers,
        };
        pub use crate::operations::advice::guide_lines::{GuideLine, jwt_when, sessions_when};
        pub use crate::operations::advice::recommendation::{Recommendation, for_clients};
    }

    /// What a token contains, and whether its signature is valid: for display, never for decisions.
    pub mod inspection {
        pub use crate::operations::inspection::claims::{
            explanation, is_time, known_claims, meaning, relative_time, unix_seconds,
        };
        pub use crate::operations::inspection::given_keys::{
            GivenKeys, GivenKeysError, MAX_KEY_SET_LENGTH, MAX_SECRET_LENGTH,
        };
        pub use crate::operations::inspection::inspected_token::{
            InspectedToken, InspectionError, MAX_TOKEN_LENGTH, copied_token, is_unsigned,
        };
        pub use crate::operations::inspection::issuer_check::IssuerCheck;
        pub use crate::operations::inspection::problems::find_problems;
        pub use crate::operations::inspection::signature::{CheckedKey, SignatureCheck};
        pub use counterfoil_jose::{JwsError, UnverifiedJws};
    }

    /// What the doctor decides from what was seen of a deployment: pure functions, each of which gives a row.
    pub mod doctor {
        pub use crate::operations::doctor::probe::is_probe;
        pub use crate::operations::doctor::{
            answers, browser, forwarding, metadata, row, server_view, transport,
        };
    }
}

/// The program in the README is compiled.
#[cfg(doctest)]
#[doc = include_str!("../../../README.md")]
struct ReadmeProgram;
