//! Session data: the JSON object that an application stores with a session.

use std::num::NonZeroU64;

use counterfoil_jose::Time;
use counterfoil_verify::SessionId;

use crate::client_error::{ClientError, InvalidCredential};
use crate::services::ServiceError;
use crate::store::{Change, CommitOutcome, SessionData, SessionDataPatch, Store};

/// The maximum size of the data of one session, in bytes.
pub const MAX_BYTES: usize = 16 * 1024;

/// Returns the data of a session; an empty object at revision 0 if none was stored.
///
/// # Errors
///
/// If the store cannot be read.
pub async fn load(store: &dyn Store, session: SessionId) -> Result<SessionData, ServiceError> {
    let stored = store.session_data(session).await?;
    Ok(stored.unwrap_or_else(|| SessionData { members: serde_json::Map::new(), revision: 0 }))
}

/// Merges a patch (RFC 7396) into the data of an active session, if the data is at the revision `expected`. Concurrent
/// patches of different members are all kept.
///
/// # Errors
///
/// [`ClientError::Credential`] if the session is no longer active, [`ClientError::Precondition`] if the data is at another
/// revision, [`ClientError::TooLarge`] if the data would exceed [`MAX_BYTES`], or the data of all sessions of the user
/// `max_bytes_of_user` (see [`SessionDataPatch::max_bytes_of_user`]).
pub async fn merge(
    store: &dyn Store,
    session: SessionId,
    patch: serde_json::Map<String, serde_json::Value>,
    expected: Option<u64>,
    max_bytes_of_user: Option<NonZeroU64>,
    now: Time,
) -> Result<SessionData, ServiceError> {
    let change = Change::merge_data(SessionDataPatch {
        session,
        patch,
        expected_revision: expected,
        max_bytes: MAX_BYTES,
        max_bytes_of_user,
        now,
    });
    match store.commit(&[change].into()).await? {
        CommitOutcome::Applied(applied) => {
            Ok(applied.session_data.expect("an applied merge returns the merged data"))
        }
        CommitOutcome::Conflict(_) => Err(conflict_reason(store, session, expected, now).await?.into()),
    }
}

/// Why a merge was not applied. Read afterwards, since the store reports only that a condition did not hold.
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
