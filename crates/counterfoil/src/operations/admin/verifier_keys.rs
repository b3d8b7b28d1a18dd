//! Administration of verifier keys.

use counterfoil_core::credentials::verifier_key::VerifierKeyId;
use counterfoil_core::services::revoker::RevocationContext;
use counterfoil_core::store::VerifierKeyCursor;
use counterfoil_jose::{Secret, Time};

use crate::app::App;
use crate::operations::admin::responses::CreatedVerifierKeyResponse;
use crate::operations::admin::views::verifier_key::VerifierKeyView;
use crate::operations::error::OperationError;
use crate::operations::pagination::{ListResponse, Pagination};

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
) -> Result<CreatedVerifierKeyResponse, OperationError> {
    let (key, record) = app.parts.administration.create_verifier_key(name, context, now).await?;
    let key = Secret::new(key.to_string());
    Ok(CreatedVerifierKeyResponse { id: record.id.to_string(), key })
}

/// Lists the keys, oldest first.
///
/// # Errors
///
/// If the store cannot be read.
pub(crate) async fn list(
    app: &App,
    page: Pagination<VerifierKeyCursor>,
) -> Result<ListResponse<VerifierKeyView>, OperationError> {
    let mut keys = app.parts.store.verifier_keys(page.to_page()).await?;
    let next = page.finish(&mut keys, |key| VerifierKeyCursor { created_at: key.created_at, id: key.id });
    Ok(ListResponse::new(&keys, next))
}

/// Removes a key; it is invalid at once.
///
/// # Errors
///
/// If there is no such key.
pub(crate) async fn remove(
    app: &App,
    id: VerifierKeyId,
    context: &RevocationContext,
    now: Time,
) -> Result<(), OperationError> {
    Ok(app.parts.administration.remove_verifier_key(id, context, now).await?)
}
