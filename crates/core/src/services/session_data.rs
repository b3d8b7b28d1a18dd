//! What an application keeps with a session: merged member by member, never into a session that ended.

use counterfoil_jose::Time;
use counterfoil_verify::SessionId;

use crate::client_error::{ClientError, InvalidCredential};
use crate::services::ServiceError;
use crate::store::{Change, CommitOutcome, SessionData, Store};

/// The most bytes that the data of one session may have.
pub const MAX_BYTES: usize = 16 * 1024;

/// The data of a session as it is now; empty, at revision 0, if none was ever kept.
///
/// # Errors
///
/// If the store could not be read.
pub async fn load(store: &dyn Store, session: SessionId) -> Result<SessionData, ServiceError> {
    let stored = store.session_data(session).await?;
    Ok(stored.unwrap_or_else(|| SessionData { members: serde_json::Map::new(), revision: 0 }))
}

/// Merges a patch (RFC 7396) into the data of a live session, if they are at the revision `expected`.
/// Parallel patches of different members all survive.
///
/// # Errors
///
/// [`ClientError::Credential`] if the session is live no more, [`ClientError::Precondition`] if the data are at
/// another revision, [`ClientError::TooLarge`] if they would grow beyond [`MAX_BYTES`].
pub async fn merge(
    store: &dyn Store,
    session: SessionId,
    patch: serde_json::Map<String, serde_json::Value>,
    expected: Option<u64>,
    now: Time,
) -> Result<SessionData, ServiceError> {
    let change = Change::MergeData { session, patch, expected_revision: expected, max_bytes: MAX_BYTES, now };
    match store.commit(&[change]).await? {
        CommitOutcome::Applied(applied) => {
            Ok(applied.session_data.expect("a merge that was applied says what came of it"))
        }
        CommitOutcome::Conflict(_) => Err(conflict_reason(store, session, expected, now).await?.into()),
    }
}

/// Why a merge was lost: asked afterwards, since a store compares and does not judge.
async fn conflict_reason(
    store: &dyn Store,
    session: SessionId,
    expected: Option<u64>,
    now: Time,
) -> Result<ClientError, ServiceError> {
    let Some(stored) = store.session(session).await? else { return Ok(InvalidCredential::Unknown.into()) };
    if let Err(reason) = stored.check_active(now) {
        return Ok(reason.into());
    }
    let revision = load(store, session).await?.revision;
    match expected {
        Some(expected) if expected != revision => Ok(ClientError::Precondition),
        Some(_) | None => Ok(ClientError::TooLarge),
    }
}
