//! Tests of the HTTP API: a real server on SQLite, reached over a loopback socket.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod account_scope;
mod activity;
mod administration;
mod advanced_clock;
mod audit_growth;
mod browser_jar;
mod client;
mod cookie_jar;
mod cors;
mod credential_modes;
mod cross_site_requests;
mod curl;
mod disk_growth;
mod doctor;
mod documented_statuses;
mod event_stream;
mod external_test_suites;
mod feed;
mod forward_auth;
mod fuzz;
mod host;
mod limited_credentials;
mod login_rate_limit;
mod logout;
mod malformed_input;
mod metadata;
mod metrics;
mod multiple_credentials;
mod null_members;
mod oauth;
mod openapi_contract;
mod password_change;
mod problem_pages;
mod refresh;
mod registration;
mod requested_access;
mod session_data;
mod session_list;
mod status_lists;
mod temporary_password;
mod test_server;
mod write_rate_limit;
