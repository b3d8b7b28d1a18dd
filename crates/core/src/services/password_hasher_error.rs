//! Why a password could not be hashed, verified or validated.

/// A password could not be hashed, verified or validated.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum HashingError {
    /// The queue is full, or this request waited too long in it.
    #[error("too many passwords are waiting to be hashed")]
    Busy,
    /// The client IP or the account has as many passwords in the queue as one of them may have.
    #[error("too many passwords of one client IP or account are waiting to be hashed")]
    ShareExceeded,
    /// The operating system provides no randomness.
    #[error("the operating system provides no randomness")]
    Randomness,
    /// The list of breached passwords cannot be read. No new password is accepted without it.
    #[error("the list of breached passwords cannot be read")]
    Breached,
}
