//! Sessions, JWTs and the hybrid from one login: as routes, a layer and extractors for axum.
//!
//! ```text
//!   main or test  ->  server      listens, bounds, ends in good order; admin_socket, jobs
//!                 ->  Counterfoil the same inside another application
//!                        |
//!                       App       the installation: settings, store, keys, clock, hash pool
//!                        |
//!                     routes      the HTTP contract; one file writes cookies, one chooses a status
//! ```
//!
//! Ten lines are a whole application with users:
//!
//! ```no_run
//! use std::net::SocketAddr;
//!
//! use axum::{Router, routing::get};
//! use counterfoil::{Counterfoil, Principal};
//!
//! #[tokio::main]
//! async fn main() -> Result<(), Box<dyn std::error::Error>> {
//!     let auth = Counterfoil::open("sqlite:auth.db").await?;
//!     let app = Router::new()
//!         .route("/hello", get(async |who: Principal| format!("Hello {}", who.subject())))
//!         .layer(auth.layer())
//!         .merge(auth.routes())
//!         .into_make_service_with_connect_info::<SocketAddr>();
//!     let listener = tokio::net::TcpListener::bind("127.0.0.1:3000").await?;
//!     axum::serve(listener, app).await?;
//!     Ok(auth.close().await?)
//! }
//! ```
//!
//! `axum::serve` is for trying things out: it lets a slow client hold a connection for ever.
//! [`server::serve`] does not.

pub mod admin;
pub mod admin_socket;
mod app;
pub mod backup;
mod bodies;
mod body;
mod body_fault;
pub mod breached;
mod caller;
mod circumstances;
mod client_address;
pub mod clock;
mod clock_mark;
mod connection;
mod cookies;
mod data_dir;
mod embed;
mod failure;
pub mod hash_pool;
mod headers;
pub mod issuer_url;
mod jobs;
mod key_file;
mod listening;
mod log_head;
pub mod master_key;
pub mod metrics;
pub mod network;
mod new_file;
mod newcomers;
#[cfg(test)]
mod overheard;
mod panics;
mod patient;
mod places;
pub mod preflight;
mod readiness;
mod request_log;
pub mod restore;
mod secret_file;
pub mod server;
pub mod session_data;
pub mod settings;
mod shares;
mod shown;
pub mod store_url;
mod tally;
mod task;
mod time_limit;
pub mod tls;
#[cfg(feature = "otel")]
mod traced;
mod traffic;
pub mod user_import;
mod uses;

mod routes;

pub use app::{App, HostLayer, OpenError};
pub use data_dir::DataDirError;
pub use embed::{Counterfoil, EmbedError};
pub use issuer_url::{IssuerFault, IssuerUrl};
pub use log_head::LogHeadError;
pub use master_key::{MasterKeyError, MasterKeySource};
pub use network::{Network, NetworkFault};
pub use panics::panics;
pub use routes::openapi;
pub use session_data::{SessionData, SessionDataError};
pub use settings::{Limits, Registration, Settings};
pub use store_url::{StoreUrl, StoreUrlFault};
pub use tls::{TlsError, TlsFiles};

pub use counterfoil_verify::Principal;
