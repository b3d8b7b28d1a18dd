//! JOSE with a strict profile: JWS, JWK, JWK sets and signing keys on aws-lc-rs.
//!
//! Each key is bound to one algorithm, a verifier lists the algorithms that it accepts, and input that is not
//! in its canonical form is rejected (RFC 8725). The crate does no I/O and reads no clock: claims such as
//! `exp` are left to the caller.
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
//! # Items by task
//!
//! | Task | Items |
//! |---|---|
//! | Verify a token (RFC 7515, compact serialization) | [`Jws`], [`jws::verify`], [`VerifiedJws`], [`JwsError`] |
//! | Sign a token | [`SigningKey::sign`], [`SignError`] |
//! | Decode a token for display, without verification | [`unverified::decode`], [`UnverifiedJws`] |
//! | Load and store keys: JWK, PEM, DER, shared secrets | [`SigningKey`], [`VerifyingKey`], [`Algorithm`], [`KeyError`] |
//! | Publish and read public keys (RFC 7517), thumbprints (RFC 7638) | [`Jwk`], [`JwkSet`], [`KeySet`] |
//! | Parse JSON strictly, and `NumericDate` (RFC 7519) | [`json`], [`JsonError`], [`numeric_date`], [`Time`] |
//! | Encode and decode status lists | `status_list` (feature `status-list`) |
//! | Encrypt secrets for storage | [`SealingKey`], [`SealError`], [`Secret`] |
//! | Primitives | [`base64url`], [`digest`], [`HmacKey`], [`random`], [`constant_time`] |
//!
//! # What is rejected
//!
//! - The algorithm `none`, an algorithm that the verifier does not list, and an algorithm that is not the
//!   key's.
//! - A set that mixes public keys and shared secrets, which makes algorithm confusion possible (RFC 8725,
//!   section 2.1).
//! - The header parameters `crit` and `b64`. Keys in the header (`jwk`, `jku`, `x5c`, `x5u`) are ignored.
//! - JWE, the JSON serializations, and tokens longer than [`jws::MAX_LENGTH`].
//! - Base64url with padding or non-zero unused bits, and JSON with duplicate members.
//! - RSA keys with fewer than 2048 bits or with the ROCA weakness, and shared secrets shorter than the hash.

pub mod algorithm;
pub mod base64url;
pub mod constant_time;
pub mod digest;
pub mod hmac;
pub mod json;
pub mod jwk;
pub mod jwk_set;
pub mod jws;
pub mod jws_error;
pub mod key_error;
pub mod key_set;
pub mod numeric_date;
pub mod random;
pub mod sealing;
pub mod secret;
pub mod signing_key;
#[cfg(feature = "status-list")]
pub mod status_list;
pub mod time;
pub mod unverified;
pub mod verifying_key;

mod compact;
mod der;
mod header;
mod key_id;
mod pem;
mod primitive;
mod private_jwk;
mod private_key;
mod rsa;
mod shared_secret;
mod spki;
mod zeroizing_decode;

pub use algorithm::Algorithm;
pub use hmac::HmacKey;
pub use json::JsonError;
pub use jwk::Jwk;
pub use jwk_set::JwkSet;
pub use jws::{Jws, VerifiedJws};
pub use jws_error::JwsError;
pub use key_error::KeyError;
pub use key_set::KeySet;
pub use random::RandomUnavailable;
pub use sealing::{SealError, SealingKey};
pub use secret::Secret;
pub use signing_key::{SignError, SigningKey};
pub use time::Time;
pub use unverified::UnverifiedJws;
pub use verifying_key::VerifyingKey;
