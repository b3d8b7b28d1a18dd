//! Access tokens: their verifier, its builder, their claims, and the cache of verified tokens.

pub(crate) mod builder;
mod cache;
pub(crate) mod claims;
mod foreign_claims;
mod registered_claims;
pub(crate) mod verifier;
