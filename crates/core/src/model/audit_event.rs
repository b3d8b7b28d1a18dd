//! Audit events: the actor, the action, the user and the reason. They answer "why was I logged out?".

use std::borrow::Cow;
use std::time::Duration;

use counterfoil_jose::Time;
use counterfoil_verify::{ClientId, SessionId, UserId};

use crate::credentials::admin_key::AdminKeyId;
use crate::model::session::{ClientInfo, EndReason, Session};

/// An entry of the audit log. It never contains a secret or a login name that belongs to no user: a user may
/// have typed a password there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuditEvent {
    /// When it happened.
    pub at: Time,
    /// What happened.
    pub kind: AuditEventKind,
    /// The user that the event concerns.
    pub user: Option<UserId>,
    /// The session that it is about.
    pub session: Option<SessionId>,
    /// The client that it is about, or that was used.
    pub client: Option<ClientId>,
    /// Who did it.
    pub actor: Actor,
    /// The reason, if something ended or was revoked.
    pub reason: Option<EndReason>,
    /// The client that sent the request.
    pub client_info: ClientInfo,
    /// Anything else: a short text, the name of a key, or the note of an administrator.
    pub detail: Option<Cow<'static, str>>,
}

impl AuditEvent {
    /// An event of a user, caused by that user.
    pub fn by_user(kind: AuditEventKind, user: UserId, client_info: &ClientInfo, at: Time) -> Self {
        Self {
            at,
            kind,
            user: Some(user),
            session: None,
            client: None,
            actor: Actor::User(user),
            reason: None,
            client_info: client_info.clone(),
            detail: None,
        }
    }

    /// An event that `actor` caused and that is about no user yet.
    pub fn by_actor(kind: AuditEventKind, actor: Actor, client_info: &ClientInfo, at: Time) -> Self {
        Self {
            at,
            kind,
            user: None,
            session: None,
            client: None,
            actor,
            reason: None,
            client_info: client_info.clone(),
            detail: None,
        }
    }

    /// The expiry of a session, at the time at which it expired. The detail says after how long.
    pub fn session_expired(session: &Session) -> Self {
        let reason = session.expiry_reason();
        let detail = match reason {
            EndReason::Idle => format!("not used for {}", words_for(session.idle)),
            _ => format!("{} after the login", words_for(session.expires_at.since(session.authenticated_at))),
        };
        let client_info = ClientInfo::default();
        Self::by_actor(AuditEventKind::SessionExpired, Actor::System, &client_info, session.ends_at())
            .with_user(session.user)
            .with_session(session.id, session.client.clone())
            .with_reason(reason)
            .with_detail(detail)
    }

    /// The same event, about this user.
    pub fn with_user(self, user: UserId) -> Self {
        Self { user: Some(user), ..self }
    }

    /// The same event, about this client or through it.
    pub fn with_client(self, client: ClientId) -> Self {
        Self { client: Some(client), ..self }
    }

    /// The same event with this detail.
    pub fn with_detail(self, detail: impl Into<Cow<'static, str>>) -> Self {
        Self { detail: Some(detail.into()), ..self }
    }

    /// The same event, about this session.
    pub fn with_session(self, session: SessionId, client: ClientId) -> Self {
        Self { session: Some(session), client: Some(client), ..self }
    }

    /// The same event with this reason.
    pub fn with_reason(self, reason: EndReason) -> Self {
        Self { reason: Some(reason), ..self }
    }
}

/// A duration in whole units, of which at least two pass: `36 hours`, `15 minutes`.
fn words_for(duration: Duration) -> String {
    let seconds = duration.as_secs();
    let (count, unit) = match seconds {
        ..120 => (seconds, "seconds"),
        120..7_200 => (seconds / 60, "minutes"),
        7_200..172_800 => (seconds / 3_600, "hours"),
        _ => (seconds / 86_400, "days"),
    };
    format!("{count} {unit}")
}

/// The cause of an event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Actor {
    /// A request without a valid credential.
    Anonymous,
    /// A user, for themselves or as an administrator.
    User(UserId),
    /// A program with an admin key.
    AdminKey(AdminKeyId),
    /// An operator at the command line of the machine.
    Operator,
    /// The server itself.
    System,
}

