//! The documents are true: the reference of the HTTP API is what the server answers, and the commands on other pages
//! print what the pages show.

#![allow(clippy::unwrap_used, reason = "what a test cannot prepare fails it")]

#[path = "../common/mod.rs"]
mod common;
mod http_reference;
mod names;
mod pages;
mod pictures;
