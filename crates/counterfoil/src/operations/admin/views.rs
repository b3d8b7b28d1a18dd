//! The JSON of records for administrators, the same over HTTP and at the command line.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use counterfoil_core::model::admin_key::{AdminKeyRecord, KeyCreator};
use counterfoil_core::model::audit_event::Actor;
use counterfoil_core::model::client::{Client, Lifetimes};
use counterfoil_core::model::key::KeyState;
use counterfoil_core::model::session::{Mode, Session};
use counterfoil_core::model::user::User;
use counterfoil_core::model::verifier_key::VerifierKeyRecord;
use counterfoil_core::services::keys::keyring::KeyStatus;
use counterfoil_core::services::login_rate_limiter::AccountCounter;
use counterfoil_core::services::revocation_feed::FleetProgress;
use counterfoil_jose::Time;
use counterfoil_verify::{AuthError, Principal, RevocationEntry};

use crate::feed::followers::FollowerStatus;
use crate::feed::running_waits::RunningWait;
use crate::limits::write_rate::WriteCounter;
use crate::operations::admin::event_names::EventNames;
use crate::operations::audit_log::NumberedEvent;
use crate::operations::pagination::{ListItem, ListResponse};
use crate::operations::views::{SessionView, UserView};
use crate::store::node::peers::NodeStatus;

/// A user, as an administrator sees them.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[schema(as = AdminUser)]
#[non_exhaustive]
pub struct AdminUserView {
    /// What the user sees as well.
    #[serde(flatten)]
    pub user: UserView,
    /// Since when the user is disabled, in Unix seconds, or null.
    pub disabled_at: Option<u64>,
}

impl From<&User> for AdminUserView {
    fn from(user: &User) -> Self {
        Self { user: UserView::from(user), disabled_at: user.disabled_at.map(Time::unix_seconds) }
    }
}

/// What the rate limits count for an account or for a client IP, and until when they reject attempts.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[schema(as = AccountCounter)]
#[non_exhaustive]
pub struct AccountCounterView {
    /// What is counted. For an account: `failed_logins` (consecutive, from all IPs), `failed_logins_from_ip`,
    /// `consecutive_failed_logins_from_ip`, `wrong_current_passwords`, `successful_logins` (from one IP),
    /// `password_changes`, `writes`, `refreshes`, `session_ends`, `single_session_ends`. For a client IP, to any account:
    /// `all_failed_logins_from_ip`, `all_successful_logins_from_ip`, `registrations`, `writes_from_ip`.
    pub event: String,
    /// The login name for which it is counted, or null if it is counted for the user or the client IP.
    pub login_name: Option<String>,
    /// The client IP for which it is counted (an IPv6 address stands for its network), or null for all of them together.
    #[serde(default)]
    pub client_ip: Option<String>,
    /// The events in the current window.
    pub count: u64,
    /// The most events in a window, or null without a limit.
    pub max: Option<u32>,
    /// The length of a window, in seconds.
    pub window: u64,
    /// When the current window ends, in Unix seconds, or null if nothing is counted.
    pub resets_at: Option<u64>,
    /// Until when attempts are rejected, in Unix seconds, or null. Failed logins do not close the account to IPs from
    /// which the user has logged in before.
    pub blocked_until: Option<u64>,
}

impl AccountCounterView {
    pub(crate) fn from_login_counter(counter: &AccountCounter) -> Self {
        Self {
            event: counter.event.as_str().to_owned(),
            login_name: counter.login_name.clone(),
            client_ip: counter.client_ip.map(|ip| ip.to_string()),
            count: counter.count,
            max: Some(counter.limit.max).filter(|_| !counter.limit.is_off()),
            window: counter.limit.window.as_secs(),
            resets_at: counter.resets_at.map(Time::unix_seconds),
            blocked_until: counter.blocked_until().map(Time::unix_seconds),
        }
    }

