//! The tower layer that authenticates each request once.

use std::any::Any;
use std::fmt;
use std::mem;
use std::sync::Arc;
use std::task::{Context, Poll};

use http::{HeaderMap, Request, Response, Uri};
use tower_layer::Layer;
use tower_service::Service;

use crate::authenticator::{AuthFuture, Authenticator, Clock};
use crate::http::auth_response_future::AuthResponseFuture;
use crate::http::auth_settings::{AuthSettings, Requirement};
use crate::http::auth_state::Authentication;
use crate::http::cookies::CookieNames;
use crate::http::credentials::{AcceptedCredentials, CredentialSource, read_credentials};
use crate::http::origin::OriginPolicy;
use crate::http::problem_issuer::ProblemIssuer;

/// Authenticates each request and puts the [`AuthState`](crate::AuthState) into its extensions.
///
/// The layer itself refuses only cross-site writes and handshakes (403), with [`AuthLayer::with_csrf_protection`].
/// Unauthenticated requests, and those with two different credentials (400), are refused by the extractors, in handlers
/// that take a [`Principal`](crate::Principal) or an `Option<Principal>`; [`AuthLayer::require_authentication`] refuses them in the layer,
/// for services without extractors.
///
/// A response to a request with a credential gets `Cache-Control: no-store`; if its handler sets `Cache-Control`, it
/// gets `private` instead of `public` and `s-maxage`. Every response that a cache may store gets
/// `Vary: cookie, authorization`, so that it does not give the page of a user to others, nor the page of an unknown client to
/// users. Headers for one kind of cache
/// only, such as `CDN-Cache-Control`, are not changed.
///
/// ```
/// use std::sync::Arc;
///
/// use counterfoil_verify::{AuthLayer, Authenticator, Clock};
/// use tower_layer::Layer;
///
/// fn protect<S: Clone>(service: S, verifier: Arc<dyn Authenticator>, clock: Arc<dyn Clock>) -> impl Clone {
///     AuthLayer::new(verifier, clock).require_authentication().layer(service)
/// }
/// ```
#[derive(Clone)]
pub struct AuthLayer(Arc<AuthSettings>);

impl AuthLayer {
    /// Authenticates each request with `authenticator`, at the time of `clock` when the request arrives.
    pub fn new(authenticator: Arc<dyn Authenticator>, clock: Arc<dyn Clock>) -> Self {
        Self(Arc::new(AuthSettings {
            authenticator,
            clock,
            names: Arc::new(CookieNames::secure()),
            accepted: AcceptedCredentials::SESSION_OR_ACCESS_TOKEN,
            requirement: Requirement::None,
            origins: None,
            context: Arc::default(),
        }))
    }

    /// Sets the names of the cookies; [`CookieNames::secure`] by default.
    #[must_use]
    pub fn with_cookie_names(mut self, names: impl Into<Arc<CookieNames>>) -> Self {
        self.settings().names = names.into();
        self
    }

    /// Sets the accepted kinds of credential; [`AcceptedCredentials::SESSION_OR_ACCESS_TOKEN`] by default.
    #[must_use]
    pub fn with_accepted_credentials(mut self, accepted: AcceptedCredentials) -> Self {
        self.settings().accepted = accepted;
        self
    }

    /// Answers unauthenticated requests in the layer, with 401 or 503.
    #[must_use]
    pub fn require_authentication(mut self) -> Self {
        self.settings().requirement = Requirement::Principal;
        self
    }

    /// Refuses cross-site writes with one of the cookies, with 403, before the request is authenticated: what
    /// [`CsrfLayer`](crate::CsrfLayer) does, without another layer around each request. Handshakes of WebSockets and
    /// event streams are refused as writes are, if a cookie authenticates them.
    ///
    /// ```
    /// use std::sync::Arc;
    ///
    /// use counterfoil_verify::{AuthLayer, Authenticator, Clock, Origin, OriginPolicy};
    ///
    /// fn layer(verifier: Arc<dyn Authenticator>, clock: Arc<dyn Clock>, own: Origin) -> AuthLayer {
    ///     AuthLayer::new(verifier, clock).with_csrf_protection(OriginPolicy::new(own))
    /// }
    /// ```
    #[must_use]
    pub fn with_csrf_protection(mut self, origins: impl Into<Arc<OriginPolicy>>) -> Self {
        self.settings().origins = Some(origins.into());
        self
    }

