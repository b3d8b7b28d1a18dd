//! The data that an application stores with a session.

use serde_json::{Map, Value};

use counterfoil_core::services::{ServiceError, session_data};
use counterfoil_core::store::SessionData;
use counterfoil_jose::Time;
use counterfoil_verify::SessionId;

use crate::app::App;

/// The data of a session; an empty object at revision 0 if none was stored.
///
/// # Errors
///
/// If the store cannot be read.
pub(crate) async fn load(app: &App, session: SessionId) -> Result<SessionData, ServiceError> {
    session_data::load(&*app.parts.store, session).await
}

/// Merges a patch (RFC 7396) into the data, if it is at the revision `expected`.
///
/// # Errors
///
/// A session that has ended; data at another revision; data that would be too large; a store that fails.
pub(crate) async fn merge(
    app: &App,
    session: SessionId,
    patch: Map<String, Value>,
    expected: Option<u64>,
    now: Time,
) -> Result<SessionData, ServiceError> {
    let max_of_user = app.settings().max_session_data_per_user;
    session_data::merge(&*app.parts.store, session, patch, expected, max_of_user, now).await
}
