//! The answers to administrators, the same over HTTP and at the command line.

use std::path::PathBuf;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use counterfoil_core::ClientError;
use counterfoil_core::model::key::{KeyPurpose, KeyState};
use counterfoil_core::services::keys::keyring::{KeyStatus, RotatedKeys};
use counterfoil_core::services::revocation_feed::FleetProgress;
use counterfoil_core::services::user_import::ImportOutcome;
use counterfoil_jose::{Secret, Time};
use counterfoil_verify::{AuthError, Principal, RevocationEntry, RevocationPosition};

use crate::operations::admin::exposed_secret;
use crate::operations::admin::views::AuditEventView;
use crate::operations::admin::views::account_counter::AccountCounterView;
use crate::operations::admin::views::client::ClientView;
use crate::operations::admin::views::key::KeyView;
use crate::operations::admin::views::revocation::{FleetWaitView, RevocationEntryView};
use crate::operations::admin::views::token::{TokenRejectionView, VerifiedTokenView};
use crate::operations::admin::views::user::AdminUserView;

/// A user.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[schema(as = UserBody)]
#[non_exhaustive]
pub struct UserResponse {
    /// The user.
    pub user: AdminUserView,
}

impl UserResponse {
    pub(crate) fn new(user: AdminUserView) -> Self {
        Self { user }
    }
}

/// A probe for `counterfoil doctor`.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[schema(as = DoctorProbe)]
#[non_exhaustive]
pub struct DoctorProbeResponse {
    /// The probe.
    #[serde(with = "exposed_secret")]
    #[schema(value_type = String)]
    pub probe: Secret<String>,
    /// When it ends, in Unix seconds.
    pub expires_at: u64,
    /// The issuer that accepts it. No other server may receive it.
    pub issuer: String,
}

/// A user, with what the rate limits count for them.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[schema(as = UserDetails)]
#[non_exhaustive]
pub struct UserDetailsResponse {
    /// The user.
    pub user: AdminUserView,
    /// What is counted for the user.
    pub rate_limits: Vec<AccountCounterView>,
}

/// What the rate limits count for an account, for a client IP, or for both.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[schema(as = RateLimits)]
#[non_exhaustive]
pub struct RateLimitsResponse {
    /// The counters.
    pub rate_limits: Vec<AccountCounterView>,
}

/// The result of the verification of an access token.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum TokenVerificationResponse {
    /// It is valid, and not revoked.
    Accepted(VerifiedTokenView),
    /// It is rejected.
    Rejected(TokenRejectionView),
}

impl From<Result<Principal, AuthError>> for TokenVerificationResponse {
    fn from(result: Result<Principal, AuthError>) -> Self {
        match result {
            Ok(principal) => Self::Accepted(VerifiedTokenView::from(&principal)),
            Err(error) => Self::Rejected(TokenRejectionView::from(&error)),
        }
    }
}

/// What would end with a revocation or a deletion.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
#[non_exhaustive]
pub struct RevocationPreviewResponse {
    /// The active sessions that end.
    pub sessions: u64,
    /// The admin keys that are removed.
    pub admin_keys: u64,
}

/// A client application.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[schema(as = ClientBody)]
#[non_exhaustive]
pub struct ClientResponse {
    /// The client.
    pub client: ClientView,
}

impl ClientResponse {
    pub(crate) fn new(client: ClientView) -> Self {
        Self { client }
    }
}

/// A record that was deleted.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[non_exhaustive]
pub struct DeletedResponse {
    /// Its id.
    pub id: String,
}

impl DeletedResponse {
    pub(crate) fn new(id: impl ToString) -> Self {
        Self { id: id.to_string() }
    }
}

/// The next events of the audit log.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[non_exhaustive]
pub struct FollowedEventsResponse {
    /// The events, the oldest first.
    pub events: Vec<AuditEventView>,
    /// The number of the event up to which the log was read: from there on it continues.
    pub position: u64,
}

