//! How much a revocation or a deletion would end, so that an operator can be asked before.

use counterfoil_core::model::admin_key::KeyCreator;
use counterfoil_core::store::{AdminKeyCursor, Page};
use counterfoil_jose::Time;
use counterfoil_verify::{ClientId, UserId};

use crate::app::App;
use crate::operations::admin::responses::RevocationPreviewResponse;
use crate::operations::error::OperationError;

/// Rows of one page.
const PAGE: u32 = 1000;

/// What ends with a user: the active sessions and the admin keys that the user created.
///
/// # Errors
///
/// If the store cannot be read.
pub(crate) async fn of_user(
    app: &App,
    user: UserId,
    now: Time,
) -> Result<RevocationPreviewResponse, OperationError> {
    let page = Page { after: None, limit: PAGE };
    let sessions = app.parts.store.sessions_of(user, page, now).await?.len() as u64;
    Ok(RevocationPreviewResponse { sessions, admin_keys: admin_keys_of(app, user).await? })
}

/// What ends with all that was issued through a client, or to everyone: the active sessions.
///
/// # Errors
///
/// If the store cannot be read.
pub(crate) async fn of_client(
    app: &App,
    client: Option<ClientId>,
    now: Time,
) -> Result<RevocationPreviewResponse, OperationError> {
    let sessions = app.parts.store.count_active_sessions(client, now).await?;
    Ok(RevocationPreviewResponse { sessions, admin_keys: 0 })
}

async fn admin_keys_of(app: &App, user: UserId) -> Result<u64, OperationError> {
    let (mut count, mut after) = (0, None);
    loop {
        let keys = app.parts.store.admin_keys(Page { after, limit: PAGE }).await?;
        count += keys.iter().filter(|key| key.created_by == KeyCreator::User(user)).count() as u64;
        match keys.last() {
            Some(last) if keys.len() == PAGE as usize => {
                after = Some(AdminKeyCursor { created_at: last.created_at, id: last.id });
            }
            Some(_) | None => return Ok(count),
        }
    }
}
