//! The result of the authentication of a request, which `AuthLayer` puts into the request's extensions.

use std::any::Any;
use std::fmt;
use std::sync::Arc;

use http::{Extensions, HeaderMap, Uri};

use crate::auth_error::AuthError;
use crate::authenticator::{Authenticator, Clock};
use crate::http::cookies::CookieNames;
use crate::http::credentials::{AcceptedCredentials, CredentialSource};
use crate::http::problem_issuer::ProblemIssuer;
use crate::principal::Principal;

/// The principal of a request, or why it is not authenticated.
///
/// Each request that has passed an [`AuthLayer`](crate::AuthLayer) has it among its extensions.
#[derive(Debug, Clone)]
pub struct AuthState {
    result: Result<Principal, AuthError>,
    source: CredentialSource,
    layer: Arc<LayerContext>,
}

impl AuthState {
    pub(crate) const fn new(
        result: Result<Principal, AuthError>,
        source: CredentialSource,
        layer: Arc<LayerContext>,
    ) -> Self {
        Self { result, source, layer }
    }

    /// The state of the request with these extensions; `None` if it has passed no layer.
    pub fn from_extensions(extensions: &Extensions) -> Option<&Self> {
        extensions.get()
    }

    /// The principal.
    ///
    /// # Errors
    ///
    /// Why the request is not authenticated.
    pub const fn principal(&self) -> Result<&Principal, &AuthError> {
        self.result.as_ref()
    }

    /// The principal, for routes that also serve unauthenticated callers.
    ///
    /// It is `None` without a credential, and with an invalid *cookie*, which a browser keeps sending until
    /// it is cleared.
    ///
    /// # Errors
    ///
    /// An invalid *bearer* credential, because a client that sends one must learn of it; and every failure
    /// that leaves open whether the credential is valid.
    pub fn optional_principal(&self) -> Result<Option<&Principal>, &AuthError> {
        match (&self.result, self.source) {
            (Ok(principal), _) => Ok(Some(principal)),
            (Err(AuthError::MissingCredential), _)
            | (Err(AuthError::InvalidCredential(_)), CredentialSource::Cookie) => Ok(None),
            (Err(error), _) => Err(error),
        }
    }

    /// Where the request presented its credential.
    pub const fn source(&self) -> CredentialSource {
        self.source
    }

    /// The value that the layer carries, if it is a `T`. Only for the crate of the issuer.
    #[doc(hidden)]
    pub fn application<T: Any + Send + Sync>(&self) -> Option<Arc<T>> {
        self.layer.application.clone()?.downcast().ok()
    }

    /// The state of the same request with another result.
    pub(crate) fn with_result(&self, result: Result<Principal, AuthError>) -> Self {
        Self { result, source: self.source, layer: Arc::clone(&self.layer) }
    }

    /// How the layer authenticates.
    pub(crate) fn authentication(&self) -> Option<&Authentication> {
        self.layer.authentication.as_ref()
    }

    pub(crate) fn problem_issuer(&self) -> Option<&ProblemIssuer> {
        self.layer.problem_issuer.as_ref()
    }
}

/// What a layer hands to the extractors of every request. The states of all requests share it, because a value
/// in the extensions of each request costs an allocation and a place in a hash table.
#[derive(Clone, Default)]
pub(crate) struct LayerContext {
    pub(crate) problem_issuer: Option<ProblemIssuer>,
    pub(crate) application: Option<Arc<dyn Any + Send + Sync>>,
    pub(crate) clear_duplicates: Option<ClearDuplicates>,
    pub(crate) authentication: Option<Authentication>,
}

/// How a layer authenticates, for a route that authenticates again with another policy.
#[derive(Clone)]
pub(crate) struct Authentication {
    pub(crate) authenticator: Arc<dyn Authenticator>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) names: Arc<CookieNames>,
    pub(crate) accepted: AcceptedCredentials,
    /// Whether a request without a valid credential is rejected.
    pub(crate) is_required: bool,
}

/// The headers that clear the duplicates of a request's cookies.
pub(crate) type ClearDuplicates = Arc<dyn Fn(&Uri, &HeaderMap) -> HeaderMap + Send + Sync>;

impl fmt::Debug for LayerContext {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LayerContext").field("problem_issuer", &self.problem_issuer).finish_non_exhaustive()
    }
}
