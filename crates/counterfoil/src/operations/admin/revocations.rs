//! Revocations by administrators.

use std::sync::Arc;

use counterfoil_jose::Time;
use counterfoil_verify::{RevocationPosition, RevocationSubject};

use crate::app::App;
use crate::operations::admin::requests::{ValidRevocation, Wait};
use crate::operations::admin::responses::RevocationResponse;
use crate::operations::error::OperationError;
use crate::runtime::task::run_on_blocking_thread;

/// Revokes the subject. It is durable and in force in this process when this returns, and after a wait for the fleet in
/// every verifier that follows the feed.
///
/// # Errors
///
/// If there is no such subject, or the server shuts down during the wait.
pub(crate) async fn revoke(
    app: &App,
    revocation: ValidRevocation,
    now: Time,
) -> Result<RevocationResponse, OperationError> {
    let started_at = app.parts.feed.uptime();
    let shared = app.clone();
    let ValidRevocation { subject, note, context, wait } = revocation;
    let revoked = subject.clone();
    // On another thread: revoking a key generates a new one.
    let revoked = run_on_blocking_thread(async move {
        shared.parts.administration.revoke(&revoked, note.as_deref(), &context, now).await
    });
    let position = revoked.await?.position;
    let fleet = match wait {
        Wait::None => None,
        Wait::Fleet => Some(app.parts.feed.wait_for_fleet(subject, position).await?),
    };
    Ok(RevocationResponse::new(position, fleet, app.parts.feed.uptime().saturating_sub(started_at)))
}

/// Follows a revocation at `position` to the verifiers, so that the list of waits has it until none of them accepts the
/// subject. It ends by itself.
pub(crate) fn follow_fleet(app: &App, subject: RevocationSubject, position: u64) {
    let feed = Arc::clone(&app.parts.feed);
    tokio::spawn(async move {
        if let Err(error) = feed.wait_for_fleet(subject, RevocationPosition::new(position)).await {
            tracing::warn!(%error, "a revocation is no longer followed to the verifiers");
        }
    });
}
