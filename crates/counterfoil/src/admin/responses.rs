//! What administrators are shown, by HTTP and at the command line alike.

use serde::Serialize;
use utoipa::ToSchema;

use counterfoil_core::model::admin_key::{AdminKeyRecord, KeyCreator};
use counterfoil_core::model::audit_event::{Actor, AuditEvent};
use counterfoil_core::model::client::{Client, Lifetimes};
use counterfoil_core::model::key::KeyState;
use counterfoil_core::model::session::Session;
use counterfoil_core::model::user::User;
use counterfoil_core::services::administration::RevocationResult;
use counterfoil_core::services::keys::keyring::{KeyStatus, RotatedKeys};
use counterfoil_core::store::AuditEventNumber;
use counterfoil_jose::Time;

/// A user, as an administrator sees them.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = AdminUser)]
pub(crate) struct UserRow {
    id: String,
    username: String,
    /// As claimed, or null.
    email: Option<String>,
    /// Whether the address was proved to be theirs.
    email_verified: bool,
    roles: Vec<String>,
    /// Unix seconds.
    created_at: u64,
    /// Since when they are locked out, in Unix seconds, or null.
    disabled_at: Option<u64>,
}

impl UserRow {
    pub(crate) fn of(user: &User) -> Self {
        Self {
            id: user.id.to_string(),
            username: user.username.to_string(),
            email: user.email.clone(),
            email_verified: user.email_verified,
            roles: user.roles.clone(),
            created_at: user.created_at.unix_seconds(),
            disabled_at: user.disabled_at.map(Time::unix_seconds),
        }
    }
}

/// A login, as an administrator sees it.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = AdminSession)]
pub(crate) struct SessionRow {
    id: String,
    /// `session`, `jwt` or `hybrid`.
    mode: &'static str,
    client_id: String,
    label: Option<String>,
    ip: Option<String>,
    user_agent: Option<String>,
    /// Unix seconds, as all times here.
    created_at: u64,
    seen_at: u64,
    /// When it ends if it is not used any more.
    idle_expires_at: u64,
    /// When it ends however much it is used.
    expires_at: u64,
}

