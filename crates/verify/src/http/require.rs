//! Layers for routes that ask for a scope or a role, behind an `AuthLayer`.

use std::sync::Arc;
use std::task::{Context, Poll};

use http::{Extensions, Request, Response};
use tower_layer::Layer;
use tower_service::Service;

use crate::auth_error::{Denied, Needed};
use crate::http::auth_state::Identity;
use crate::http::problem::Problem;
use crate::http::response_future::Guarded;

/// Lets those through whose credential names a scope; 401 for nobody, 403 for the others.
///
/// ```
/// use counterfoil_verify::RequireScope;
/// use tower_layer::Layer;
///
/// fn orders<S>(service: S) -> counterfoil_verify::require::Gate<S> {
///     RequireScope::new("orders:read").layer(service)
/// }
/// ```
#[derive(Debug, Clone)]
pub struct RequireScope(Arc<Needed>);

impl RequireScope {
    /// Asks for this scope, exactly.
    pub fn new(scope: &str) -> Self {
        Self(Arc::new(Needed::Scope(scope.into())))
    }
}

/// Lets those through who have a role; 401 for nobody, 403 for the others.
#[derive(Debug, Clone)]
pub struct RequireRole(Arc<Needed>);

impl RequireRole {
    /// Asks for this role, exactly.
    pub fn new(role: &str) -> Self {
        Self(Arc::new(Needed::Role(role.into())))
    }
}

impl<S> Layer<S> for RequireScope {
    type Service = Gate<S>;

    fn layer(&self, inner: S) -> Gate<S> {
        Gate { inner, needed: Arc::clone(&self.0) }
    }
}

impl<S> Layer<S> for RequireRole {
    type Service = Gate<S>;

    fn layer(&self, inner: S) -> Gate<S> {
        Gate { inner, needed: Arc::clone(&self.0) }
    }
}

/// The service that [`RequireScope`] and [`RequireRole`] make.
#[derive(Debug, Clone)]
pub struct Gate<S> {
    inner: S,
    needed: Arc<Needed>,
}

impl<S, B, R> Service<Request<B>> for Gate<S>
where
    S: Service<Request<B>, Response = Response<R>>,
    R: From<String>,
{
    type Response = Response<R>;
    type Error = S::Error;
    type Future = Guarded<S::Future, R>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        match judge(&self.needed, request.extensions()) {
            Ok(()) => Guarded::passed(self.inner.call(request)),
            Err(problem) => Guarded::refused(problem.for_request(request.extensions()).into_response()),
        }
    }
}

fn judge(needed: &Needed, extensions: &Extensions) -> Result<(), Problem> {
    let identity = Identity::of(extensions).ok_or_else(Problem::without_layer)?;
    let refused = |denied: &Denied| Problem::of_denied(denied, identity.shown());
    let principal = identity.principal().map_err(refused)?;
    let judged = match needed {
        Needed::Scope(scope) => principal.require_scope(scope),
        Needed::Role(role) => principal.require_role(role),
    };
    judged.map_err(|denied| refused(&denied))
}
