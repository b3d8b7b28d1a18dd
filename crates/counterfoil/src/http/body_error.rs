//! Why a body was not taken: what is wrong with it, and nothing of what it says.

use std::borrow::Cow;

use counterfoil_jose::JsonError;

use crate::limits::quota::QuotaExceeded;

/// Why a body was not taken.
#[derive(Debug, thiserror::Error)]
pub(crate) enum BodyFault {
    /// There is none, or its type is not named.
    #[error("a body of type application/json is required")]
    Missing,
    /// Its type, or its coding, is named and is another.
    #[error("the body is to be {0}, in UTF-8 and not compressed")]
    Type(&'static str),
    /// It has more bytes than are taken.
    #[error("the body is larger than {0} bytes")]
    TooLarge(usize),
    /// So many others are being read that there is no memory for this one.
    #[error("too many bodies are being read")]
    TooMany,
    /// So many of the same source are being read that it has no part left.
    #[error("too many bodies of this source are being read")]
    TooManyOfSource,
    /// It did not come to its end in time.
    #[error("the body took too long to come")]
    TooSlow,
    /// It ended too early.
    #[error("the body could not be read to its end")]
    Broken,
    /// It is no strict JSON object.
    #[error("the body is not a JSON object: {0}")]
    Json(JsonError),
    /// It has a member that nobody asked for.
    #[error("the body has a member that is not known here{0}")]
    Unknown(String),
    /// A member is missing, or of another type.
    #[error("{field}: {detail}")]
    Member {
        /// The member.
        field: String,
        /// What it is to be.
        detail: Cow<'static, str>,
    },
}

impl From<QuotaExceeded> for BodyFault {
    fn from(bound: QuotaExceeded) -> Self {
        match bound {
            QuotaExceeded::Total => Self::TooMany,
            QuotaExceeded::PerIp => Self::TooManyOfSource,
        }
    }
}
