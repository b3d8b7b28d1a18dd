//! The pages, used without script: a real server, forms that are posted with cookies.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod account;
mod administrator;
#[path = "../http/advanced_clock.rs"]
mod advanced_clock;
mod browser;
#[path = "../http/client.rs"]
#[allow(dead_code, reason = "these tests use a part of it")]
mod client;
mod console;
mod console_changes;
mod console_live;
mod console_operations;
mod console_size;
mod console_users;
mod errors;
#[path = "../http/event_stream.rs"]
mod event_stream;
mod gate;
mod languages;
mod redirects;
mod reference;
mod refresh;
#[path = "../http/temporary_password.rs"]
mod temporary_password;
#[path = "../http/test_server.rs"]
#[allow(dead_code, reason = "these tests use a part of it")]
mod test_server;
mod theme;
mod twins;
