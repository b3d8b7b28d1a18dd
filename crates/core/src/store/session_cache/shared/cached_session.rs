//! A session with what its requests need, as a shared cache keeps it.

use counterfoil_jose::Time;
use counterfoil_verify::RevocationPosition;

use crate::model::external_id::ExternalId;
use crate::model::session::{ClientInfo, Session, SessionCredential};
use crate::model::user::User;
use crate::store::SessionContext;

/// An active cookie session as it was read from the store, with its user.
///
/// Two of them are equal if a request is answered in the same way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CachedSession {
    /// The session, without what no check of a credential reads: its audience, device, label and status index.
    pub session: Session,
    /// What is known of its user.
    pub user: CachedUser,
    /// The head of the revocation log in the snapshot from which it was read.
    pub log_head: RevocationPosition,
    /// The time before that read.
    pub read_at: Time,
}

/// What a principal says about its user.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CachedUser {
    /// The username.
    pub username: String,
    /// The roles.
    pub roles: Vec<String>,
    /// The application's own id.
    pub external_id: Option<ExternalId>,
    /// The e-mail address, if the user has proved that they own it.
    pub verified_email: Option<String>,
}

impl CachedSession {
    /// What a cache may keep of a session that was read and found valid. `None` unless it has a session token: the state of
    /// refresh tokens is never served from a cache.
    pub fn new(context: SessionContext, read_at: Time) -> Option<Self> {
        let SessionContext { session, user, revocation_log_head: log_head, .. } = context;
        if !matches!(session.credential, SessionCredential::Cookie(_)) || session.ended.is_some() {
            return None;
        }
        let session = Session {
            audience: None,
            client_info: ClientInfo::default(),
            label: None,
            status_index: None,
            ..session
        };
        Some(Self { session, user: user.into(), log_head, read_at })
    }
}

impl From<User> for CachedUser {
    fn from(user: User) -> Self {
        Self {
            username: user.username.as_str().to_owned(),
            roles: user.roles,
            external_id: user.external_id,
            verified_email: user.email.filter(|_| user.email_verified),
        }
    }
}
