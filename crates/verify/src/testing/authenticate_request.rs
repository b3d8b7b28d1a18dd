//! Authenticates a request of a test without a credential.

use std::sync::Arc;

use http::Request;

use crate::credential::CredentialKind;
use crate::http::auth_state::AuthState;
use crate::http::credentials::CredentialSource;
use crate::principal::Principal;

/// Puts `principal` into `request`, as `AuthLayer` does, for a handler that is tested without the layer.
///
/// A session token counts as presented in a cookie, an access token as presented in the bearer header.
/// A layer that the request passes later replaces the principal; to test an application with its layer, use
/// [`FixedAuthenticator`](crate::testing::FixedAuthenticator).
///
/// ```
/// use counterfoil_verify::AuthState;
/// use counterfoil_verify::testing::{PrincipalBuilder, authenticate_request};
/// use http::Request;
///
/// let mut request = Request::new(());
/// authenticate_request(&mut request, PrincipalBuilder::new("alice").build());
///
/// let state = AuthState::from_extensions(request.extensions()).unwrap();
/// assert_eq!(state.principal().unwrap().subject(), "alice");
/// ```
pub fn authenticate_request<B>(request: &mut Request<B>, principal: Principal) {
    let source = match principal.credential_kind() {
        CredentialKind::SessionToken => CredentialSource::Cookie,
        CredentialKind::AccessToken => CredentialSource::Bearer,
    };
    request.extensions_mut().insert(AuthState::new(Ok(principal), source, Arc::default()));
}
