//! Forward authentication: a proxy asks before each request whether it may pass, and for which user.
//!
//! What the proxy says about the request is checked first, then the credential; every decision is made from values. Counterfoil
//! never evaluates the path of the application: the routes of the proxy decide what is required where, so that no two
//! programs can read one path differently.

mod decision;
pub(crate) mod error;
mod forwarded_request;
mod guarded_host;
pub(crate) mod host_login;
pub(crate) mod identity;
mod login_redirect;
pub(crate) mod navigation;
mod percent;
pub(crate) mod proxy;
mod requirements;
mod verify;

pub(crate) use guarded_host::HostCall;
pub(crate) use verify::{ForwardAuthAnswer, ForwardedCall, VerifyError, verify};
