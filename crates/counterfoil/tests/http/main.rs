//! The HTTP contract, held by a real installation on SQLite behind a real loopback socket.

mod ambiguous;
mod bad_input;
mod client;
mod contract;
mod cross_site;
mod data;
mod fuzz;
mod logins;
mod logout;
mod modes;
mod password;
mod refresh;
mod register;
mod site;
mod suites;
