//! What a token contains, without any key: for display, never for decisions.
//!
//! `counterfoil token inspect` and the lab's page use the same functions, all of which are pure.

pub(crate) mod claims;
pub(crate) mod inspected_token;
pub(crate) mod problems;