    /// Sets the issuer in the `type` of the problems with which the layer and the extractors behind it answer.
    /// Only for a service that is the issuer.
    #[must_use]
    pub fn with_problem_issuer(mut self, issuer: ProblemIssuer) -> Self {
        Arc::make_mut(&mut self.settings().context).problem_issuer = Some(issuer);
        self
    }

    /// Sets a value for the extractors behind the layer, which read it with [`AuthState::application`](crate::AuthState::application). Only for
    /// the crate of the issuer.
    #[doc(hidden)]
    #[must_use]
    pub fn with_application(mut self, application: Arc<dyn Any + Send + Sync>) -> Self {
        Arc::make_mut(&mut self.settings().context).application = Some(application);
        self
    }

    /// Sets a function that returns headers for the response to a request with two different credentials: they clear cookies
    /// that a browser would otherwise send with each request. Only for the crate of the issuer.
    #[doc(hidden)]
    #[must_use]
    pub fn with_cleared_duplicates(
        mut self,
        clear: impl Fn(&Uri, &HeaderMap) -> HeaderMap + Send + Sync + 'static,
    ) -> Self {
        Arc::make_mut(&mut self.settings().context).clear_duplicates = Some(Arc::new(clear));
        self
    }

    fn settings(&mut self) -> &mut AuthSettings {
        Arc::make_mut(&mut self.0)
    }
}

impl fmt::Debug for AuthLayer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let AuthSettings { names, accepted, requirement, origins, context, .. } = &*self.0;
        f.debug_struct("AuthLayer")
            .field("names", names)
            .field("accepted", accepted)
            .field("requirement", requirement)
            .field("origins", origins)
            .field("context", context)
            .finish_non_exhaustive()
    }
}

impl<S> Layer<S> for AuthLayer {
    type Service = AuthService<S>;

    fn layer(&self, inner: S) -> AuthService<S> {
        let mut settings = AuthSettings::clone(&self.0);
        let authentication = Authentication {
            authenticator: Arc::clone(&settings.authenticator),
            clock: Arc::clone(&settings.clock),
            names: Arc::clone(&settings.names),
            accepted: settings.accepted,
            is_required: settings.requirement == Requirement::Principal,
        };
        Arc::make_mut(&mut settings.context).authentication = Some(authentication);
        AuthService { inner, settings: Arc::new(settings) }
    }
}

/// The service of an [`AuthLayer`].
#[derive(Clone)]
pub struct AuthService<S> {
    inner: S,
    settings: Arc<AuthSettings>,
}

impl<S, B, R> Service<Request<B>> for AuthService<S>
where
    S: Service<Request<B>, Response = Response<R>> + Clone,
    R: From<String>,
{
    type Response = Response<R>;
    type Error = S::Error;
    type Future = AuthResponseFuture<S, B>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        let Self { inner, settings } = self;
        if let Err(error) = settings.check_csrf(&request) {
            return AuthResponseFuture::reject(error.into(), settings, &request);
        }
        let credentials = match read_credentials(request.headers(), &settings.names, settings.accepted) {
            Ok(credentials) => credentials,
            // The extractors refuse it. A login replaces both credentials, so it must reach its handler.
            Err(error) => {
                let (result, source) = (Err(error.into()), CredentialSource::Cookie);
                return AuthResponseFuture::forward(inner, settings, result, source, request);
            }
        };
        let source = credentials.source;
        if let Err(error) = settings.check_handshake(&request, source) {
            return AuthResponseFuture::reject(error.into(), settings, &request);
        }
        match settings.authenticator.authenticate(credentials.credential, settings.clock.now()) {
            AuthFuture::Ready(result) => {
                AuthResponseFuture::forward(inner, settings, result, source, request)
            }
            AuthFuture::Pending(future) => {
                // The service that was polled ready must serve this request; its clone serves the next one.
                let clone = inner.clone();
                let inner = mem::replace(inner, clone);
                let settings = Arc::clone(settings);
                AuthResponseFuture::authenticate(inner, settings, future, source, request)
            }
        }
    }
}

impl<S: fmt::Debug> fmt::Debug for AuthService<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AuthService").field("inner", &self.inner).finish_non_exhaustive()
    }
}
