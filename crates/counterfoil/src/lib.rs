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

mod admin;
mod app;
mod background;
mod clock;
mod counters;
mod embed;
mod fs;
mod http;
mod keys;
mod limits;
mod metrics;
mod passwords;
mod routes;
mod runtime;
mod server;
mod session_data;
mod settings;
mod store;
#[cfg(test)]
mod test_log;

pub use app::{App, HostLayer, OpenError};
pub use clock::{Accepted, Clock, ClockUnsettled, HOLD, LEAP, Machine, Reading, Source};
pub use embed::{Counterfoil, EmbedError};
pub use keys::master_key::{MasterKeyError, MasterKeySource};
pub use keys::tls::{TlsError, TlsFiles};
pub use metrics::serve as serve_metrics;
pub use passwords::hash_pool::PoolSize;
pub use routes::openapi;
pub use runtime::panics::panics;
pub use server::{FAREWELL, serve};
pub use session_data::{SessionData, SessionDataError};
pub use settings::data_dir::DataDirError;
pub use settings::ip_network::{Network, NetworkFault};
pub use settings::issuer_url::{IssuerFault, IssuerUrl};
pub use settings::store_url::{StoreUrl, StoreUrlFault};
pub use settings::{Limits, Registration, Settings};
pub use store::rollback_guard::LogHeadError;

pub use counterfoil_verify::Principal;

/// What the operator of an installation does, apart from serving it: administration through the socket, backups,
/// restores, the list of breached passwords, and checks before a start.
pub mod operator {
    pub use crate::admin::restore::{KeptOnRestore, RestoreError, Restored, restore};
    pub use crate::admin::socket::{AdminSocket, CallError, call, path_in};
    pub use crate::admin::user_import::MOST;
    pub use crate::admin::{
        ClientForm, Command, MintForm, Refused, RevocationForm, RotationForm, UserForm, Wait, Which,
    };
    pub use crate::app::preflight::{Unfit, faults, lost_key};
    pub use crate::passwords::breached::{BreachedError, BreachedFile, Builder};
    pub use crate::store::backup::{BackupError, unfinished};
}
