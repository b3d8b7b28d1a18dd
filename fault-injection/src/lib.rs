//! Fault injection for the server binary: crashes, disk faults, load spikes, slow clients and cut networks.
//!
//! A [`Workload`](workload::Workload) sends requests and writes every response to a
//! [`History`](history::History). From it follows a [`Model`](model::Model) of the state that the server must
//! have, and [`check`] compares the server with it: no acknowledged operation is lost, no ended session is
//! accepted, a refresh token has one successor, and no credential is accepted as another user's.
//!
//! The crate uses the binary from outside only: over HTTP, by signals, and through an I/O shim ([`disk`]). A
//! scenario returns a [`Report`](report::Report). The tests of the command line run short forms of the
//! scenarios that `cargo xtask soak` runs in full.

pub mod bystander;
pub mod bystanders;
pub mod check;
pub mod console_records;
pub mod disk;
pub mod endurance;
pub mod failed_sync;
pub mod feed;
pub mod history;
pub mod http;
pub mod kill;
pub mod load;
pub mod load_spike;
pub mod model;
pub mod nodes;
pub mod power_loss;
pub mod program;
pub mod report;
pub mod rng;
pub mod server;
pub mod slow_clients;
pub mod thundering_herd;
pub mod timing;
pub mod workload;