/// A new admin key, with its secret.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[schema(as = CreatedAdminKey)]
#[non_exhaustive]
pub struct CreatedAdminKeyResponse {
    /// Its id.
    pub id: String,
    /// A name for people.
    pub name: String,
    /// `cfa_…`, presented as `Authorization: Bearer`. Only this response contains it.
    #[schema(value_type = String)]
    #[serde(with = "exposed_secret")]
    pub key: Secret<String>,
}

/// A new verifier key, with its secret.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[schema(as = CreatedVerifierKey)]
#[non_exhaustive]
pub struct CreatedVerifierKeyResponse {
    /// Its id.
    pub id: String,
    /// `cfv_…`, presented as `Authorization: Bearer`. Only this response contains it.
    #[schema(value_type = String)]
    #[serde(with = "exposed_secret")]
    pub key: Secret<String>,
}

/// The keys of a page, by purpose.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[schema(as = KeyList)]
#[non_exhaustive]
pub struct KeyListResponse {
    /// The keys that sign access tokens.
    pub keys: Vec<KeyView>,
    /// The MAC keys of refresh tokens, without the keys themselves.
    pub refresh_token_keys: Vec<KeyView>,
    /// The value of `after` for the next page, or null at the end.
    pub next: Option<String>,
}

impl KeyListResponse {
    pub(crate) fn new(keys: Vec<KeyStatus>, next: Option<String>) -> Self {
        let (signing, refresh_token): (Vec<_>, Vec<_>) =
            keys.into_iter().partition(|key| key.purpose == KeyPurpose::Signing);
        let views = |keys: &[_]| keys.iter().map(KeyView::from_status).collect();
        Self { keys: views(&signing), refresh_token_keys: views(&refresh_token), next }
    }
}

/// A rotation that was done or scheduled.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[schema(as = Rotation)]
#[non_exhaustive]
pub struct RotationResponse {
    /// The new key: the `kid` of a signing key, or the id of a refresh token key.
    pub id: String,
    /// `current`, or `next` while cached key sets may not contain it yet.
    pub state: String,
    /// When it is activated, in Unix seconds.
    pub activated_at: u64,
}

impl RotationResponse {
    pub(crate) fn new(rotated: &RotatedKeys, now: Time) -> Self {
        let state = if rotated.activated_at <= now { KeyState::Current } else { KeyState::Next };
        Self {
            id: rotated.id.to_string(),
            state: state.as_str().to_owned(),
            activated_at: rotated.activated_at.unix_seconds(),
        }
    }
}

/// The files after the replacement of the master key.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[non_exhaustive]
pub struct RekeyResponse {
    /// The file of the new key, if it is in one.
    pub file: Option<PathBuf>,
    /// The file that keeps the old key.
    pub old_file: Option<PathBuf>,
    /// Whether the environment still contains the old key.
    pub environment: bool,
}

/// A minted access token.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[non_exhaustive]
pub struct MintedTokenResponse {
    /// The token.
    #[serde(with = "exposed_secret")]
    pub access_token: Secret<String>,
    /// `Bearer`.
    pub token_type: String,
    /// Its lifetime in seconds.
    pub expires_in: u64,
    /// Unix seconds.
    pub expires_at: u64,
    /// Its `jti`, for a revocation.
    pub token_id: String,
    /// Its session, if it is for a user.
    pub session: Option<String>,
}

/// A durable revocation, and which verifiers have applied it.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[schema(as = Revocation)]
#[non_exhaustive]
pub struct RevocationResponse {
    /// Its position in the revocation log.
    pub position: u64,
    /// How many verifiers have confirmed it: each process that follows the feed is one. Without a wait it is 0.
    pub confirmed: u64,
    /// Of how many verifiers the lease has run out during the wait: they are cut off, and refuse every credential.
    pub expired: u64,
    /// The duration of the request in milliseconds.
    pub elapsed_ms: u64,
    /// The kinds of verifier that no wait covers. `jwks`: services that only use the published keys accept an
    /// access token until it expires. `status_lists`: services that read the status lists accept it until they fetch them
    /// again.
    pub beyond: Vec<String>,
}

