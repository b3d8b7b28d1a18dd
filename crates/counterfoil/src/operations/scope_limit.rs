//! What a credential that is limited by scope may change.
//!
//! A program that got a token for one scope must not be able to log the user out, or to take over the account.

use counterfoil_core::model::session::Session;
#[cfg(feature = "admin")]
use counterfoil_core::model::user::User;
use counterfoil_core::services::issuer::AccessBounds;
use counterfoil_verify::{AuthError, CredentialKind, Principal, RequiredPermission};

use crate::app::App;
use crate::operations::error::OperationError;

/// The scope that a credential which is limited by scope needs to change something of the account.
pub(crate) const ACCOUNT_SCOPE: &str = "counterfoil:account";

/// Checks that the credential may change the account: end its sessions or change its password.
///
/// # Errors
///
/// [`AuthError::Forbidden`] if the credential is limited by scope, without `counterfoil:account`.
pub(crate) fn check_account_access(principal: &Principal) -> Result<(), AuthError> {
    check(is_limited(principal), principal)
}

/// Checks that the credential may change its own session: its data, and whether it continues. A login with a scope may
/// do so with its own credential; a credential that was narrowed further needs `counterfoil:account`.
///
/// # Errors
///
/// [`AuthError::Forbidden`].
pub(crate) fn check_session_access(principal: &Principal, session: &Session) -> Result<(), AuthError> {
    let is_narrowed = match &session.scope {
        None => is_limited(principal),
        Some(scope) => !scope.split(' ').all(|one| principal.has_scope(one)),
    };
    check(is_narrowed, principal)
}

/// Whether the credential may administer: it has the role, and is not limited by scope. A token that is limited to a scope
/// must not give more than it.
#[cfg(feature = "admin")]
pub(crate) fn may_administer(principal: &Principal) -> bool {
    principal.has_role(User::ADMINISTRATOR) && !is_limited(principal)
}

/// As [`check_session_access`], for the session of the principal. It is read from the store only if that can matter.
///
/// # Errors
///
/// [`AuthError::Forbidden`]; if the store cannot be read.
pub(crate) async fn check_own_session_access(app: &App, principal: &Principal) -> Result<(), OperationError> {
    if check_account_access(principal).is_ok() {
        return Ok(());
    }
    let session = match principal.session_id() {
        Some(id) => app.parts.store.session(id).await?,
        None => None,
    };
    match session {
        Some(session) => Ok(check_session_access(principal, &session)?),
        None => Ok(check_account_access(principal)?),
    }
}

/// Whether the credential is limited by scope.
pub(crate) fn is_limited(principal: &Principal) -> bool {
    principal.scopes().next().is_some()
}

fn check(is_limited: bool, principal: &Principal) -> Result<(), AuthError> {
    if is_limited && !principal.has_scope(ACCOUNT_SCOPE) {
        return Err(forbidden());
    }
    Ok(())
}

/// The error of a credential without the scope.
pub(crate) fn forbidden() -> AuthError {
    AuthError::Forbidden(RequiredPermission::Scope(ACCOUNT_SCOPE.into()))
}

/// The limits of a token that is issued for this credential; `None` for a session token. A token for an access token must
/// not live longer or have a wider scope: an attacker with a stolen access token could otherwise extend it.
pub(crate) fn access_bounds(principal: &Principal) -> Option<AccessBounds> {
    match principal.credential_kind() {
        CredentialKind::SessionToken => None,
        CredentialKind::AccessToken => {
            Some(AccessBounds { expires_at: principal.expires_at(), scope: scope_of(principal) })
        }
    }
}

/// The scope of the credential (RFC 6749, section 3.3); `None` if it is not limited by scope.
pub(crate) fn scope_of(principal: &Principal) -> Option<String> {
    let scope = principal.scopes().collect::<Vec<_>>().join(" ");
    (!scope.is_empty()).then_some(scope)
}