    pub(crate) fn from_write_counter(counter: &WriteCounter) -> Self {
        let WriteCounter { event, client_ip, value, limit } = counter;
        let resets_at = Some(value.resets_at.unix_seconds()).filter(|_| value.count > 0);
        Self {
            event: (*event).to_owned(),
            login_name: None,
            client_ip: client_ip.map(|ip| ip.to_string()),
            count: value.count,
            max: Some(limit.max).filter(|_| !limit.is_off()),
            window: limit.window.as_secs(),
            resets_at,
            blocked_until: resets_at.filter(|_| value.count >= limit.max.into()),
        }
    }
}

/// The content of an access token that is valid.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct VerifiedTokenView {
    /// The user or the machine (`sub`).
    pub subject: String,
    /// The session (`sid`), if there is one.
    pub session: Option<String>,
    /// The client application, if there is one.
    pub client_id: Option<String>,
    /// The services that accept it (`aud`).
    pub audiences: Vec<String>,
    /// The scopes.
    pub scope: Vec<String>,
    /// The roles.
    pub roles: Vec<String>,
    /// When it expires, in Unix seconds.
    pub expires_at: u64,
}

impl From<&Principal> for VerifiedTokenView {
    fn from(principal: &Principal) -> Self {
        Self {
            subject: principal.subject().to_owned(),
            session: principal.session_id().map(|id| id.to_string()),
            client_id: principal.client_id().map(ToString::to_string),
            audiences: principal.audiences().to_vec(),
            scope: principal.scopes().map(str::to_owned).collect(),
            roles: principal.roles().to_vec(),
            expires_at: principal.expires_at().unix_seconds(),
        }
    }
}

/// Why an access token is rejected.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct TokenRejectionView {
    /// A stable code.
    pub reason: String,
    /// A sentence.
    pub detail: String,
    /// Whether no key in the key set has the id that the token names.
    pub is_unknown_key: bool,
}

impl From<&AuthError> for TokenRejectionView {
    fn from(error: &AuthError) -> Self {
        Self {
            reason: error.code().to_owned(),
            detail: error.reason().map_or_else(|| error.to_string(), ToString::to_string),
            is_unknown_key: error.is_unknown_key(),
        }
    }
}

/// A client application.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[schema(as = Client)]
#[non_exhaustive]
pub struct ClientView {
    /// The id.
    pub id: String,
    /// A name for people.
    pub name: String,
    /// The modes that a login may use: `session`, `jwt`, `hybrid`.
    #[schema(value_type = Vec<String>)]
    pub modes: Vec<Mode>,
    /// The audiences, in addition to the issuer, for which its tokens may be issued; null: any.
    pub audiences: Option<Vec<String>>,
    /// The scopes that it may request; null: any.
    pub scopes: Option<Vec<String>>,
    /// The lifetimes of its credentials.
    pub lifetimes: LifetimesView,
    /// Whether it may be used.
    pub enabled: bool,
}

/// The lifetimes of a client's credentials, in seconds.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[schema(as = Lifetimes)]
#[non_exhaustive]
pub struct LifetimesView {
    /// A session of mode `session` that is not used.
    pub session_idle: u64,
    /// A session of mode `session`.
    pub session_absolute: u64,
    /// An access token of mode `jwt`.
    pub jwt: u64,
    /// An access token of mode `hybrid`.
    pub access: u64,
    /// A refresh token that is not used.
    pub refresh_idle: u64,
    /// A session of mode `hybrid`.
    pub refresh_absolute: u64,
}

