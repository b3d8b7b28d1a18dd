//! The policy for new passwords: long enough, hard to guess, and not known from a breach.
//!
//! There are no composition rules, no expiry and no hints (NIST SP 800-63B-4, section 3.1.1.2). The policy checks the
//! length and what attackers know. The user gets the reason of a rejection.

#[cfg(feature = "strength")]
mod bounded_text;
mod common;
mod context;
mod error;
mod strength;
#[cfg(test)]
mod tests;

use std::fmt;
use std::io;
use std::sync::Arc;

use crate::credentials::password::{PasswordFingerprint, PlaintextPassword};
use crate::services::password_hasher_error::HashingError;

pub use self::context::PasswordContext;
pub use self::error::PasswordError;
pub use self::strength::PasswordStrength;

/// The policy for new passwords. Existing passwords are not checked against it.
///
/// ```
/// use counterfoil_core::credentials::password::PlaintextPassword;
/// use counterfoil_core::services::password_policy::{PasswordError, PasswordPolicy, PasswordContext};
/// use counterfoil_jose::Secret;
///
/// let policy = PasswordPolicy::default().for_service("shop.example");
/// let validate = |text: &str| {
///     let password = PlaintextPassword::new(&Secret::new(text.to_owned()));
///     policy.validate(&password, PasswordContext { username: "ada", email: None }).expect("there is no list to read")
/// };
/// assert_eq!(validate("a walk in the park"), Ok(()));
/// assert_eq!(validate("seven"), Err(PasswordError::TooShort(8)));
/// assert_eq!(validate("shop.example"), Err(PasswordError::Personal));
/// ```
#[derive(Clone)]
pub struct PasswordPolicy {
    min_length: usize,
    strength: PasswordStrength,
    service: Vec<String>,
    breached: Option<Arc<dyn BreachedPasswords>>,
}

/// A list of passwords that attackers know from breaches.
///
/// It is queried by fingerprint, so that no implementation sees the password itself.
pub trait BreachedPasswords: Send + Sync {
    /// Whether the list contains the password with this fingerprint.
    ///
    /// # Errors
    ///
    /// If the list cannot be read. Then the password is not accepted.
    fn contains(&self, password: PasswordFingerprint) -> io::Result<bool>;
}

impl Default for PasswordPolicy {
    /// At least 8 characters and a hundred million guesses.
    fn default() -> Self {
        Self {
            min_length: Self::MIN_LENGTH,
            strength: PasswordStrength::default(),
            service: Vec::new(),
            breached: None,
        }
    }
}

impl PasswordPolicy {
    /// The minimum length that any policy requires, in code points.
    pub const MIN_LENGTH: usize = 8;
    /// The minimum length that NIST requires if the password is the only factor, in code points.
    pub const MIN_LENGTH_NIST: usize = 15;

    /// The default policy with at least 15 characters: NIST SP 800-63B-4, section 3.1.1.2, for passwords that are the only
    /// factor.
    #[must_use]
    pub fn nist() -> Self {
        Self { min_length: Self::MIN_LENGTH_NIST, ..Self::default() }
    }

    /// Requires at least `length` code points, but never fewer than [`Self::MIN_LENGTH`].
    #[must_use]
    pub fn with_min_length(self, length: usize) -> Self {
        Self { min_length: length.max(Self::MIN_LENGTH), ..self }
    }

    /// Rejects passwords that are based on the name of the service at `host`.
    #[must_use]
    pub fn for_service(self, host: &str) -> Self {
        Self { service: context::words_of(host), ..self }
    }

    /// Requires this strength.
    #[must_use]
    pub fn with_strength(self, strength: PasswordStrength) -> Self {
        Self { strength, ..self }
    }

    /// Rejects passwords on this list.
    #[must_use]
    pub fn with_breached(self, list: Arc<dyn BreachedPasswords>) -> Self {
        Self { breached: Some(list), ..self }
    }

    /// Validates only the length, in code points of the normalized text.
    ///
    /// # Errors
    ///
    /// [`PasswordError::TooShort`] or [`PasswordError::TooLong`].
    pub fn validate_length(&self, password: &PlaintextPassword) -> Result<(), PasswordError> {
        match password.length() {
            length if length < self.min_length => Err(PasswordError::TooShort(self.min_length)),
            length if length > PlaintextPassword::MAX_LENGTH => Err(PasswordError::TooLong),
            _ => Ok(()),
        }
    }

    /// Validates a new password. The length is checked first, so that the other checks get a short text only.
    ///
    /// # Errors
    ///
    /// If the list of breached passwords cannot be read.
    pub fn validate(
        &self,
        password: &PlaintextPassword,
        context: PasswordContext<'_>,
    ) -> io::Result<Result<(), PasswordError>> {
        self.validate_words(password, context.words())
    }

    fn validate_words(
        &self,
        password: &PlaintextPassword,
        context_words: Vec<String>,
    ) -> io::Result<Result<(), PasswordError>> {
        if let Err(error) = self.validate_length(password) {
            return Ok(Err(error));
        }
        let words = [self.service.clone(), context_words].concat();
        if context::is_based_on(password.text(), &words) {
            return Ok(Err(PasswordError::Personal));
        }
        if common::is_common(password.text()) {
            return Ok(Err(PasswordError::Common));
        }
        if let Some(list) = &self.breached
            && list.contains(password.fingerprint())?
        {
            return Ok(Err(PasswordError::Breached));
        }
        Ok(strength::validate(password.text(), &words, self.strength))
    }
}

impl fmt::Debug for PasswordPolicy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut debug = f.debug_struct("PasswordPolicy");
        debug.field("min_length", &self.min_length).field("strength", &self.strength);
        debug.field("service", &self.service).field("breached", &self.breached.is_some()).finish()
    }
}

/// A new password with its policy and context, so that a worker thread can validate it.
#[derive(Debug, Clone)]
pub struct NewPassword {
    policy: Arc<PasswordPolicy>,
    password: PlaintextPassword,
    context_words: Vec<String>,
}

impl NewPassword {
    /// Combines a new password with the policy and the user's context.
    pub fn new(
        policy: &Arc<PasswordPolicy>,
        password: &PlaintextPassword,
        context: PasswordContext<'_>,
    ) -> Self {
        Self { policy: Arc::clone(policy), password: password.clone(), context_words: context.words() }
    }

    /// Validates the password.
    ///
    /// # Errors
    ///
    /// If the list of breached passwords cannot be read. The cause is logged.
    pub fn validate(self) -> Result<Result<(), PasswordError>, HashingError> {
        self.policy.validate_words(&self.password, self.context_words).map_err(|error| {
            tracing::error!(%error, "the list of breached passwords cannot be read");
            HashingError::Breached
        })
    }
}
