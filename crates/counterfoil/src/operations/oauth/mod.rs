//! Operations of the endpoints of OAuth: introspection (RFC 7662) and revocation (RFC 7009).

pub(crate) mod introspected_token;
pub(crate) mod introspection;
pub(crate) mod introspection_caller;
pub(crate) mod revocation;
