//! The keys of an issuer that runs elsewhere, followed (feature `http`).
//!
//! ```text
//!   RemoteVerifier     judges tokens; asks where one names a key that it has not
//!         |
//!   JwksFollower       one task: fetches, hands the keys on, says how it stands
//!      |       |
//!   Schedule  Fetcher  when to fetch, by told time and without I/O;  what to fetch, and what to make of it
//!              |
//!            Client    one GET within bounds
//! ```

mod cache_control;
mod discovery;
mod error;
mod fetch;
mod http_client;
mod options;
mod refresh_policy;
mod refresher;
mod remote_verifier;
mod status;
mod tls;
mod url;

pub use error::{FetchError, FollowError};
pub use options::Follow;
pub use refresher::JwksFollower;
pub use remote_verifier::RemoteVerifier;
pub use status::FollowerStatus;
pub use url::LocationError;
