//! Responses to administrators, the same over HTTP and at the command line.

use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

use counterfoil_core::model::admin_key::{AdminKeyRecord, KeyCreator};
use counterfoil_core::model::audit_event::{Actor, AuditEvent};
use counterfoil_core::model::client::{Client, Lifetimes};
use counterfoil_core::model::external_id::ExternalId;
use counterfoil_core::model::key::{KeyPurpose, KeyState};
use counterfoil_core::model::session::Session;
use counterfoil_core::model::user::User;
use counterfoil_core::services::administration::RevocationResult;
use counterfoil_core::services::keys::keyring::{KeyStatus, RotatedKeys};
use counterfoil_core::store::AuditEventNumber;
use counterfoil_jose::Time;

use crate::http::external_id_schema::ExternalIdSchema;

/// A user, as an administrator sees them.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = AdminUser)]
pub(crate) struct UserResponse {
    id: String,
    username: String,
    /// The application's own id of the user, or null.
    #[schema(value_type = Option<ExternalIdSchema>)]
    external_id: Option<Value>,
    /// The e-mail address, or null.
    email: Option<String>,
    /// Whether the address is verified.
    email_verified: bool,
    roles: Vec<String>,
    /// Unix seconds.
    created_at: u64,
    /// Since when the user is disabled, in Unix seconds, or null.
    disabled_at: Option<u64>,
}

impl From<&User> for UserResponse {
    fn from(user: &User) -> Self {
        Self {
            id: user.id.to_string(),
            username: user.username.to_string(),
            external_id: user.external_id.as_ref().map(ExternalId::to_json),
            email: user.email.clone(),
            email_verified: user.email_verified,
            roles: user.roles.clone(),
            created_at: user.created_at.unix_seconds(),
            disabled_at: user.disabled_at.map(Time::unix_seconds),
        }
    }
}

/// A session, as an administrator sees it.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = AdminSession)]
pub(crate) struct SessionResponse {
    id: String,
    /// `session`, `jwt` or `hybrid`.
    mode: &'static str,
    client_id: String,
    label: Option<String>,
    ip: Option<String>,
    user_agent: Option<String>,
    /// Unix seconds, like all times here.
    created_at: u64,
    seen_at: u64,
    /// When it ends if it is not used again.
    idle_expires_at: u64,
    /// When it ends at the latest.
    expires_at: u64,
}

impl From<&Session> for SessionResponse {
    fn from(session: &Session) -> Self {
        Self {
            id: session.id.to_string(),
            mode: session.mode().as_str(),
            client_id: session.client.to_string(),
            label: session.label.clone(),
            ip: session.client_info.ip.map(|ip| ip.to_string()),
            user_agent: session.client_info.user_agent.clone(),
            created_at: session.authenticated_at.unix_seconds(),
            seen_at: session.seen_at.unix_seconds(),
            idle_expires_at: session.ends_at().unix_seconds(),
            expires_at: session.expires_at.unix_seconds(),
        }
    }
}

/// A client application.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Client)]
pub(crate) struct ClientResponse {
    id: String,
    name: String,
    /// The modes that a login may use: `session`, `jwt`, `hybrid`.
    modes: Vec<&'static str>,
    /// The audiences, in addition to the issuer, for which its tokens may be issued; null: any.
    audiences: Option<Vec<String>>,
    /// The scopes that it may request; null: any.
    scopes: Option<Vec<String>>,
    lifetimes: LifetimesResponse,
    enabled: bool,
}

/// The lifetimes of a client's credentials, in seconds.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Lifetimes)]
pub(crate) struct LifetimesResponse {
    session_idle: u64,
    session_absolute: u64,
    jwt: u64,
    access: u64,
    refresh_idle: u64,
    refresh_absolute: u64,
}

impl From<&Client> for ClientResponse {
    fn from(client: &Client) -> Self {
        let Lifetimes { session_idle, session_absolute, jwt, access, refresh_idle, refresh_absolute } =
            client.lifetimes;
        Self {
            id: client.id.to_string(),
            name: client.name.clone(),
            modes: client.modes.iter().map(|mode| mode.as_str()).collect(),
            audiences: client.audiences.clone(),
            scopes: client.scopes.clone(),
            lifetimes: LifetimesResponse {
                session_idle,
                session_absolute,
                jwt,
                access,
                refresh_idle,
                refresh_absolute,
            },
            enabled: client.enabled,
        }
    }
}

/// An admin key, without its secret.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = AdminKey)]
pub(crate) struct AdminKeyResponse {
    id: String,
    name: String,
    /// Who created it: `user:<id>` or `operator`. It is removed when that user is deleted or is no
    /// administrator any more.
    created_by: String,
    /// Unix seconds.
    created_at: u64,
}

impl From<&AdminKeyRecord> for AdminKeyResponse {
    fn from(key: &AdminKeyRecord) -> Self {
        Self {
            id: key.id.to_string(),
            name: key.name.clone(),
            created_by: match key.created_by {
                KeyCreator::User(id) => actor_name(&Actor::User(id)),
                KeyCreator::Operator => actor_name(&Actor::Operator),
            },
            created_at: key.created_at.unix_seconds(),
        }
    }
}

/// A rotation that was done or scheduled.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Rotation)]
pub(crate) struct RotationResponse {
    /// The new key: the `kid` of a signing key, or the id of a refresh token key.
    id: String,
    /// `current`, or `next` while cached key sets may not contain it yet.
    state: &'static str,
    /// When it is activated, in Unix seconds.
    activated_at: u64,
}

