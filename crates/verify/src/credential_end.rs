//! Why a credential is no longer accepted, for a connection that outlives its request.

use std::fmt;

use crate::revocation::log::SubjectKind;

/// Why the credential of a [`Principal`](crate::Principal) is no longer accepted: the result of
/// [`Principal::ended`](crate::Principal::ended).
///
/// [`CredentialEnd::as_str`] and [`CredentialEnd::close_code`] are what the other side of a connection learns, by one
/// convention for all applications: a WebSocket is closed with the code and the name as its reason; an event stream sends
/// an event of that name and ends.
///
/// ```
/// use counterfoil_verify::CredentialEnd;
///
/// assert_eq!(CredentialEnd::SessionEnded.as_str(), "session_ended");
/// assert_eq!(CredentialEnd::SessionEnded.close_code(), 4401);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum CredentialEnd {
    /// The session ended: a logout, an administrator, the reuse of a refresh token, a revocation of its client or of everyone,
    /// and so on. The user must log in again.
    SessionEnded,
    /// The credential is revoked, and the session may continue: the access token itself, its key, or all earlier credentials of
    /// the user, for example because the password or the roles changed. The client tries once to refresh and to connect again.
    Revoked,
    /// The access token has expired, and the client refreshes it; or the session has expired, by its idle timeout or at its
    /// absolute end, and the user must log in again.
    Expired,
    /// Whether the credential is still accepted is unknown: the revocations are out of date, the store cannot be read, or
    /// the principal was verified without revocations. The client connects again later.
    Unavailable,
}

impl CredentialEnd {
    /// The name: the reason of a WebSocket's close frame, and the name of the last event of an event stream.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::SessionEnded => "session_ended",
            Self::Revoked => "revoked",
            Self::Expired => "expired",
            Self::Unavailable => "unavailable",
        }
    }

    /// The code of a WebSocket's close frame (RFC 6455, section 7.4): 4401, of the range for private use and in the place of
    /// the status 401; for [`CredentialEnd::Unavailable`] the registered code 1013, "try again later".
    pub const fn close_code(self) -> u16 {
        match self {
            Self::SessionEnded | Self::Revoked | Self::Expired => 4401,
            Self::Unavailable => 1013,
        }
    }
}

impl fmt::Display for CredentialEnd {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl From<SubjectKind> for CredentialEnd {
    /// What a log entry of this kind does to a credential. An entry of a client or of everyone ends the sessions too; after one
    /// of a user the sessions may continue.
    fn from(kind: SubjectKind) -> Self {
        match kind {
            SubjectKind::Session | SubjectKind::Client | SubjectKind::Everyone => Self::SessionEnded,
            SubjectKind::Token | SubjectKind::Key | SubjectKind::User => Self::Revoked,
        }
    }
}
