//! Which logins are recent enough for the most dangerous changes of an administrator.

use std::time::Duration;

use counterfoil_core::store::StoreError;
use counterfoil_jose::Time;
use counterfoil_verify::SessionId;

use crate::app::App;

/// How old the login of an administrator may be.
pub(crate) const RECENT: Duration = Duration::from_secs(10 * 60);

/// How far the clock of another node may be ahead. A login that is later was made before the clock was set back.
const CLOCK_DIFFERENCE: Duration = Duration::from_secs(60);

/// Whether the user of `session` proved who they are within the last ten minutes. A refresh or a request is no such proof, so a stolen
/// credential alone leaves no other credential behind, and ends no more than the sessions of single users.
///
/// # Errors
///
/// If the store cannot be read.
pub(crate) async fn has_recent_login(app: &App, session: SessionId, now: Time) -> Result<bool, StoreError> {
    let session = app.parts.store.session(session).await?;
    Ok(session.is_some_and(|it| is_recent(it.authenticated_at, now)))
}

/// Whether a login at `authenticated_at` is recent at `now`.
fn is_recent(authenticated_at: Time, now: Time) -> bool {
    authenticated_at <= now + CLOCK_DIFFERENCE && now < authenticated_at + RECENT
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOON: Time = Time::from_unix_seconds(1_764_000_000);

    #[test]
    fn a_login_is_recent_for_ten_minutes() {
        assert!(is_recent(NOON, NOON));
        assert!(is_recent(NOON, NOON + Duration::from_secs(599)));
        assert!(is_recent(NOON + Duration::from_secs(60), NOON));
        assert!(!is_recent(NOON + Duration::from_secs(61), NOON));
        assert!(!is_recent(NOON, NOON + RECENT));
        assert!(!is_recent(NOON, NOON + Duration::from_secs(86_400)));
    }
}
