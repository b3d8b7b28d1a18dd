//! JOSE as one system needs it: few algorithms, one key for one algorithm, nothing lenient.
//!
//! The ground that everybody stands on. It knows no session, store or HTTP; it does no I/O and
//! is told the time. What it is for, in five lines:
//!
//! ```
//! use counterfoil_jose::{Algorithm, Jws, KeySet, SigningKey};
//!
//! let key = SigningKey::generate(Algorithm::Es256)?;
//! let token = key.sign("at+jwt", br#"{"sub":"alice"}"#)?;
//!
//! let keys = KeySet::new([key.verifying_key()])?;
//! let verified = Jws::parse(&token)?.verify(&keys, &[Algorithm::Es256], &["at+jwt"])?;
//! assert_eq!(verified.payload, br#"{"sub":"alice"}"#);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! - A token: [`Jws`], [`Verified`], [`Rejection`]; for people, [`unverified`].
//! - A key: [`SigningKey`], [`VerifyingKey`], [`KeySet`], [`Jwk`], [`JwkSet`], [`KeyError`].
//! - The ground below: [`json`], [`base64url`], [`random`], [`digest`], [`HmacKey`],
//!   [`SealingKey`], [`constant_time`], [`numeric_date`], [`Secret`], [`Time`].

pub mod algorithm;
pub mod base64url;
pub mod constant_time;
pub mod digest;
pub mod hmac;
pub mod json;
pub mod jwk;
pub mod jwk_set;
pub mod jws;
pub mod key_error;
pub mod key_set;
pub mod numeric_date;
pub mod random;
pub mod rejection;
pub mod sealing;
pub mod secret;
pub mod signing_key;
pub mod time;
pub mod unverified;
pub mod verifying_key;

mod compact;
mod der;
mod header;
mod key_id;
mod pem;
mod private_jwk;
mod private_key;
mod rsa;
mod scheme;
mod shared_secret;
mod spki;
mod wiped;

pub use algorithm::Algorithm;
pub use hmac::HmacKey;
pub use json::JsonError;
pub use jwk::Jwk;
pub use jwk_set::JwkSet;
pub use jws::{Jws, Verified};
pub use key_error::KeyError;
pub use key_set::KeySet;
pub use random::Unavailable;
pub use rejection::Rejection;
pub use sealing::{SealError, SealingKey};
pub use secret::Secret;
pub use signing_key::{SignError, SigningKey};
pub use time::Time;
pub use unverified::Unverified;
pub use verifying_key::VerifyingKey;
