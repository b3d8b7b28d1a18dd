//! What an application needs to keep the records in a [`Store`](crate::Store) of its own.
//!
//! The modules are those of the crate `counterfoil-core`: [`store`] has the trait with its requirements, [`model`] the records,
//! and [`credentials`] what a record has of a credential. A store decides nothing. Test it with the conformance suite of
//! that crate, `counterfoil_core::store::conformance` (feature `conformance`).

pub use counterfoil_core::{credentials, model, store};

// What they name of other crates.
pub use counterfoil_core::histogram::{Histogram, HistogramSnapshot};
pub use counterfoil_core::services::account::{AuthenticatedUser, AuthenticationAttempt};
pub use counterfoil_core::services::issuer::NewSession;
pub use counterfoil_jose::{HmacKey, SealingKey};
pub use counterfoil_verify::{Clock, FeedEntry, MonitoredCredential, RevocationEntry, RevocationSubject};
