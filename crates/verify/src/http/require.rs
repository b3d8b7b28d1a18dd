//! Layers that require a scope or a role, for routes behind an `AuthLayer`.

use std::sync::Arc;
use std::task::{Context, Poll};

use http::{Extensions, Request, Response};
use tower_layer::Layer;
use tower_service::Service;

use crate::auth_error::{AuthError, RequiredPermission};
use crate::http::auth_state::AuthState;
use crate::http::problem::Problem;
use crate::http::response_future::ResponseFuture;

/// Requires that the credential has a scope. Unauthenticated requests get 401, others 403.
///
/// ```
/// use counterfoil_verify::{RequireScope, RequireService};
/// use tower_layer::Layer;
///
/// fn orders<S>(service: S) -> RequireService<S> {
///     RequireScope::new("orders:read").layer(service)
/// }
/// ```
#[derive(Debug, Clone)]
pub struct RequireScope(Arc<RequiredPermission>);

impl RequireScope {
    /// Requires exactly this scope.
    pub fn new(scope: &str) -> Self {
        Self(Arc::new(RequiredPermission::Scope(scope.into())))
    }
}

/// Requires that the user has a role. Unauthenticated requests get 401, others 403.
#[derive(Debug, Clone)]
pub struct RequireRole(Arc<RequiredPermission>);

impl RequireRole {
    /// Requires exactly this role.
    pub fn new(role: &str) -> Self {
        Self(Arc::new(RequiredPermission::Role(role.into())))
    }
}

impl<S> Layer<S> for RequireScope {
    type Service = RequireService<S>;

    fn layer(&self, inner: S) -> RequireService<S> {
        RequireService { inner, required: Arc::clone(&self.0) }
    }
}

impl<S> Layer<S> for RequireRole {
    type Service = RequireService<S>;

    fn layer(&self, inner: S) -> RequireService<S> {
        RequireService { inner, required: Arc::clone(&self.0) }
    }
}

/// The service of [`RequireScope`] and [`RequireRole`].
#[derive(Debug, Clone)]
pub struct RequireService<S> {
    inner: S,
    required: Arc<RequiredPermission>,
}

impl<S, B, R> Service<Request<B>> for RequireService<S>
where
    S: Service<Request<B>, Response = Response<R>>,
    R: From<String>,
{
    type Response = Response<R>;
    type Error = S::Error;
    type Future = ResponseFuture<S::Future, R>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        match check_permission(&self.required, request.extensions()) {
            Ok(()) => ResponseFuture::forward(self.inner.call(request)),
            Err(problem) => ResponseFuture::reject(problem.for_request(request.extensions()).into_response()),
        }
    }
}

fn check_permission(required: &RequiredPermission, extensions: &Extensions) -> Result<(), Problem> {
    let state = AuthState::from_extensions(extensions).ok_or_else(Problem::missing_auth_layer)?;
    let problem = |error: &AuthError| Problem::from_auth_error(error, state.source());
    let principal = state.principal().map_err(problem)?;
    let result = match required {
        RequiredPermission::Scope(scope) => principal.require_scope(scope),
        RequiredPermission::Role(role) => principal.require_role(role),
    };
    result.map_err(|error| problem(&error))
}
