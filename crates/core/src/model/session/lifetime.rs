//! When a session expires, and how its uses extend it.

use std::time::Duration;

use counterfoil_jose::Time;

use crate::client_error::InvalidCredential;
use crate::model::session::{EndReason, Session, SessionCredential};

/// The highest delay of `seen_at`: it is updated at most once in this time, or in half the idle timeout if
/// that is shorter.
///
/// A crash loses the updates of about one more second. So after a crash a session may expire earlier than it
/// should by that much, but never later.
pub const TOUCH_INTERVAL: Duration = Duration::from_secs(60);

/// The interval between two updates of `seen_at` for a session with this idle timeout.
pub(crate) fn touch_interval(idle: Duration) -> Duration {
    TOUCH_INTERVAL.min(idle / 2)
}

impl Session {
    /// The session with `seen_at` moved to `now`, if an update is due.
    pub fn touch(&self, now: Time) -> Option<Self> {
        match self.credential {
            SessionCredential::Cookie(_) if now >= self.seen_at + self.touch_interval() => {
                Some(Self { seen_at: now, revision: self.revision + 1, ..self.clone() })
            }
            SessionCredential::Cookie(_)
            | SessionCredential::AccessOnly
            | SessionCredential::Refresh { .. } => None,
        }
    }

    /// The interval between two updates of `seen_at`.
    pub fn touch_interval(&self) -> Duration {
        touch_interval(self.idle)
    }

    /// Checks that the session is active: it has not ended, its idle timeout has not passed, and its absolute
    /// end is not reached.
    ///
    /// # Errors
    ///
    /// [`InvalidCredential::Ended`] or [`InvalidCredential::Expired`].
    pub fn check_active(&self, now: Time) -> Result<(), InvalidCredential> {
        if let Some(end) = self.ended {
            return Err(InvalidCredential::Ended(Some(end.reason.phrase())));
        }
        if now >= self.ends_at() {
            return Err(InvalidCredential::Expired);
        }
        Ok(())
    }

    /// When it expires if it is not used again.
    pub fn ends_at(&self) -> Time {
        self.expires_at.min(self.seen_at + self.idle)
    }

    /// Whether its idle timeout or its absolute end comes first.
    pub fn expiry_reason(&self) -> EndReason {
        if self.seen_at + self.idle < self.expires_at { EndReason::Idle } else { EndReason::Absolute }
    }
}

#[cfg(test)]
mod tests {
    use counterfoil_verify::SessionId;

    use crate::credentials::session_token::SessionToken;
    use crate::model::session::sample::{NOON, session_with};

    use super::*;

    #[test]
    fn a_session_expires_when_idle_and_at_its_absolute_end() {
        let cookie = session_with(SessionCredential::AccessOnly);
        assert_eq!(cookie.check_active(NOON + cookie.idle - Duration::from_millis(1)), Ok(()));
        assert_eq!(cookie.check_active(NOON + cookie.idle), Err(InvalidCredential::Expired));

        let used = Session { seen_at: cookie.expires_at - Duration::from_secs(1), ..cookie.clone() };
        assert_eq!(used.check_active(used.expires_at), Err(InvalidCredential::Expired));
    }

    #[test]
    fn a_use_is_recorded_once_a_minute() {
        let token = SessionToken::generate(SessionId::from_bytes([9; 16])).unwrap();
        let session = session_with(SessionCredential::Cookie(token.hash()));

        assert_eq!(session.touch(NOON + Duration::from_millis(59_999)), None);
        let next_revision = session.touch(NOON + Duration::from_secs(60)).unwrap();
        assert_eq!(next_revision.seen_at, NOON + Duration::from_secs(60));
        assert_eq!(next_revision.revision, 1);
    }
}
