//! What went wrong in other libraries, tried on ours: one test for each published fault, named by its row in the
//! list of incidents (docs/threat-model.md).
#![allow(clippy::unwrap_used, reason = "the helpers of tests are tests, though clippy cannot see it")]

mod algorithms;
mod forgery;
mod malformed_tokens;
#[path = "../test_issuer/mod.rs"]
mod test_issuer;
mod untrusted_claims;
