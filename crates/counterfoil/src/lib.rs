//! Sessions, JWTs and the hybrid from one login: as routes, a layer and extractors for axum.

mod app;
pub mod clock;
pub mod hash_pool;
pub mod issuer_url;
pub mod master_key;
pub mod settings;
pub mod store_url;

mod routes;

pub use app::{App, HostLayer, OpenError};
pub use issuer_url::{IssuerFault, IssuerUrl};
pub use master_key::{MasterKeyError, MasterKeySource};
pub use settings::{Limits, Registration, Settings};
pub use store_url::{StoreUrl, StoreUrlFault};
