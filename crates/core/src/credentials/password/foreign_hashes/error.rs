//! Why a password hash of another system is rejected.

/// A password hash of another system that cannot be imported.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ForeignHashError {
    /// The scheme is unknown.
    #[error("has an unknown scheme")]
    Unknown,
    /// The scheme is known, but the rest of the text is not valid for it.
    #[error("is not a valid {0} hash")]
    Malformed(&'static str),
    /// The cost is above the limit, so that a hash cannot stop the server.
    #[error("exceeds the limit of work or memory for {0}")]
    TooCostly(&'static str),
}
