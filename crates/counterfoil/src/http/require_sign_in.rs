//! The layer that sends a browser without a login to the sign-in page.

use std::convert::Infallible;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use axum::extract::{FromRequestParts as _, OriginalUri, Request};
use axum::response::Response;
use http::request::Parts;
use tower::{Layer, Service};

use counterfoil_verify::{AuthError, AuthState, Principal};

use crate::app::App;
use crate::http::redirect::{account_path, encode, redirect_to_path};
use crate::http::return_to::ReturnTo;
use crate::operations::forward_auth::navigation::is_navigation;

/// The most bytes of an encoded path to which the sign-in page leads back.
const MAX_LENGTH: usize = 2048;

/// Lets only authenticated requests pass. A browser that opens a page without a login is sent to the sign-in page, which leads back;
/// every other request gets 401, and 503 while the credential cannot be checked.
///
/// It is made by [`Counterfoil::require_sign_in`](crate::Counterfoil::require_sign_in), and belongs behind
/// [`Counterfoil::layer`](crate::Counterfoil::layer).
#[derive(Debug, Clone)]
pub struct RequireSignIn {
    app: App,
}

impl App {
    /// The layer for routes that only a signed-in user may open.
    pub(crate) fn require_sign_in(&self) -> RequireSignIn {
        RequireSignIn { app: self.clone() }
    }
}

impl<S> Layer<S> for RequireSignIn {
    type Service = RequireSignInService<S>;

    fn layer(&self, inner: S) -> RequireSignInService<S> {
        RequireSignInService { inner, app: self.app.clone() }
    }
}

/// The service of [`RequireSignIn`].
#[derive(Debug, Clone)]
pub struct RequireSignInService<S> {
    inner: S,
    app: App,
}

impl<S> Service<Request> for RequireSignInService<S>
where
    S: Service<Request, Response = Response, Error = Infallible> + Clone + Send + 'static,
    S::Future: Send,
{
    type Response = Response;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Response, Infallible>> + Send>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Request) -> Self::Future {
        let clone = self.inner.clone();
        // The clone may not be ready; the service that was polled is.
        let mut inner = std::mem::replace(&mut self.inner, clone);
        let app = self.app.clone();
        Box::pin(async move {
            let (mut parts, body) = request.into_parts();
            match Principal::from_request_parts(&mut parts, &()).await {
                Ok(_) => inner.call(Request::from_parts(parts, body)).await,
                Err(_) if is_signed_out(&parts) && is_navigation(&parts.method, &parts.headers) => {
                    Ok(to_sign_in(&app, &parts))
                }
                Err(problem) => Ok(problem.into_response()),
            }
        })
    }
}

/// Whether a login would help.
fn is_signed_out(parts: &Parts) -> bool {
    let state = AuthState::from_extensions(&parts.extensions);
    state.is_some_and(|state| {
        matches!(state.principal(), Err(AuthError::MissingCredential | AuthError::InvalidCredential(_)))
    })
}

/// The sign-in page, which leads back to the path that the browser has opened, also below a nested router.
fn to_sign_in(app: &App, parts: &Parts) -> Response {
    let uri = parts.extensions.get::<OriginalUri>().map_or(&parts.uri, |OriginalUri(uri)| uri);
    let path = uri.path_and_query().map_or("/", |path| path.as_str());
    let account = || encode(&account_path(app.settings()));
    let back = ReturnTo::parse(path, app.settings()).map(|path| encode(path.as_str()));
    // A proxy may not pass on longer headers.
    let back = back.filter(|encoded| encoded.len() <= MAX_LENGTH).unwrap_or_else(account);
    redirect_to_path(&format!("{}/login?return_to={back}", app.settings().public_prefix()))
}
