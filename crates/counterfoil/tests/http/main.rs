//! The HTTP contract, held by a real installation on SQLite behind a real loopback socket.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on is to fail")]

mod administration;
mod client;
mod credential_modes;
mod cross_site_requests;
mod documented_statuses;
mod external_test_suites;
mod fuzz;
mod login_rate_limit;
mod logout;
mod malformed_input;
mod metrics;
mod multiple_credentials;
mod openapi_contract;
mod password_change;
mod refresh;
mod registration;
mod session_data;
mod session_list;
mod test_server;