impl RotationResponse {
    pub(crate) fn new(rotated: &RotatedKeys, now: Time) -> Self {
        let state = if rotated.activated_at <= now { KeyState::Current } else { KeyState::Next };
        Self {
            id: rotated.id.to_string(),
            state: state.as_str(),
            activated_at: rotated.activated_at.unix_seconds(),
        }
    }
}

/// The public data of a signing key or of a refresh token key.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = SigningKey)]
pub(crate) struct KeyResponse {
    /// The `kid` of a signing key (RFC 7638), or the id of a refresh token key.
    id: String,
    algorithm: String,
    /// `next` (published, unused), `current`, `retired` (its tokens are valid), `removed` (its tokens have
    /// expired) or `revoked` (its tokens are invalid).
    state: &'static str,
    /// When it was created and published, in Unix seconds.
    created_at: u64,
    /// When it entered its state.
    changed_at: u64,
    /// When it was or will be activated; null if that is unknown or never happened.
    activated_at: Option<u64>,
    /// When it stopped signing, if it is retired.
    retired_at: Option<u64>,
    /// When it is removed from the published keys, if it is retired.
    removed_at: Option<u64>,
}

impl From<&KeyStatus> for KeyResponse {
    fn from(key: &KeyStatus) -> Self {
        Self {
            id: key.id.to_string(),
            algorithm: key.algorithm.clone(),
            state: key.state.as_str(),
            created_at: key.created_at.unix_seconds(),
            changed_at: key.changed_at.unix_seconds(),
            activated_at: key.activated_at.map(Time::unix_seconds),
            retired_at: (key.state == KeyState::Retired).then(|| key.changed_at.unix_seconds()),
            removed_at: key.removed_at.map(Time::unix_seconds),
        }
    }
}

/// All keys, including former ones.
pub(crate) struct KeyLists {
    /// Keys that sign access tokens.
    pub(crate) signing: Vec<KeyResponse>,
    /// Keys that authenticate refresh tokens.
    pub(crate) refresh_token: Vec<KeyResponse>,
}

impl KeyLists {
    /// The keys by purpose.
    pub(crate) fn new(keys: Vec<KeyStatus>) -> Self {
        let (signing, refresh_token): (Vec<_>, Vec<_>) =
            keys.into_iter().partition(|key| key.purpose == KeyPurpose::Signing);
        let responses = |keys: &[_]| keys.iter().map(KeyResponse::from).collect();
        Self { signing: responses(&signing), refresh_token: responses(&refresh_token) }
    }
}

/// An audit event.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = AuditEvent)]
pub(crate) struct AuditEventResponse {
    /// Increases with each event.
    number: u64,
    /// Unix seconds.
    at: u64,
    /// The kind of the event.
    kind: &'static str,
    /// The kind as a sentence.
    text: &'static str,
    user: Option<String>,
    session: Option<String>,
    client_id: Option<String>,
    /// Who caused it: `user:<id>`, `admin_key:<id>`, `operator`, `system` or `anonymous`.
    actor: String,
    /// The end reason, if a session ended.
    reason: Option<&'static str>,
    ip: Option<String>,
    user_agent: Option<String>,
    detail: Option<String>,
}

impl From<&(AuditEventNumber, AuditEvent)> for AuditEventResponse {
    fn from((number, event): &(AuditEventNumber, AuditEvent)) -> Self {
        Self {
            number: *number,
            at: event.at.unix_seconds(),
            kind: event.kind.as_str(),
            text: event.kind.description(),
            user: event.user.map(|id| id.to_string()),
            session: event.session.map(|id| id.to_string()),
            client_id: event.client.as_ref().map(|id| id.to_string()),
            actor: actor_name(&event.actor),
            reason: event.reason.map(|reason| reason.as_str()),
            ip: event.client_info.ip.map(|ip| ip.to_string()),
            user_agent: event.client_info.user_agent.clone(),
            detail: event.detail.as_ref().map(|text| text.to_string()),
        }
    }
}

fn actor_name(actor: &Actor) -> String {
    match actor {
        Actor::Anonymous => "anonymous".to_owned(),
        Actor::User(id) => format!("user:{id}"),
        Actor::AdminKey(id) => format!("admin_key:{id}"),
        Actor::Operator => "operator".to_owned(),
        Actor::System => "system".to_owned(),
    }
}

/// A durable revocation, and which verifiers have applied it.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Revocation)]
pub(crate) struct RevocationResponse {
    /// Its position in the revocation log.
    position: u64,
    /// How many verifiers have confirmed it. Verifiers do not receive revocations yet, so it is 0.
    confirmed: u64,
    /// How many verifiers are disconnected and reject all tokens by now.
    expired: u64,
    /// The duration of the request in milliseconds.
    elapsed_ms: u64,
    /// The kinds of verifier that no wait covers. `jwks`: services that only use the published keys accept an
    /// access token until it expires.
    beyond: [&'static str; 1],
}

impl RevocationResponse {
    pub(crate) fn new(revoked: RevocationResult, started: Time, now: Time) -> Self {
        Self {
            position: revoked.position.number(),
            confirmed: 0,
            expired: 0,
            elapsed_ms: u64::try_from(now.since(started).as_millis()).unwrap_or(u64::MAX),
            beyond: ["jwks"],
        }
    }
}
