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

/// The most sessions of a user that are counted. At this count there may be more.
pub(crate) const MAX_COUNTED: u64 = PAGE as u64;

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
    Ok(admin_key_names_of(app, user).await?.len() as u64)
}

/// The names of the admin keys that the user created.
///
/// # Errors
///
/// If the store cannot be read.
pub(crate) async fn admin_key_names_of(app: &App, user: UserId) -> Result<Vec<String>, OperationError> {
    let (mut names, mut after) = (Vec::new(), None);
    loop {
        let keys = app.parts.store.admin_keys(Page { after, limit: PAGE }).await?;
        let last = keys.last().map(|key| AdminKeyCursor { created_at: key.created_at, id: key.id });
        let is_last_page = keys.len() < PAGE as usize;
        let of_user = keys.into_iter().filter(|key| key.created_by == KeyCreator::User(user));
        names.extend(of_user.map(|key| key.name));
        match last {
            Some(last) if !is_last_page => after = Some(last),
            Some(_) | None => return Ok(names),
        }
    }
}