macro_rules! event_kinds {
    ($($(#[doc = $text:literal])* $kind:ident = $name:literal,)*) => {
        /// The kind of an audit event.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        #[non_exhaustive]
        pub enum AuditEventKind {
            $($(#[doc = $text])* $kind,)*
        }

        impl AuditEventKind {
            /// Every kind in the order of declaration: `ALL[kind as usize]` is `kind`.
            pub const ALL: &'static [Self] = &[$(Self::$kind,)*];

            /// The name, as it is stored and shown.
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$kind => $name,)*
                }
            }

            /// A sentence for people.
            pub fn description(self) -> &'static str {
                match self {
                    $(Self::$kind => concat!($($text),*).trim_start(),)*
                }
            }

            /// The kind with this name.
            pub fn from_name(name: &str) -> Option<Self> {
                match name {
                    $($name => Some(Self::$kind),)*
                    _ => None,
                }
            }
        }
    };
}

event_kinds! {
    /// A user was registered.
    UserRegistered = "user_registered",
    /// A login succeeded.
    LoginSucceeded = "login_succeeded",
    /// A login failed.
    LoginFailed = "login_failed",
    /// A refresh token was rotated.
    Refreshed = "refreshed",
    /// A refresh was repeated from another IP address or user agent than before.
    RefreshRetried = "refresh_retried",
    /// A used refresh token was presented again: it was stolen, or the client lost its state.
    RefreshReuseDetected = "refresh_reuse_detected",
    /// A session ended.
    SessionEnded = "session_ended",
    /// All sessions of a user, except at most one, ended.
    SessionsEnded = "sessions_ended",
    /// A session expired, because it was not used or reached its absolute end.
    SessionExpired = "session_expired",
    /// An access token was issued in exchange for a session.
    TokenExchanged = "token_exchanged",
    /// An operator minted an access token.
    TokenMinted = "token_minted",
    /// A password was changed.
    PasswordChanged = "password_changed",
    /// A password change failed.
    PasswordChangeFailed = "password_change_failed",
    /// Roles were changed.
    RolesChanged = "roles_changed",
    /// A user was disabled.
    UserDisabled = "user_disabled",
    /// A user was enabled.
    UserEnabled = "user_enabled",
    /// A user was deleted; their audit events stay, under their id.
    UserDeleted = "user_deleted",
    /// The e-mail address of a user, or whether it is verified, was changed by someone else.
    EmailChanged = "email_changed",
    /// The application's own id of a user was changed.
    ExternalIdChanged = "external_id_changed",
    /// Everything that a user had been issued was revoked.
    UserRevoked = "user_revoked",
    /// One access token was revoked.
    TokenRevoked = "token_revoked",
    /// Everything that had been issued through a client was revoked.
    ClientRevoked = "client_revoked",
    /// Everything that had been issued to anyone was revoked.
    EveryoneRevoked = "everyone_revoked",
    /// A client was added.
    ClientAdded = "client_added",
    /// A client was changed.
    ClientChanged = "client_changed",
    /// A key was created.
    KeyCreated = "key_created",
    /// A key from elsewhere was imported as the next signing key.
    KeyImported = "key_imported",
    /// A key became the current one.
    KeyActivated = "key_activated",
    /// A rotation of the signing key was requested.
    RotationRequested = "rotation_requested",
    /// A key was retired: it signs nothing new.
    KeyRetired = "key_retired",
    /// A key was removed: all tokens that it signed have expired.
    KeyRemoved = "key_removed",
    /// Every key was sealed again with another master key.
    MasterKeyReplaced = "master_key_replaced",
    /// A key was revoked: no token that it signed is valid.
    KeyRevoked = "key_revoked",
    /// An admin key was created.
    AdminKeyCreated = "admin_key_created",
    /// An admin key was removed.
    AdminKeyRemoved = "admin_key_removed",
    /// A verifier key was created.
    VerifierKeyCreated = "verifier_key_created",
    /// A verifier key was removed.
    VerifierKeyRemoved = "verifier_key_removed",
    /// The store was restored from a backup: everything issued before is revoked.
    Restored = "restored",
    /// An operator accepted a clock jump.
    ClockAccepted = "clock_accepted",
    /// An administrator reset what the rate limits count for an account or for a client IP.
    RateLimitReleased = "rate_limit_released",
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_duration_is_written_in_the_largest_unit_of_which_two_pass() {
        for (seconds, text) in [
            (0, "0 seconds"),
            (119, "119 seconds"),
            (15 * 60, "15 minutes"),
            (86_400, "24 hours"),
            (7 * 86_400, "7 days"),
            (90 * 86_400 + 1, "90 days"),
        ] {
            assert_eq!(words_for(Duration::from_secs(seconds)), text);
        }
    }
}
