//! What went wrong in other libraries, tried on ours: one test for each published fault, named by its row in the
//! list of incidents (docs/threat-model.md).
#![allow(clippy::unwrap_used, reason = "the helpers of tests are tests, though clippy cannot see it")]

mod algorithms;
mod forger;
mod forms;
#[path = "../mint/mod.rs"]
mod mint;
mod reach;
