//! Why no password is hashed, checked or judged now.

/// No hash now.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum HashingError {
    /// More are waiting than may wait, or this one has waited too long.
    #[error("too many passwords are waiting to be hashed")]
    Busy,
    /// The system has no randomness to give.
    #[error("no randomness")]
    Randomness,
    /// The list of breached passwords cannot be read; nothing is let through unread.
    #[error("the list of breached passwords cannot be read")]
    Breached,
}
