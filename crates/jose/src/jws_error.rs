//! Why a token is rejected: for logs and metrics, not for the client.

use crate::json::JsonError;

/// Why a token is rejected.
///
/// The client learns only that the token is invalid (RFC 6750, section 3.1). Logs and metrics use
/// [`JwsError::code`]. No variant contains any part of the token.
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum JwsError {
    /// The token is longer than [`crate::jws::MAX_LENGTH`], or than the maximum that the caller gave. It was not parsed.
    #[error("the token is too long")]
    TooLong,
    /// Not three non-empty segments, for example a JWE, a JSON serialization, an unsigned or a detached
    /// token.
    #[error("the token must have exactly three non-empty segments")]
    NotCompact,
    /// A segment has padding, non-zero unused bits or an invalid character.
    #[error("a segment is not canonical base64url")]
    NotBase64url,
    /// The header is not a strict JSON object, or one of its members has the wrong type.
    #[error("the header is malformed")]
    BadHeader(#[source] JsonError),
    /// The payload is not a strict JSON object, where one is required. The signature may be valid.
    #[error("the payload is malformed")]
    BadPayload(#[source] JsonError),
    /// The header parameter `kid` is empty or longer than 128 bytes.
    #[error("`kid` must have 1 to 128 bytes")]
    BadKeyId,
    /// The header has the parameter `crit`. No extension is supported (RFC 7515, section 4.1.11).
    #[error("the header parameter `crit` is not supported")]
    UnsupportedCrit,
    /// The header has the parameter `b64` (RFC 7797).
    #[error("the header parameter `b64` is not supported")]
    UnsupportedB64,
    /// The header parameter `alg` is unknown (`none` included), or not in the verifier's list. This is
    /// checked before the key is selected.
    #[error("the algorithm is not allowed")]
    AlgorithmNotAllowed,
    /// The header parameter `typ` is absent or names another type of token (RFC 8725, section 3.11).
    #[error("the token has another `typ` or none")]
    WrongTyp,
    /// The header has no `kid`, and the key set does not have exactly one key.
    #[error("the token has no `kid`")]
    MissingKeyId,
    /// The key set has no key with the `kid` of the header.
    #[error("the `kid` is unknown")]
    UnknownKeyId,
    /// The key with the `kid` of the header is for another algorithm.
    #[error("the algorithm is not that of the key")]
    AlgorithmMismatch,
    /// The signature is not valid for this key and these bytes.
    #[error("the signature is invalid")]
    BadSignature,
}

impl JwsError {
    /// A stable name for logs and metrics.
    pub fn code(&self) -> &'static str {
        match self {
            Self::TooLong => "token_too_long",
            Self::NotCompact => "token_not_compact",
            Self::NotBase64url => "token_not_base64url",
            Self::BadHeader(_) => "token_bad_header",
            Self::BadPayload(_) => "token_bad_payload",
            Self::BadKeyId => "token_bad_kid",
            Self::UnsupportedCrit => "token_crit",
            Self::UnsupportedB64 => "token_b64",
            Self::AlgorithmNotAllowed => "token_alg_not_allowed",
            Self::WrongTyp => "token_wrong_typ",
            Self::MissingKeyId => "token_no_kid",
            Self::UnknownKeyId => "token_unknown_kid",
            Self::AlgorithmMismatch => "token_alg_mismatch",
            Self::BadSignature => "token_bad_signature",
        }
    }

    /// Whether the key is unknown, so that a newer key set may contain it.
    pub fn is_unknown_key_id(&self) -> bool {
        matches!(self, Self::UnknownKeyId)
    }
}
