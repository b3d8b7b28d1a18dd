//! Revocations by administrators.

use counterfoil_jose::Time;

use crate::app::App;
use crate::operations::admin::requests::ValidRevocation;
use crate::operations::admin::responses::RevocationResponse;
use crate::operations::error::OperationError;
use crate::runtime::task::run_on_blocking_thread;

/// Revokes the subject. It is durable and in force in this process when this returns.
///
/// # Errors
///
/// If there is no such subject.
pub(crate) async fn revoke(
    app: &App,
    revocation: ValidRevocation,
    started_at: Time,
) -> Result<RevocationResponse, OperationError> {
    let shared = app.clone();
    // On another thread: revoking a key generates a new one.
    let revoked = run_on_blocking_thread(async move {
        let ValidRevocation { subject, note, context } = revocation;
        shared.parts.administration.revoke(&subject, note.as_deref(), &context, started_at).await
    });
    Ok(RevocationResponse::new(&revoked.await?, started_at, app.now()))
}
