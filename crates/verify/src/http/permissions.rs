//! The axum extractors that require a scope or a role: `HasScope` and `HasRole`.

use std::fmt;
use std::marker::PhantomData;
use std::ops::Deref;

use axum::extract::FromRequestParts;
use http::request::Parts;

use crate::auth_error::AuthError;
use crate::http::auth_state::AuthState;
use crate::http::problem::Problem;
use crate::principal::Principal;

/// A scope as a type, for [`HasScope`].
pub trait Scope: Send + Sync + 'static {
    /// The name of the scope, compared exactly (RFC 6749, section 3.3).
    const NAME: &'static str;
}

/// A role as a type, for [`HasRole`].
pub trait Role: Send + Sync + 'static {
    /// The name of the role, compared exactly.
    const NAME: &'static str;
}

/// A principal whose credential has the scope `S`. Unauthenticated requests get 401, others 403 with the
/// required scope in the challenge (RFC 6750, section 3.1).
///
/// ```
/// use counterfoil_verify::{HasScope, Scope};
///
/// struct ReadOrders;
///
/// impl Scope for ReadOrders {
///     const NAME: &str = "orders:read";
/// }
///
/// async fn orders(user: HasScope<ReadOrders>) -> String {
///     format!("The orders of {}", user.subject())
/// }
/// # let app: axum::Router = axum::Router::new().route("/orders", axum::routing::get(orders));
/// ```
pub struct HasScope<S>(Principal, PhantomData<fn() -> S>);

/// A principal with the role `R`. Unauthenticated requests get 401, others 403.
///
/// ```
/// use counterfoil_verify::{HasRole, Role};
///
/// struct Admin;
///
/// impl Role for Admin {
///     const NAME: &str = "admin";
/// }
///
/// async fn close(user: HasRole<Admin>) -> String {
///     format!("closed by {}", user.subject())
/// }
/// # let app: axum::Router = axum::Router::new().route("/close", axum::routing::post(close));
/// ```
pub struct HasRole<R>(Principal, PhantomData<fn() -> R>);

impl<S: Scope> HasScope<S> {
    /// The principal.
    pub fn into_principal(self) -> Principal {
        self.0
    }
}

impl<R: Role> HasRole<R> {
    /// The principal.
    pub fn into_principal(self) -> Principal {
        self.0
    }
}

impl<S> Deref for HasScope<S> {
    type Target = Principal;

    fn deref(&self) -> &Principal {
        &self.0
    }
}

impl<R> Deref for HasRole<R> {
    type Target = Principal;

    fn deref(&self) -> &Principal {
        &self.0
    }
}

impl<S> fmt::Debug for HasScope<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("HasScope").field(&self.0).finish()
    }
}

impl<R> fmt::Debug for HasRole<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("HasRole").field(&self.0).finish()
    }
}

impl<S: Scope, T: Send + Sync> FromRequestParts<T> for HasScope<S> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &T) -> Result<Self, Problem> {
        let principal = Principal::from_request_parts(parts, state).await?;
        or_problem(principal.require_scope(S::NAME), parts)?;
        Ok(Self(principal, PhantomData))
    }
}

impl<R: Role, T: Send + Sync> FromRequestParts<T> for HasRole<R> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &T) -> Result<Self, Problem> {
        let principal = Principal::from_request_parts(parts, state).await?;
        or_problem(principal.require_role(R::NAME), parts)?;
        Ok(Self(principal, PhantomData))
    }
}

/// Turns a missing permission into the problem for this request.
fn or_problem(result: Result<(), AuthError>, parts: &Parts) -> Result<(), Problem> {
    let state = AuthState::from_extensions(&parts.extensions).ok_or_else(Problem::missing_auth_layer)?;
    result.map_err(|error| Problem::from_auth_error(&error, state.source()).for_request(&parts.extensions))
}
