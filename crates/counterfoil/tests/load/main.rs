//! The server under clients that are slow, many, large or hostile: whoever behaves is served.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on is to fail")]

mod bodies;
mod descriptors;
mod frames;
mod large;
mod site;
mod slow;
mod sources;
mod storm;
mod talk;
