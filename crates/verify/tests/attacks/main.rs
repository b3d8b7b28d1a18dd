//! Vulnerabilities of other libraries, tried on this one: one test for each published incident, with its row in the
//! list of incidents (docs/threat-model.md).
#![allow(clippy::unwrap_used, reason = "the helpers of tests are tests, though clippy cannot see it")]

mod algorithms;
mod forgery;
mod malformed_tokens;
#[path = "../test_signer/mod.rs"]
mod test_signer;
mod untrusted_claims;
