//! Access tokens that an operator mints, for machines and for tests as a user.

use counterfoil_core::services::issuer::MintRequest;
use counterfoil_core::services::revoker::RevocationContext;
use counterfoil_jose::{Secret, Time};

use crate::app::App;
use crate::operations::admin::responses::MintedTokenResponse;
use crate::operations::error::OperationError;

/// Mints a token. One for a user has a new session.
///
/// # Errors
///
/// An unknown or disabled user; a lifetime above the limit; a store that fails.
pub(crate) async fn mint(
    app: &App,
    request: &MintRequest,
    context: &RevocationContext,
    now: Time,
) -> Result<MintedTokenResponse, OperationError> {
    let minted = app.parts.issuer.mint(request, context, now).await?;
    Ok(MintedTokenResponse {
        access_token: Secret::new(minted.access.token.to_string()),
        token_type: "Bearer".to_owned(),
        expires_in: minted.access.expires_at.since(now).as_secs(),
        expires_at: minted.access.expires_at.unix_seconds(),
        token_id: minted.id.to_string(),
        session: minted.session.map(|id| id.to_string()),
    })
}
