//! The stored records. They do not depend on the store.

pub mod admin_key;
pub mod audit_event;
pub mod client;
pub mod email_address;
pub mod external_id;
mod invisible;
pub mod key;
pub mod session;
pub mod status_index;
pub mod user;
pub mod username;
pub mod verifier_key;
