//! The revocation feed: what the issuer sends to the verifiers that follow its revocation log, and how they follow it.

pub(crate) mod follower;
pub(crate) mod wire;
