//! A session that many tests start from.

use std::time::Duration;

use counterfoil_jose::Time;
use counterfoil_verify::{ClientId, RevocationPosition, SessionId, UserId};

use crate::credentials::session_token::TokenHash;
use crate::model::session::{ClientInfo, Session, SessionCredential};

/// An arbitrary time.
pub const NOON: Time = Time::from_unix_seconds(1_764_000_000);

const DAY: Duration = Duration::from_secs(86_400);

/// A cookie session of that user, created at [`NOON`]: it expires after one idle day, and after thirty days in any case.
pub fn cookie_session(id: SessionId, user: UserId) -> Session {
    Session {
        id,
        user,
        client: ClientId::default(),
        credential: SessionCredential::Cookie(TokenHash::from_bytes([7; 32])),
        authenticated_at: NOON,
        amr: vec!["pwd".into()],
        acr: None,
        seen_at: NOON,
        idle: DAY,
        expires_at: NOON + 30 * DAY,
        pos: RevocationPosition::START,
        scope: None,
        audience: None,
        client_info: ClientInfo::default(),
        label: None,
        status_index: None,
        ended: None,
        revision: 0,
    }
}

/// A session with this credential, of an arbitrary user.
#[cfg(test)]
pub(super) fn session_with(credential: SessionCredential) -> Session {
    Session { credential, ..cookie_session(SessionId::from_bytes([9; 16]), UserId::from_bytes([8; 16])) }
}
