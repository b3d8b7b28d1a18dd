//! The revocation feed: what the issuer sends to the verifiers that follow its revocation log.

pub(crate) mod wire;
