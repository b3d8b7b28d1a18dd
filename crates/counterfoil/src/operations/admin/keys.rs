//! Administration of signing keys and refresh token keys.

use std::sync::Arc;

use counterfoil_core::model::session::EndReason;
use counterfoil_core::services::keys::keyring::{ActivateAt, RotatedKeys};
use counterfoil_core::services::revoker::RevocationContext;
use counterfoil_jose::{SealingKey, SigningKey, Time};
use counterfoil_verify::KeyId;

use crate::app::App;
use crate::operations::admin::requests::{KeyRotationRequest, KeySelector};
use crate::operations::admin::responses::{KeyListResponse, RotationResponse};
use crate::operations::admin::views::key::KeyView;
use crate::operations::error::OperationError;
use crate::operations::pagination::{CreatedCursor, Pagination};
use crate::runtime::task::run_on_blocking_thread;

/// Lists the keys, oldest first, also those that were removed. A page has keys of both purposes.
///
/// # Errors
///
/// If the store cannot be read.
pub(crate) async fn list(
    app: &App,
    page: Pagination<CreatedCursor>,
) -> Result<KeyListResponse, OperationError> {
    let keys = app.parts.keys.keys().await?;
    let (keys, next) = page.cut(keys, |key| CreatedCursor { at: key.created_at, id: key.id.to_string() });
    Ok(KeyListResponse::new(keys, next))
}

/// Rotates a key, or schedules the rotation.
///
/// # Errors
///
/// If the change is not durable.
pub(crate) async fn rotate(
    app: &App,
    request: KeyRotationRequest,
    context: RevocationContext,
    now: Time,
) -> Result<RotationResponse, OperationError> {
    let activate_at = if request.now { ActivateAt::Immediately } else { ActivateAt::OncePublished };
    let keys = Arc::clone(&app.parts.keys);
    let rotated = run_on_blocking_thread(async move {
        match request.purpose {
            KeySelector::Signing => keys.rotate(activate_at, &context, now).await,
            // Only this installation uses it, so there is no verifier to wait for.
            KeySelector::RefreshToken => {
                Ok(RotatedKeys { id: keys.rotate_refresh_token_key(&context, now).await?, activated_at: now })
            }
        }
    });
    let rotated = rotated.await?;
    // The background job may be waiting for a later time.
    app.parts.key_schedule_changed.notify_one();
    Ok(RotationResponse::new(&rotated, now))
}

/// Imports a signing key as the next one.
///
/// # Errors
///
/// If the key is refused.
pub(crate) async fn import(
    app: &App,
    key: &SigningKey,
    context: &RevocationContext,
    now: Time,
) -> Result<Option<KeyView>, OperationError> {
    let id = app.parts.keys.import(key, context, now).await?;
    // The imported key may be due at another time than the one that it replaces.
    app.parts.key_schedule_changed.notify_one();
    let keys = app.parts.keys.keys().await?;
    Ok(keys.iter().find(|key| key.id == id).map(KeyView::from_status))
}

/// Encrypts every key in the store with another master key, in one commit.
///
/// # Errors
///
/// If the change is not durable.
pub(crate) async fn reseal(
    app: &App,
    master_key: &SealingKey,
    context: &RevocationContext,
    now: Time,
) -> Result<(), OperationError> {
    Ok(app.parts.keys.reseal(master_key, context, now).await?)
}

/// Revokes a key: all its tokens are invalid at once.
///
/// # Errors
///
/// If there is no such key.
pub(crate) async fn revoke(
    app: &App,
    id: KeyId,
    context: RevocationContext,
    now: Time,
) -> Result<(), OperationError> {
    let context = RevocationContext { reason: EndReason::KeyCompromised, ..context };
    let keys = Arc::clone(&app.parts.keys);
    // On another thread, because a new key is generated.
    run_on_blocking_thread(async move { keys.revoke(&id, &context, now).await }).await?;
    Ok(())
}
