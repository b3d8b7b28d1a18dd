//! Administration of admin keys.

use counterfoil_core::credentials::admin_key::{AdminKey, AdminKeyId};
use counterfoil_core::services::revoker::RevocationContext;
use counterfoil_core::store::{AdminKeyCursor, StoreError};
use counterfoil_jose::{Secret, Time};

use crate::app::App;
use crate::operations::admin::responses::CreatedAdminKeyResponse;
use crate::operations::admin::views::admin_key::AdminKeyView;
use crate::operations::error::OperationError;
use crate::operations::pagination::{ListResponse, Pagination};

/// The id of a presented key. `None` if there is no such key.
///
/// # Errors
///
/// If the store cannot be read.
pub(crate) async fn authenticate(app: &App, presented: &AdminKey) -> Result<Option<AdminKeyId>, StoreError> {
    let record = app.parts.administration.verify_admin_key(presented).await?;
    Ok(record.map(|record| record.id))
}

/// Creates a key. Only the answer contains its secret.
///
/// # Errors
///
/// If the name is invalid.
pub(crate) async fn add(
    app: &App,
    name: &str,
    context: &RevocationContext,
    now: Time,
) -> Result<CreatedAdminKeyResponse, OperationError> {
    let (key, record) = app.parts.administration.create_admin_key(name, context, now).await?;
    let key = Secret::new(key.to_string());
    Ok(CreatedAdminKeyResponse { id: record.id.to_string(), name: record.name, key })
}

/// Lists the keys, oldest first.
///
/// # Errors
///
/// If the store cannot be read.
pub(crate) async fn list(
    app: &App,
    page: Pagination<AdminKeyCursor>,
) -> Result<ListResponse<AdminKeyView>, OperationError> {
    let mut keys = app.parts.store.admin_keys(page.to_page()).await?;
    let next = page.finish(&mut keys, |key| AdminKeyCursor { created_at: key.created_at, id: key.id });
    Ok(ListResponse::new(&keys, next))
}

/// Removes a key; it is invalid at once.
///
/// # Errors
///
/// If there is no such key.
pub(crate) async fn remove(
    app: &App,
    id: AdminKeyId,
    context: &RevocationContext,
    now: Time,
) -> Result<(), OperationError> {
    Ok(app.parts.administration.remove_admin_key(id, context, now).await?)
}
