//! Errors in reading a request body. No message repeats what the body contains.

use std::borrow::Cow;

use counterfoil_jose::JsonError;

use crate::limits::quota::QuotaExceeded;

/// Why a request body was rejected.
#[derive(Debug, thiserror::Error)]
pub(crate) enum BodyError {
    /// The request has no body, or no `Content-Type`.
    #[error("a body with content type `application/json` is required")]
    Missing,
    /// The content type, charset or content coding is not supported. Holds the supported type.
    #[error("the body must be `{0}` in UTF-8, without a content coding")]
    UnsupportedMediaType(&'static str),
    /// The body has more bytes than the limit.
    #[error("the body must not be larger than {0} bytes")]
    TooLarge(usize),
    /// The memory for bodies is used up by all clients together.
    #[error("too many request bodies are being read")]
    ServerBusy,
    /// This client IP uses its share of the memory for bodies.
    #[error("too many request bodies from this client are being read")]
    ClientBusy,
    /// The body was not received in time.
    #[error("the body was not received in time")]
    Timeout,
    /// The connection ended before the body did.
    #[error("the body is incomplete")]
    Incomplete,
    /// The body is not a strict JSON object.
    #[error("the body must be a JSON object: {0}")]
    InvalidJson(JsonError),
    /// The body is not a form in which each field is at most once.
    #[error(transparent)]
    InvalidForm(#[from] FormError),
    /// A number would be rounded.
    #[error(
        "a number in the body cannot be kept exactly: a whole number must fit in 64 bits, any other in a double; send it as a string"
    )]
    InexactNumber,
    /// The body has a member that the request type does not have. Holds the known names.
    #[error("the body has an unknown member; known are: {0}")]
    UnknownField(String),
    /// A member is missing, or has the wrong type or value.
    #[error("{field}: {detail}")]
    InvalidField {
        /// The name of the member.
        field: String,
        /// What is wrong and what would be right.
        detail: Cow<'static, str>,
    },
}

/// Why a body is no form.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum FormError {
    /// An incomplete escape, or bytes that are not UTF-8.
    #[error("the body must be a form in UTF-8")]
    Malformed,
    /// The order must not decide which value counts.
    #[error("a parameter must not be repeated")]
    Repeated,
}

impl From<QuotaExceeded> for BodyError {
    fn from(error: QuotaExceeded) -> Self {
        match error {
            QuotaExceeded::Total => Self::ServerBusy,
            QuotaExceeded::PerIp => Self::ClientBusy,
        }
    }
}
