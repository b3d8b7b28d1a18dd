//! Why a token was not accepted: for the journal, never for whoever showed it.

use crate::json::JsonError;

/// Why a token was not accepted.
///
/// The client learns that it was refused and nothing else (RFC 6750, section 3.1); the journal takes
/// [`Rejection::code`]. No variant holds anything that the token says.
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Rejection {
    /// Longer than [`crate::jws::MAX_LENGTH`]; nothing of it was looked at.
    #[error("the token is too long")]
    TooLong,
    /// Not three non-empty segments: a JWE, a JSON serialization, an unsigned or detached token.
    #[error("the token has not exactly three segments")]
    NotCompact,
    /// A segment with padding, spare bits or a foreign character.
    #[error("a segment is not canonical base64url")]
    NotBase64url,
    /// The header is not a strict JSON object, or a member of it has the wrong type.
    #[error("the header is malformed")]
    BadHeader(#[source] JsonError),
    /// The payload is not a strict JSON object, where one was asked for. The signature may be right.
    #[error("the payload is malformed")]
    BadPayload(#[source] JsonError),
    /// The header's `kid` is empty or longer than 128 bytes.
    #[error("the header's key id has not 1 to 128 bytes")]
    BadKeyId,
    /// The header has `crit`; no extension is implemented here (RFC 7515, section 4.1.11).
    #[error("the header demands extensions")]
    Critical,
    /// The header has `b64` (RFC 7797).
    #[error("the header changes how the payload is encoded")]
    Unencoded,
    /// The header's `alg` is none that exists here, `none` included, or not in the list of this
    /// verifier. No key was looked for.
    #[error("the algorithm is not allowed")]
    AlgorithmNotAllowed,
    /// The header's `typ` is absent or of another kind of token (RFC 8725, section 3.11).
    #[error("this is another kind of token")]
    WrongType,
    /// The header names no key and there is not exactly one.
    #[error("the token names no key")]
    NoKeyId,
    /// The header names a key that is not in the set.
    #[error("the token names an unknown key")]
    UnknownKeyId,
    /// The key that the header names is for another algorithm.
    #[error("the algorithm is not the key's")]
    AlgorithmMismatch,
    /// The signature is not the key's for these bytes.
    #[error("the signature is wrong")]
    BadSignature,
}

impl Rejection {
    /// A stable name for journals and metrics.
    pub fn code(&self) -> &'static str {
        match self {
            Self::TooLong => "token_too_long",
            Self::NotCompact => "token_not_compact",
            Self::NotBase64url => "token_not_base64url",
            Self::BadHeader(_) => "token_bad_header",
            Self::BadPayload(_) => "token_bad_payload",
            Self::BadKeyId => "token_bad_kid",
            Self::Critical => "token_crit",
            Self::Unencoded => "token_b64",
            Self::AlgorithmNotAllowed => "token_alg_not_allowed",
            Self::WrongType => "token_wrong_typ",
            Self::NoKeyId => "token_no_kid",
            Self::UnknownKeyId => "token_unknown_kid",
            Self::AlgorithmMismatch => "token_alg_mismatch",
            Self::BadSignature => "token_bad_signature",
        }
    }

    /// Whether newer keys could change the answer: a follower may fetch them, within its cool-down.
    pub fn unknown_kid(&self) -> bool {
        matches!(self, Self::UnknownKeyId)
    }
}
