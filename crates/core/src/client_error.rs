//! What is refused: the client's doing, every time. What *we* cannot do is a failure, in `policy`.

use std::time::Duration;

/// Why a credential was not good. The journal and the log learn it; the client learns only that.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidCredential {
    /// Not the text of a credential of ours.
    #[error("malformed")]
    Malformed,
    /// No such session, or the secret part is not of this session.
    #[error("unknown")]
    Unknown,
    /// A refresh token of a turn that this store has not reached: the store is older than the token.
    #[error("ahead of the store")]
    AheadOfStore,
    /// The session was ended.
    #[error("ended")]
    Ended,
    /// The session was not used for too long, or has reached its absolute end.
    #[error("expired")]
    Expired,
    /// Everything that user, that client or everybody was given so far was revoked.
    #[error("revoked by a mark")]
    RevokedByCutoff,
    /// The user or the client is disabled.
    #[error("disabled")]
    Disabled,
    /// A spent refresh token was shown again; its session is ended.
    #[error("replayed")]
    RefreshReuseDetected,
    /// The session does not carry this kind of credential.
    #[error("of another kind")]
    WrongKind,
}

/// What the client asked for and does not get.
///
/// Exhaustive: a new refusal is to find the place that chooses its status by itself.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ClientError {
    /// No such user, a wrong password, or a disabled user: one answer for the three.
    #[error("the name or the password is wrong")]
    LoginFailed,
    /// The credential is not good, for whatever reason.
    #[error("the credential is not good: {0}")]
    Credential(InvalidCredential),
    /// The client application is unknown or disabled, or must not do this.
    #[error("the client may not do this: {0}")]
    Client(&'static str),
    /// A scope or an audience that was not granted.
    #[error("not granted: {0}")]
    NotGranted(&'static str),
    /// The username belongs to somebody.
    #[error("the username is taken")]
    UsernameTaken,
    /// There is nothing of that name.
    #[error("there is no such {0}")]
    NotFound(&'static str),
    /// The id of a new record belongs to another.
    #[error("the {0} is taken")]
    AlreadyExists(&'static str),
    /// A field of the request is well formed and still wrong.
    #[error("{field}: {detail}")]
    Field {
        /// The name of the field, as in the request.
        field: &'static str,
        /// What is wrong with it and what would be right, for a person.
        detail: String,
    },
    /// The session data is not in the state that the client assumes.
    #[error("the session data has changed")]
    Precondition,
    /// The session data would grow beyond its limit.
    #[error("the session data would be too large")]
    TooLarge,
    /// Too often; worth another try after this time.
    #[error("too many requests")]
    RateLimited(Duration),
}

impl From<InvalidCredential> for ClientError {
    fn from(reason: InvalidCredential) -> Self {
        Self::Credential(reason)
    }
}
