//! Exchange of a credential for an access token of the same session.

use counterfoil_core::model::session::ClientInfo;
use counterfoil_core::services::issuer::TokenRequest;
use counterfoil_jose::Time;
use counterfoil_verify::{Principal, RevocationPosition, SessionId};

use crate::app::App;
use crate::operations::application_users::check_session;
use crate::operations::credential::IssuedCredential;
use crate::operations::error::OperationError;
use crate::operations::scope_limit::{ACCOUNT_SCOPE, access_bounds, is_limited};

/// Issues an access token for the session of `principal`, and says which scope it has. `session` is its session, with a position of
/// the revocation log at which the credential was valid.
///
/// # Errors
///
/// [`OperationError::LimitedAudience`]; an audience or a scope that is not granted; a session that has ended; a store that
/// fails.
pub(crate) async fn exchange(
    app: &App,
    (principal, session): (&Principal, (SessionId, RevocationPosition)),
    request: &TokenRequest,
    client_info: &ClientInfo,
    now: Time,
) -> Result<(Vec<IssuedCredential>, Option<String>), OperationError> {
    if is_limited(principal) && !principal.has_scope(ACCOUNT_SCOPE) {
        check_own_audience(app, request.audience.as_deref())?;
    }
    check_session(app, session.0, client_info, now).await?;
    let bounds = access_bounds(principal);
    let (access, scope) =
        app.parts.issuer.exchange(session, bounds.as_ref(), request, client_info, now).await?;
    Ok((IssuedCredential::from_access_token(&access), scope))
}

/// Checks that a credential which is limited by scope requests no other audience than the issuer. The same scope may allow
/// more at another service.
fn check_own_audience(app: &App, audience: Option<&str>) -> Result<(), OperationError> {
    match audience {
        Some(audience) if audience != app.settings().issuer.as_str() => Err(OperationError::LimitedAudience),
        Some(_) | None => Ok(()),
    }
}
