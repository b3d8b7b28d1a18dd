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

pub mod durations;
pub mod issued;
pub mod kept;
pub mod policy;
mod refusal;
pub mod store;

pub use kept::session::{Ended, Session, Stub};
pub use kept::user::User;
pub use refusal::{Refusal, Unfit};
pub use store::{Change, Store, StoreError};
