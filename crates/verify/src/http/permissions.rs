//! A handler that takes a `Scoped` or an `InRole` is reached by those alone who may do what it does.

use std::fmt;
use std::marker::PhantomData;
use std::ops::Deref;

use axum::extract::FromRequestParts;
use http::request::Parts;

use crate::auth_error::Denied;
use crate::http::auth_state::Identity;
use crate::http::problem::Problem;
use crate::principal::Principal;

/// A scope, as the type that stands in a handler's signature.
pub trait Scope: Send + Sync + 'static {
    /// Its name, compared exactly (RFC 6749, section 3.3).
    const NAME: &'static str;
}

/// A role, as the type that stands in a handler's signature.
pub trait Role: Send + Sync + 'static {
    /// Its name, compared exactly.
    const NAME: &'static str;
}

/// Who is calling, by a credential that names the scope `S`; 401 for nobody, 403 for the others, whom
/// the challenge tells which scope it takes (RFC 6750, section 3.1).
///
/// ```
/// use counterfoil_verify::{Scope, Scoped};
///
/// struct ReadOrders;
///
/// impl Scope for ReadOrders {
///     const NAME: &str = "orders:read";
/// }
///
/// async fn orders(who: Scoped<ReadOrders>) -> String {
///     format!("The orders of {}", who.subject())
/// }
/// # let app: axum::Router = axum::Router::new().route("/orders", axum::routing::get(orders));
/// ```
pub struct Scoped<S>(Principal, PhantomData<fn() -> S>);

/// Who is calling, with the role `R`; 401 for nobody, 403 for the others.
///
/// ```
/// use counterfoil_verify::{InRole, Role};
///
/// struct Admin;
///
/// impl Role for Admin {
///     const NAME: &str = "admin";
/// }
///
/// async fn close(who: InRole<Admin>) -> String {
///     format!("closed by {}", who.subject())
/// }
/// # let app: axum::Router = axum::Router::new().route("/close", axum::routing::post(close));
/// ```
pub struct InRole<R>(Principal, PhantomData<fn() -> R>);

impl<S: Scope> Scoped<S> {
    /// The principal itself.
    pub fn into_principal(self) -> Principal {
        self.0
    }
}

impl<R: Role> InRole<R> {
    /// The principal itself.
    pub fn into_principal(self) -> Principal {
        self.0
    }
}

impl<S> Deref for Scoped<S> {
    type Target = Principal;

    fn deref(&self) -> &Principal {
        &self.0
    }
}

impl<R> Deref for InRole<R> {
    type Target = Principal;

    fn deref(&self) -> &Principal {
        &self.0
    }
}

impl<S> fmt::Debug for Scoped<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Scoped").field(&self.0).finish()
    }
}

impl<R> fmt::Debug for InRole<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("InRole").field(&self.0).finish()
    }
}

impl<S: Scope, T: Send + Sync> FromRequestParts<T> for Scoped<S> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &T) -> Result<Self, Problem> {
        let principal = Principal::from_request_parts(parts, state).await?;
        allowed(principal.require_scope(S::NAME), parts)?;
        Ok(Self(principal, PhantomData))
    }
}

impl<R: Role, T: Send + Sync> FromRequestParts<T> for InRole<R> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &T) -> Result<Self, Problem> {
        let principal = Principal::from_request_parts(parts, state).await?;
        allowed(principal.require_role(R::NAME), parts)?;
        Ok(Self(principal, PhantomData))
    }
}

/// The problem of somebody who is known and may not do this.
fn allowed(judged: Result<(), Denied>, parts: &Parts) -> Result<(), Problem> {
    let identity = Identity::of(&parts.extensions).ok_or_else(Problem::without_layer)?;
    judged.map_err(|denied| Problem::of_denied(&denied, identity.shown()).for_request(&parts.extensions))
}
