//! What a server publishes is read by programs of others: metrics, alert rules, the OpenAPI document, the metadata of
//! the issuer, problem documents, cookies and other headers.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod alerts;
#[path = "../http/client.rs"]
#[allow(dead_code, reason = "these tests use a part of it")]
mod client;
mod cookies;
mod introspection;
mod issuer;
mod metrics;
mod openapi;
mod programs;
#[path = "../http/test_server.rs"]
#[allow(dead_code, reason = "these tests use a part of it")]
mod test_server;
mod unchecked_requests;