impl From<&Client> for ClientView {
    fn from(client: &Client) -> Self {
        let Lifetimes { session_idle, session_absolute, jwt, access, refresh_idle, refresh_absolute } =
            client.lifetimes;
        Self {
            id: client.id.to_string(),
            name: client.name.clone(),
            modes: client.modes.clone(),
            audiences: client.audiences.clone(),
            scopes: client.scopes.clone(),
            lifetimes: LifetimesView {
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
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[schema(as = AdminKey)]
#[non_exhaustive]
pub struct AdminKeyView {
    /// The id.
    pub id: String,
    /// A name for people.
    pub name: String,
    /// Who created it: `user:<id>` or `operator`. It is removed when that user is deleted or is no
    /// administrator any more.
    pub created_by: String,
    /// Unix seconds.
    pub created_at: u64,
}

impl From<&AdminKeyRecord> for AdminKeyView {
    fn from(key: &AdminKeyRecord) -> Self {
        Self {
            id: key.id.to_string(),
            name: key.name.clone(),
            created_by: match key.created_by {
                KeyCreator::User(id) => actor_id(&Actor::User(id)),
                KeyCreator::Operator => actor_id(&Actor::Operator),
            },
            created_at: key.created_at.unix_seconds(),
        }
    }
}

/// A verifier key, without its secret.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[schema(as = VerifierKey)]
#[non_exhaustive]
pub struct VerifierKeyView {
    /// The id.
    pub id: String,
    /// A name for people.
    pub name: String,
    /// Unix seconds.
    pub created_at: u64,
}

impl From<&VerifierKeyRecord> for VerifierKeyView {
    fn from(key: &VerifierKeyRecord) -> Self {
        Self { id: key.id.to_string(), name: key.name.clone(), created_at: key.created_at.unix_seconds() }
    }
}

/// A process that follows the feed, or did so until some minutes ago.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[schema(as = Verifier)]
#[non_exhaustive]
pub struct VerifierView {
    /// The id of its verifier key.
    pub key_id: String,
    /// The name of the key, or null if the key was removed.
    pub name: Option<String>,
    /// The id that the process drew when it started.
    pub instance: String,
    /// `fresh`, or `stale`: its lease has run out, and it refuses every credential.
    pub state: String,
    /// Up to which position of the revocation log it has confirmed every entry.
    pub acknowledged: u64,
    /// How many later entries there are.
    pub lag_entries: u64,
    /// How long ago the first of them was published, in milliseconds.
    pub lag_ms: u64,
    /// How much of its lease is left, as the issuer counts it, in milliseconds.
    pub lease_left_ms: u64,
    /// When its first poll arrived, in Unix seconds.
    pub first_polled_at: u64,
    /// When its last poll arrived, in Unix seconds.
    pub polled_at: u64,
}

impl VerifierView {
    pub(crate) fn new(status: &FollowerStatus, name: Option<String>) -> Self {
        Self {
            key_id: status.follower.key.to_string(),
            name,
            instance: status.follower.instance.to_string(),
            state: if status.lease_left.is_zero() { "stale" } else { "fresh" }.to_owned(),
            acknowledged: status.acknowledged.number(),
            lag_entries: u64::try_from(status.lag_entries).unwrap_or(u64::MAX),
            lag_ms: millis(status.lag),
            lease_left_ms: millis(status.lease_left),
            first_polled_at: status.first_polled_at.unix_seconds(),
            polled_at: status.polled_at.unix_seconds(),
        }
    }
}

/// A node: a server that serves from the store with others.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[non_exhaustive]
pub struct NodeView {
    /// The id that the process drew when it started.
    pub id: String,
    /// The name that its settings give it. Two nodes may have the same.
    pub name: String,
    /// Whether it is the node that answers.
    pub is_this: bool,
    /// `active`, or `dead`: it has not renewed its lease for so long that nothing is accepted there. Another node removes it.
    pub state: String,
    /// Rises with each renewal of its lease.
    pub renewals: u64,
    /// Up to which position of the revocation log every entry is in force there.
    pub applied: u64,
    /// Up to which position every entry is also in force at the verifiers that poll it.
    pub confirmed: u64,
    /// How long it answers from memory after it has begun a renewal, in milliseconds.
    pub lease_ms: u64,
}

impl NodeView {
    pub(crate) fn new(status: &NodeStatus) -> Self {
        let row = &status.row;
        Self {
            id: row.id.to_string(),
            name: row.name.clone(),
            is_this: status.is_this,
            state: if status.is_dead { "dead" } else { "active" }.to_owned(),
            renewals: row.renewals,
            applied: row.applied.number(),
            confirmed: row.confirmed.number(),
            lease_ms: millis(row.lease),
        }
    }
}

/// A page of nodes.
pub(crate) type NodeList = ListResponse<NodeView>;

impl ListItem for NodeView {
    const MEMBER: &'static str = "nodes";
    const SCHEMA: &'static str = "NodeList";
}

/// An entry of the revocation log.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[schema(as = RevocationEntry)]
#[non_exhaustive]
pub struct RevocationEntryView {
    /// Its position in the log.
    pub position: u64,
    /// `session:ID`, `user:ID`, `token:ID`, `client:ID`, `key:ID` or `everyone`.
    pub subject: String,
    /// When the last token that it revokes has expired, in Unix seconds; null for a key.
    pub until: Option<u64>,
}

impl From<&RevocationEntry> for RevocationEntryView {
    fn from(entry: &RevocationEntry) -> Self {
        Self {
            position: entry.position.number(),
            subject: entry.subject.to_string(),
            until: entry.until.map(Time::unix_seconds),
        }
    }
}

/// A revocation that waits until no verifier accepts its subject.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[schema(as = FleetWait)]
#[non_exhaustive]
pub struct FleetWaitView {
    /// What is revoked.
    pub subject: String,
    /// The position that is awaited.
    pub position: u64,
    /// How many verifiers have confirmed it.
    pub confirmed: u64,
    /// Of how many others the lease has run out.
    pub expired: u64,
    /// How many are awaited.
    pub waiting: u64,
    /// When the last lease runs out, in milliseconds from now.
    pub over_in_ms: u64,
}

impl FleetWaitView {
    pub(crate) fn new(wait: &RunningWait, progress: &FleetProgress, now: Duration) -> Self {
        let count = |number: usize| u64::try_from(number).unwrap_or(u64::MAX);
        Self {
            subject: wait.subject.to_string(),
            position: wait.position.number(),
            confirmed: count(progress.confirmed),
            expired: count(progress.expired),
            waiting: count(progress.waiting),
            over_in_ms: millis(progress.over_at.saturating_sub(now)),
        }
    }
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

/// The public data of a signing key or of a refresh token key.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[schema(as = SigningKey)]
#[non_exhaustive]
pub struct KeyView {
    /// The `kid` of a signing key (RFC 7638), or the id of a refresh token key.
    pub id: String,
    /// The JOSE name of its algorithm.
    pub algorithm: String,
    /// `next` (published, unused), `current`, `retired` (its tokens are valid), `removed` (its tokens have
    /// expired) or `revoked` (its tokens are invalid).
    pub state: String,
    /// When it was created and published, in Unix seconds.
    pub created_at: u64,
    /// When it entered its state.
    pub changed_at: u64,
    /// When it was or will be activated; null if that is unknown or never happened.
    pub activated_at: Option<u64>,
    /// When it stopped signing, if it is retired.
    pub retired_at: Option<u64>,
    /// When it is removed from the published keys, if it is retired.
    pub removed_at: Option<u64>,
}

impl KeyView {
    pub(crate) fn from_status(key: &KeyStatus) -> Self {
        Self {
            id: key.id.to_string(),
            algorithm: key.algorithm.clone(),
            state: key.state.as_str().to_owned(),
            created_at: key.created_at.unix_seconds(),
            changed_at: key.changed_at.unix_seconds(),
            activated_at: key.activated_at.map(Time::unix_seconds),
            retired_at: (key.state == KeyState::Retired).then(|| key.changed_at.unix_seconds()),
            removed_at: key.removed_at.map(Time::unix_seconds),
        }
    }
}

/// A session, with its user.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[schema(as = AdminSession)]
#[non_exhaustive]
pub struct AdminSessionView {
    /// What the user sees as well.
    #[serde(flatten)]
    pub session: SessionView,
    /// The id of the user.
    pub user: String,
    /// The name of the user, or null if the user was just deleted.
    pub username: Option<String>,
}

impl AdminSessionView {
    pub(crate) fn new(session: &Session, username: Option<String>) -> Self {
        Self { session: SessionView::from(session), user: session.user.to_string(), username }
    }
}

/// A page of the sessions of all users.
pub(crate) type AdminSessionList = ListResponse<AdminSessionView>;

impl ListItem for AdminSessionView {
    const MEMBER: &'static str = "sessions";
    const SCHEMA: &'static str = "AdminSessionList";
}

/// An audit event.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[schema(as = AuditEvent)]
#[non_exhaustive]
pub struct AuditEventView {
    /// Increases with each event.
    pub number: u64,
    /// Unix seconds.
    pub at: u64,
    /// The kind of the event.
    pub kind: String,
    /// The kind as a sentence.
    pub text: String,
    /// The id of the user, or null.
    pub user: Option<String>,
    /// The present name of the user, or null if the event has no user or the user was deleted.
    pub username: Option<String>,
    /// The session, or null.
    pub session: Option<String>,
    /// The client application, or null.
    pub client_id: Option<String>,
    /// Who caused it: `user:<id>`, `admin_key:<id>`, `operator`, `system` or `anonymous`.
    pub actor: String,
    /// The present name of the user or the admin key that caused it, or null.
    pub actor_name: Option<String>,
    /// The end reason, if a session ended.
    pub reason: Option<String>,
    /// The client IP, or null.
    pub ip: Option<String>,
    /// The user agent, or null.
    pub user_agent: Option<String>,
    /// More about it, or null.
    pub detail: Option<String>,
}

impl AuditEventView {
    pub(crate) fn new((number, event): &NumberedEvent, names: &EventNames) -> Self {
        Self {
            number: *number,
            at: event.at.unix_seconds(),
            kind: event.kind.as_str().to_owned(),
            text: event.kind.description().to_owned(),
            user: event.user.map(|id| id.to_string()),
            username: event.user.and_then(|id| names.user(id)),
            session: event.session.map(|id| id.to_string()),
            client_id: event.client.as_ref().map(|id| id.to_string()),
            actor: actor_id(&event.actor),
            actor_name: names.actor(&event.actor),
            reason: event.reason.map(|reason| reason.as_str().to_owned()),
            ip: event.client_info.ip.map(|ip| ip.to_string()),
            user_agent: event.client_info.user_agent.clone(),
            detail: event.detail.as_ref().map(|text| text.to_string()),
        }
    }
}

/// The actor as text: `user:<id>`, `admin_key:<id>`, `operator`, `system` or `anonymous`.
pub(crate) fn actor_id(actor: &Actor) -> String {
    match actor {
        Actor::Anonymous => "anonymous".to_owned(),
        Actor::User(id) => format!("user:{id}"),
        Actor::AdminKey(id) => format!("admin_key:{id}"),
        Actor::Operator => "operator".to_owned(),
        Actor::System => "system".to_owned(),
    }
}

/// A page of users.
pub(crate) type UserList = ListResponse<AdminUserView>;

impl ListItem for AdminUserView {
    const MEMBER: &'static str = "users";
    const SCHEMA: &'static str = "UserList";
}

/// A page of clients.
pub(crate) type ClientList = ListResponse<ClientView>;

impl ListItem for ClientView {
    const MEMBER: &'static str = "clients";
    const SCHEMA: &'static str = "ClientList";
}

/// A page of admin keys.
pub(crate) type AdminKeyList = ListResponse<AdminKeyView>;

impl ListItem for AdminKeyView {
    const MEMBER: &'static str = "admin_keys";
    const SCHEMA: &'static str = "AdminKeyList";
}

/// A page of verifier keys.
pub(crate) type VerifierKeyList = ListResponse<VerifierKeyView>;

impl ListItem for VerifierKeyView {
    const MEMBER: &'static str = "verifier_keys";
    const SCHEMA: &'static str = "VerifierKeyList";
}

/// A page of verifiers.
pub(crate) type VerifierList = ListResponse<VerifierView>;

impl ListItem for VerifierView {
    const MEMBER: &'static str = "verifiers";
    const SCHEMA: &'static str = "VerifierList";
}

/// A page of the audit log.
pub(crate) type EventList = ListResponse<AuditEventView>;

impl ListItem for AuditEventView {
    const MEMBER: &'static str = "events";
    const SCHEMA: &'static str = "EventList";
}
