//! The journal: what happened to whom, by whom and why. It answers "why was I logged out?".

use std::borrow::Cow;

use counterfoil_jose::Time;
use counterfoil_verify::{ClientId, SessionId, UserId};

use crate::credentials::admin_key::AdminKeyId;
use crate::model::session::{ClientInfo, EndReason};

/// One line of the journal. It never holds a secret, nor a name that somebody typed and nobody has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuditEvent {
    /// When.
    pub at: Time,
    /// What.
    pub kind: AuditEventKind,
    /// Whose.
    pub user: Option<UserId>,
    /// In which login.
    pub session: Option<SessionId>,
    /// Through which application.
    pub client: Option<ClientId>,
    /// By whom.
    pub actor: Actor,
    /// Why, if something ended.
    pub reason: Option<EndReason>,
    /// From where.
    pub client_info: ClientInfo,
    /// Anything else worth telling: a word or two of ours, the name of a key, what an administrator gave as reason.
    pub detail: Option<Cow<'static, str>>,
}

impl AuditEvent {
    /// Something that a user did themselves.
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

    /// Something that was done to nobody in particular, or to somebody else.
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

    /// The same event, about this user.
    pub fn with_user(self, user: UserId) -> Self {
        Self { user: Some(user), ..self }
    }

    /// The same event, through or about this application.
    pub fn with_client(self, client: ClientId) -> Self {
        Self { client: Some(client), ..self }
    }

    /// The same event, with this worth telling.
    pub fn with_detail(self, detail: impl Into<Cow<'static, str>>) -> Self {
        Self { detail: Some(detail.into()), ..self }
    }

    /// The same event, in this login.
    pub fn with_session(self, session: SessionId, client: ClientId) -> Self {
        Self { session: Some(session), client: Some(client), ..self }
    }

    /// The same event, for this reason.
    pub fn with_reason(self, reason: EndReason) -> Self {
        Self { reason: Some(reason), ..self }
    }
}

/// Who did it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Actor {
    /// Nobody we know: a request without a good credential.
    Anonymous,
    /// A user, of themselves or as administrator.
    User(UserId),
    /// A program with an admin key.
    AdminKey(AdminKeyId),
    /// Somebody at the command line of the machine.
    Operator,
    /// We ourselves.
    System,
}

macro_rules! event_kinds {
    ($($(#[doc = $text:literal])* $kind:ident = $name:literal,)*) => {
        /// What happened.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        #[non_exhaustive]
        pub enum AuditEventKind {
            $($(#[doc = $text])* $kind,)*
        }

        impl AuditEventKind {
            /// Every kind, in the order in which they are declared: `ALL[kind as usize]` is `kind`.
            pub const ALL: &'static [Self] = &[$(Self::$kind,)*];

            /// The word, as the journal keeps and shows it.
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$kind => $name,)*
                }
            }

            /// The same as a sentence for a person.
            pub fn description(self) -> &'static str {
                match self {
                    $(Self::$kind => concat!($($text),*).trim_start(),)*
                }
            }

            /// The kind that this word names.
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
    /// A refresh token turned.
    Refreshed = "refreshed",
    /// A refresh was answered again, to another address or program than before.
    RefreshRetried = "refresh_retried",
    /// A spent refresh token was shown: theft, or a client that broke its store.
    RefreshReuseDetected = "refresh_reuse_detected",
    /// A session ended.
    SessionEnded = "session_ended",
    /// All sessions of a user but at most one ended.
    SessionsEnded = "sessions_ended",
    /// An access token was minted from a session.
    TokenExchanged = "token_exchanged",
    /// An access token was minted by hand.
    TokenMinted = "token_minted",
    /// A password was changed.
    PasswordChanged = "password_changed",
    /// A change of the password failed.
    PasswordChangeFailed = "password_change_failed",
    /// Roles were changed.
    RolesChanged = "roles_changed",
    /// A user was disabled.
    UserDisabled = "user_disabled",
    /// A user was let in again.
    UserEnabled = "user_enabled",
    /// A user was deleted; what the journal says of them stays, under their id.
    UserDeleted = "user_deleted",
    /// Somebody else than the user changed their e-mail address, or whether it is verified.
    EmailChanged = "email_changed",
    /// All that a user was given so far was revoked.
    UserRevoked = "user_revoked",
    /// One access token was revoked.
    TokenRevoked = "token_revoked",
    /// All that was given through a client so far was revoked.
    ClientRevoked = "client_revoked",
    /// All that anybody was given so far was revoked.
    EveryoneRevoked = "everyone_revoked",
    /// A client was added.
    ClientAdded = "client_added",
    /// A client was changed.
    ClientChanged = "client_changed",
    /// A key was made.
    KeyCreated = "key_created",
    /// A key that was made elsewhere was brought in, as the next one.
    KeyImported = "key_imported",
    /// A key was taken into use.
    KeyActivated = "key_activated",
    /// An orderly rotation of the keys that sign was asked for.
    RotationRequested = "rotation_requested",
    /// A key was retired: it signs nothing new.
    KeyRetired = "key_retired",
    /// A key was dropped: all that it signed has expired.
    KeyRemoved = "key_removed",
    /// Every key was sealed anew, under another master key.
    MasterKeyReplaced = "master_key_replaced",
    /// A key was revoked: nothing that it ever signed is good.
    KeyRevoked = "key_revoked",
    /// An admin key was made.
    AdminKeyCreated = "admin_key_created",
    /// An admin key was removed.
    AdminKeyRemoved = "admin_key_removed",
    /// The store was put back from a backup: all that was given before is revoked.
    Restored = "restored",
    /// A jump of the clock was accepted by hand.
    ClockAccepted = "clock_accepted",
}
