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

mod client;
mod error;
mod fetcher;
mod follower;
mod lifetime;
mod location;
mod metadata;
mod remote;
mod schedule;
mod settings;
mod status;
mod tls;

pub use error::{FetchError, FollowError};
pub use follower::JwksFollower;
pub use location::LocationError;
pub use remote::RemoteVerifier;
pub use settings::Follow;
pub use status::FollowerStatus;
