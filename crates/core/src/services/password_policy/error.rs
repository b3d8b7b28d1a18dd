//! Why a password is not accepted.

use crate::credentials::password::PlaintextPassword;
use crate::value_fault::{PasswordWeakness, ValueFault};

/// Why a password is not accepted. The message continues a sentence that starts with the field's name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PasswordError {
    /// Shorter than this minimum length, in code points.
    #[error("must have at least {0} characters")]
    TooShort(usize),
    /// Longer than the maximum length. It is rejected, never truncated.
    #[error("must have at most {} characters", PlaintextPassword::MAX_LENGTH)]
    TooLong,
    /// Little more than the username, the e-mail address or the name of the service.
    #[error(
        "must not be based on your name, your address or the name of this service; choose words that are not related \
         to them"
    )]
    Personal,
    /// One of the most common passwords.
    #[error("is one of the most common passwords; choose a less common one")]
    Common,
    /// On the list of breached passwords.
    #[error(
        "is known from a breach, so attackers try it first; choose another one, and change it wherever else you \
         use it"
    )]
    Breached,
    /// The temporary password that must be changed.
    #[error("must not be the temporary password, which others may know")]
    Unchanged,
    /// Withstands too few guesses, for this reason.
    #[error("is too easy to guess: {0}; three or four unrelated words are better")]
    Weak(PasswordWeakness),
}

impl From<PasswordError> for ValueFault {
    fn from(error: PasswordError) -> Self {
        match error {
            PasswordError::TooShort(min) => Self::PasswordTooShort(min),
            PasswordError::TooLong => Self::PasswordTooLong(PlaintextPassword::MAX_LENGTH),
            PasswordError::Personal => Self::PasswordPersonal,
            PasswordError::Common => Self::PasswordCommon,
            PasswordError::Breached => Self::PasswordBreached,
            PasswordError::Unchanged => Self::PasswordUnchanged,
            PasswordError::Weak(weakness) => Self::PasswordWeak(weakness),
        }
    }
}