impl RevocationResponse {
    pub(crate) fn new(position: RevocationPosition, fleet: Option<FleetProgress>, elapsed: Duration) -> Self {
        let count = |number: usize| u64::try_from(number).unwrap_or(u64::MAX);
        Self {
            position: position.number(),
            confirmed: fleet.map_or(0, |fleet| count(fleet.confirmed)),
            expired: fleet.map_or(0, |fleet| count(fleet.expired)),
            elapsed_ms: u64::try_from(elapsed.as_millis()).unwrap_or(u64::MAX),
            beyond: vec!["jwks".to_owned(), "status_lists".to_owned()],
        }
    }
}

/// A page of the revocation log, with the revocations that wait for the fleet.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[schema(as = RevocationList)]
#[non_exhaustive]
pub struct RevocationListResponse {
    /// The head of the log: the position of the newest entry that it ever had.
    pub head: u64,
    /// The entries, the newest first. Those whose credentials have all expired are removed.
    pub revocations: Vec<RevocationEntryView>,
    /// The value of `after` for the next page, or null at the end. A page may have fewer entries than requested.
    pub next: Option<String>,
    /// The revocations that wait until no verifier accepts their subject.
    pub waits: Vec<FleetWaitView>,
}

impl RevocationListResponse {
    pub(crate) fn new(
        head: RevocationPosition,
        entries: &[RevocationEntry],
        next: Option<RevocationPosition>,
        waits: Vec<FleetWaitView>,
    ) -> Self {
        Self {
            head: head.number(),
            revocations: entries.iter().map(RevocationEntryView::from).collect(),
            next: next.map(|next| next.number().to_string()),
            waits,
        }
    }
}

/// A backup.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[non_exhaustive]
pub struct BackupResponse {
    /// The file.
    pub file: PathBuf,
    /// Its size.
    pub bytes: u64,
}

/// An accepted clock.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[non_exhaustive]
pub struct AcceptedClockResponse {
    /// The time that the installation uses, in Unix seconds.
    pub now: u64,
    /// The time of the system clock, in Unix seconds.
    pub wall: u64,
    /// Whether the accepted time is used only after a restart.
    pub restart_required: bool,
}

/// The state of a running installation.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[non_exhaustive]
pub struct StatusResponse {
    /// The identity of the process among those that have the store open.
    pub node: String,
    /// The version of the program.
    pub version: String,
    /// The issuer.
    pub issuer: String,
    /// The store, with the canonical path of its file.
    pub store: String,
    /// Unix seconds.
    pub started_at: u64,
    /// Unix seconds.
    pub now: u64,
    /// Whether the clock allows to issue credentials.
    pub may_issue: bool,
    /// The failed readiness checks.
    pub failed: Vec<String>,
    /// The number of sessions in the cache.
    pub cached_sessions: usize,
    /// The number of revocations in force.
    pub active_revocations: usize,
}

/// The results of an import, in the order of the users.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[non_exhaustive]
pub struct ImportResponse {
    /// The result for each user.
    pub users: Vec<ImportedUserResponse>,
}

/// The result of the import of one user.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum ImportedUserResponse {
    /// `{"outcome": "added"}` or `{"outcome": "already_exists"}`.
    Outcome(ImportedUserOutcome),
    /// `{"error": "…"}`: why the user was not imported.
    Error(String),
}

/// What happened to an imported user.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum ImportedUserOutcome {
    /// The user was added.
    Added,
    /// The user was imported earlier.
    AlreadyExists,
}

impl ImportedUserResponse {
    pub(crate) fn from_outcome(outcome: &Result<ImportOutcome, ClientError>) -> Self {
        match outcome {
            Ok(ImportOutcome::Added) => Self::Outcome(ImportedUserOutcome::Added),
            Ok(ImportOutcome::AlreadyExists) => Self::Outcome(ImportedUserOutcome::AlreadyExists),
            Err(ClientError::UsernameTaken) => Self::Error("another user has this username".to_owned()),
            Err(error) => Self::Error(error.to_string()),
        }
    }
}
