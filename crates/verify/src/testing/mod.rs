//! For the tests of handlers: principals without a token, and a clock that is set by hand.
//!
//! The feature `test-util` is only for `[dev-dependencies]`. With it, code can create a [`Principal`](crate::Principal)
//! that nothing has verified, so a program that is deployed must not enable it.
//!
//! ```toml
//! [dev-dependencies]
//! counterfoil-verify = { version = "0.1", features = ["test-util"] }
//! ```
//!
//! A test sends its request through the routes of the application, as that principal:
//!
#![cfg_attr(feature = "axum", doc = "```")]
#![cfg_attr(not(feature = "axum"), doc = "```ignore")]
//! use axum::{Router, body::Body, routing::get};
//! use counterfoil_verify::Principal;
//! use counterfoil_verify::testing::{FixedAuthenticator, PrincipalBuilder};
//! use http::{Request, StatusCode};
//! use tower::ServiceExt;
//!
//! async fn orders(user: Principal) -> String {
//!     format!("The orders of {}", user.subject())
//! }
//!
//! # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
//! let alice = PrincipalBuilder::new("alice").scope("orders:read").build();
//! let app = Router::new().route("/orders", get(orders)).layer(FixedAuthenticator::new(alice).layer());
//!
//! let response = app.oneshot(Request::get("/orders").body(Body::empty()).unwrap()).await.unwrap();
//! assert_eq!(response.status(), StatusCode::OK);
//! # });
//! ```

#[cfg(feature = "tower")]
mod authenticate_request;
mod fixed_authenticator;
mod manual_clock;
mod principal_builder;

#[cfg(feature = "tower")]
pub use authenticate_request::authenticate_request;
pub use fixed_authenticator::FixedAuthenticator;
pub use manual_clock::ManualClock;
pub use principal_builder::PrincipalBuilder;
