//! The user's name for a device.

use counterfoil_jose::Time;
use counterfoil_verify::{SessionId, UserId};

use crate::model::session::Session;
use crate::services::{ATTEMPTS, InternalError, ServiceError};
use crate::store::{Change, CommitOutcome, Store};

/// Names a live session of `owner`, or removes its name. Returns the session; `None` if `owner` has no such live session.
///
/// # Errors
///
/// If the store fails, or other requests change the session at each attempt.
pub async fn set(
    store: &dyn Store,
    owner: UserId,
    session: SessionId,
    label: Option<String>,
    now: Time,
) -> Result<Option<Session>, ServiceError> {
    for _ in 0..ATTEMPTS {
        let stored = store.session(session).await?;
        let is_own = |stored: &Session| stored.user == owner && stored.check_active(now).is_ok();
        let Some(stored) = stored.filter(is_own) else { return Ok(None) };
        let renamed = stored.with_label(label.clone());
        match store.commit(&[Change::replace_session(renamed.clone())].into()).await? {
            CommitOutcome::Applied(_) => return Ok(Some(renamed)),
            CommitOutcome::Conflict(_) => {}
        }
    }
    Err(InternalError::Contention.into())
}