impl SessionRow {
    pub(crate) fn of(session: &Session) -> Self {
        Self {
            id: session.id.to_string(),
            mode: session.mode().as_str(),
            client_id: session.client.to_string(),
            label: session.label.clone(),
            ip: session.from.ip.map(|ip| ip.to_string()),
            user_agent: session.from.user_agent.clone(),
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
pub(crate) struct ClientRow {
    id: String,
    name: String,
    /// Which of `session`, `jwt` and `hybrid` a login through it may have.
    modes: Vec<&'static str>,
    /// The audiences that its tokens may be for besides the issuer, or null: any.
    audiences: Option<Vec<String>>,
    /// The scopes that it may ask for, or null: any.
    scopes: Option<Vec<String>>,
    lifetimes: LifetimesRow,
    enabled: bool,
}

/// How long what a client is given lives, in seconds.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Lifetimes)]
pub(crate) struct LifetimesRow {
    session_idle: u64,
    session_absolute: u64,
    jwt: u64,
    access: u64,
    refresh_idle: u64,
    refresh_absolute: u64,
}

impl ClientRow {
    pub(crate) fn of(client: &Client) -> Self {
        let Lifetimes { session_idle, session_absolute, jwt, access, refresh_idle, refresh_absolute } =
            client.lifetimes;
        Self {
            id: client.id.to_string(),
            name: client.name.clone(),
            modes: client.modes.iter().map(|mode| mode.as_str()).collect(),
            audiences: client.audiences.clone(),
            scopes: client.scopes.clone(),
            lifetimes: LifetimesRow {
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
pub(crate) struct AdminKeyRow {
    id: String,
    name: String,
    /// By whose right it administers: `user:<id>`, with whom it goes, or `operator`.
    made_by: String,
    /// Unix seconds.
    created_at: u64,
}

impl AdminKeyRow {
    pub(crate) fn of(key: &AdminKeyRecord) -> Self {
        Self {
            id: key.id.to_string(),
            name: key.name.clone(),
            made_by: match key.made_by {
                KeyCreator::User(id) => name_of(&Actor::User(id)),
                KeyCreator::Operator => name_of(&Actor::Operator),
            },
            created_at: key.created_at.unix_seconds(),
        }
    }
}

/// A rotation that is done, or begun.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Rotation)]
pub(crate) struct RotationRow {
    /// The key that is used, or is to be: a `kid`, or the id of a pepper.
    id: String,
    /// `current`, or `next` while those who keep the public keys need not have seen it.
    state: &'static str,
    /// From when on it is used, in Unix seconds.
    first_used_at: u64,
}

impl RotationRow {
    pub(crate) fn of(rotated: &RotatedKeys, now: Time) -> Self {
        let state = if rotated.from <= now { KeyState::Current } else { KeyState::Next };
        Self { id: rotated.id.to_string(), state: state.as_str(), first_used_at: rotated.from.unix_seconds() }
    }
}

/// A signing key, as far as it is public; or a pepper, of which nothing is.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = SigningKey)]
pub(crate) struct KeyRow {
    /// The `kid` (RFC 7638), or the id of a pepper.
    id: String,
    algorithm: String,
    /// `next` (published, unused), `current`, `retired` (what it signed is good), `dropped` (what it signed has
    /// expired) or `revoked` (nothing that it signed is good).
    state: &'static str,
    /// When it was made and published, in Unix seconds.
    created_at: u64,
    /// Since when it is in its state.
    changed_at: u64,
    /// When it signed first, or is to; null where that is not known, or never came.
    first_used_at: Option<u64>,
    /// Since when it signs nothing new, if it is retired.
    retired_at: Option<u64>,
    /// When it leaves the public keys, if it is retired.
    leaves_at: Option<u64>,
}

impl KeyRow {
    pub(crate) fn of(key: &KeyStatus) -> Self {
        Self {
            id: key.id.to_string(),
            algorithm: key.algorithm.clone(),
            state: key.state.as_str(),
            created_at: key.created_at.unix_seconds(),
            changed_at: key.changed_at.unix_seconds(),
            first_used_at: key.used_from.map(Time::unix_seconds),
            retired_at: (key.state == KeyState::Retired).then(|| key.changed_at.unix_seconds()),
            leaves_at: key.leaves_at.map(Time::unix_seconds),
        }
    }
}

/// Every key that there is or was, as a list shows them.
pub(crate) struct KeyRows {
    /// Those that sign.
    pub(crate) keys: Vec<KeyRow>,
    /// Those that make refresh tokens.
    pub(crate) peppers: Vec<KeyRow>,
}

/// A line of the journal.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = AuditEvent)]
pub(crate) struct EventRow {
    /// Rises with each line.
    number: u64,
    /// Unix seconds.
    at: u64,
    /// What happened, in one word.
    kind: &'static str,
    /// The same as a sentence.
    text: &'static str,
    user: Option<String>,
    session: Option<String>,
    client_id: Option<String>,
    /// By whom: `user:<id>`, `admin_key:<id>`, `operator`, `system` or `anonymous`.
    actor: String,
    /// Why, if something ended.
    cause: Option<&'static str>,
    ip: Option<String>,
    user_agent: Option<String>,
    detail: Option<String>,
}

impl EventRow {
    pub(crate) fn of((number, event): &(AuditEventNumber, AuditEvent)) -> Self {
        Self {
            number: *number,
            at: event.at.unix_seconds(),
            kind: event.kind.as_str(),
            text: event.kind.sentence(),
            user: event.user.map(|id| id.to_string()),
            session: event.session.map(|id| id.to_string()),
            client_id: event.client.as_ref().map(|id| id.to_string()),
            actor: name_of(&event.actor),
            cause: event.cause.map(|cause| cause.as_str()),
            ip: event.from.ip.map(|ip| ip.to_string()),
            user_agent: event.from.user_agent.clone(),
            detail: event.detail.as_ref().map(|text| text.to_string()),
        }
    }
}

fn name_of(actor: &Actor) -> String {
    match actor {
        Actor::Anonymous => "anonymous".to_owned(),
        Actor::User(id) => format!("user:{id}"),
        Actor::AdminKey(id) => format!("admin_key:{id}"),
        Actor::Operator => "operator".to_owned(),
        Actor::System => "system".to_owned(),
    }
}

/// A revocation that is durable, and who has heard of it.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Revocation)]
pub(crate) struct RevocationRow {
    /// Where it stands in the log.
    position: u64,
    /// How many verifiers have acknowledged it. None follows the log yet, so there is none to wait for.
    confirmed: u64,
    /// How many were cut off, and fail closed by now.
    expired: u64,
    /// How long that took, in milliseconds.
    elapsed_ms: u64,
    /// The kinds of reader that no wait covers. `jwks`: services that know our public keys alone accept an access
    /// token until it expires.
    beyond: [&'static str; 1],
}

impl RevocationRow {
    pub(crate) fn of(revoked: RevocationResult, began: Time, now: Time) -> Self {
        Self {
            position: revoked.position.number(),
            confirmed: 0,
            expired: 0,
            elapsed_ms: u64::try_from(now.since(began).as_millis()).unwrap_or(u64::MAX),
            beyond: ["jwks"],
        }
    }
}
