//! The idea: a ticket is torn in two, and the issuer keeps the **counterfoil**.
//!
//! Every login leaves one [`Session`] on our side, whatever the client carries away, and a credential is
//! only as good as the record it was torn from. Four floors, and the arrows fall:
//!
//! ```text
//!  policy/   who decides            sign_in, issuer, authenticator, revoke
//!  store/    where it is kept       the `Store` trait, its laws, the exact memory in front of it
//!  kept/     our half               Session, User, Client, KeyRecord, Event
//!  issued/   the client's half      SessionToken, RefreshToken, AccessToken, PasswordHash
//! ```
//!
//! Nothing here knows HTTP, SQL, a clock or the environment: the time is an argument, a record is a
//! value, and every race is settled in [`Store::commit`].

mod client_error;
pub mod credentials;
pub mod histogram;
pub mod model;
pub mod services;
pub mod store;

pub use client_error::{ClientError, InvalidCredential};
pub use model::session::{Session, SessionCredential, SessionEnd};
pub use model::user::User;
pub use store::{Change, Store, StoreError};
