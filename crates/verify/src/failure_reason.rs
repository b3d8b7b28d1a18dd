//! Why a request was refused, for the log.

use std::borrow::Cow;
use std::fmt;

/// Why a request was refused: a stable code, and a sentence for people.
///
/// It is for the log, never for the client: an attacker who learned which check failed could correct a forgery step by step,
/// or distinguish a credential that was revoked from one that never existed. A response with a problem document has it among its
/// extensions. It contains no secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FailureReason {
    code: Cow<'static, str>,
    message: Cow<'static, str>,
}

impl FailureReason {
    /// A reason with a code in snake case.
    pub fn new(code: impl Into<Cow<'static, str>>, message: impl Into<Cow<'static, str>>) -> Self {
        Self { code: code.into(), message: message.into() }
    }

    /// The code, as `expired`: for programs that read the log.
    pub fn code(&self) -> &str {
        &self.code
    }

    /// What happened, in lower case and without a full stop.
    pub fn message(&self) -> &str {
        &self.message
    }
}

impl fmt::Display for FailureReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}
