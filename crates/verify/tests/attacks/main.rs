//! Published vulnerabilities of other libraries (docs/threat-model.md), tried on this one.
#![allow(clippy::unwrap_used, reason = "the helpers of tests are tests, though clippy cannot see it")]

mod algorithms;
mod forgery;
mod malformed_tokens;
#[path = "../test_signer/mod.rs"]
mod test_signer;
mod untrusted_claims;
