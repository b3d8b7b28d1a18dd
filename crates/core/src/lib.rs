//! The core of Counterfoil: sessions, credentials, and the services that issue, refresh and revoke them.
//!
//! Every login is stored as one [`Session`], whatever credential the client holds, and a credential is valid
//! only as long as its session is. Modules depend only on those below them:
//!
//! ```text
//!  services/      decisions            AccountService, Issuer, Authenticator, Revoker, Administration
//!  store/         storage              the `Store` trait, its conformance suite, SessionCache
//!  model/         stored records       Session, User, Client, KeyRecord, AuditEvent
//!  credentials/   clients' secrets     SessionToken, RefreshToken, AccessToken, PasswordHash
//! ```
//!
//! Nothing here depends on HTTP, SQL, a clock or the environment: the time is a parameter, a record is a
//! value, and concurrent changes are ordered by [`Store::commit`].

mod client_error;
pub mod credentials;
pub mod histogram;
pub mod model;
pub mod services;
pub mod store;
mod value_fault;

pub use client_error::{ClientError, InvalidCredential, LoginFailure, RateLimitReached};
pub use model::session::{Session, SessionCredential, SessionEnd};
pub use model::user::User;
pub use store::{Change, FileBackup, Store, StoreError, Transaction};
pub use value_fault::{PasswordWeakness, ValueFault};
