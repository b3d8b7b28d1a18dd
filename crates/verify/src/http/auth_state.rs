//! What `AuthLayer` found out, as it travels with the request.

use http::Extensions;

use crate::auth_error::AuthError;
use crate::http::credentials::CredentialSource;
use crate::principal::Principal;

/// Who is calling, or why that is not known; an extension of each request that came through an
/// [`AuthLayer`](crate::http::auth_layer::AuthLayer).
#[derive(Debug, Clone)]
pub struct AuthState {
    result: Result<Principal, AuthError>,
    source: CredentialSource,
}

impl AuthState {
    pub(crate) const fn new(result: Result<Principal, AuthError>, source: CredentialSource) -> Self {
        Self { result, source }
    }

    /// What was found out about this request; `None` if it came through no layer.
    pub fn from_extensions(extensions: &Extensions) -> Option<&Self> {
        extensions.get()
    }

    /// Who is calling.
    ///
    /// # Errors
    ///
    /// Why it is nobody that we know.
    pub const fn principal(&self) -> Result<&Principal, &AuthError> {
        self.result.as_ref()
    }

    /// Who is calling, where it need not be anybody: `None` if nothing was shown, or a cookie that
    /// is worth nothing any more, which a browser goes on showing until it is cleared.
    ///
    /// # Errors
    ///
    /// A *bearer* that is worth nothing: whoever takes the trouble to send one must learn of it. And
    /// whatever leaves it open who is calling: that is not nobody.
    pub fn optional_principal(&self) -> Result<Option<&Principal>, &AuthError> {
        match (&self.result, self.source) {
            (Ok(principal), _) => Ok(Some(principal)),
            (Err(AuthError::MissingCredential), _)
            | (Err(AuthError::InvalidCredential(_)), CredentialSource::Cookie) => Ok(None),
            (Err(denied), _) => Err(denied),
        }
    }

    /// How the credential came.
    pub const fn source(&self) -> CredentialSource {
        self.source
    }
}
