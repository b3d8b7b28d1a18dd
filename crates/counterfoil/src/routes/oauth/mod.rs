//! `/oauth/…`: the endpoints of OAuth for resource servers and clients.

mod error_responses;
pub(super) mod introspect;
pub(super) mod revoke;

/// The paths of these routes begin with it. Their errors are those of RFC 6749, and no cookie is read.
pub(super) const PREFIX: &str = "/oauth/";

/// The path of introspection.
pub(super) const INTROSPECT: &str = "/oauth/introspect";

/// The path of revocation.
pub(super) const REVOKE: &str = "/oauth/revoke";
