//! What a token contains, and whether its signature is valid: for display, never for decisions.
//!
//! `counterfoil token inspect` and the lab's page use the same functions. All but the question to an issuer are pure.

pub(crate) mod claims;
pub(crate) mod given_keys;
pub(crate) mod inspected_token;
pub(crate) mod issuer_check;
pub(crate) mod problems;
pub(crate) mod signature;
