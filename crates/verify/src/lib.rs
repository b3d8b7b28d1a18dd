//! What a resource server embeds: an access token goes in, a `Principal` or a clear refusal comes out.

mod id;
mod log;

pub use id::{ClientId, IdError, KeyId, SessionId, TokenId, UserId};
pub use log::{LogEntry, Position, Subject};
