//! How many guesses a password withstands, estimated by zxcvbn.

#[cfg(feature = "strength")]
use zxcvbn::feedback::Warning;
#[cfg(feature = "strength")]
use zxcvbn::matching::patterns::MatchPattern;
#[cfg(feature = "strength")]
use zxcvbn::{Entropy, Score};

use crate::services::password_policy::error::PasswordError;

/// How many guesses a new password must withstand, by the estimate of zxcvbn.
///
/// Without the feature `strength` there is no estimate, and no password is rejected for its strength.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub enum PasswordStrength {
    /// Any number of guesses.
    Any,
    /// A million guesses: enough only where guessing is rate-limited.
    Fair,
    /// A hundred million guesses: some weeks of CPU time for a hash with the default cost.
    #[default]
    Good,
    /// Ten billion guesses.
    Great,
}

/// The maximum number of characters that are estimated. Further characters can only make a password stronger.
#[cfg(feature = "strength")]
const MAX_ESTIMATED_LENGTH: usize = 64;

/// Rejects common passwords, whatever strength is required, and passwords below the required strength. zxcvbn works on
/// copies of the password that it does not wipe.
#[cfg(feature = "strength")]
pub(super) fn validate(
    password: &str,
    words: &[String],
    required: PasswordStrength,
) -> Result<(), PasswordError> {
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let end = password.char_indices().nth(MAX_ESTIMATED_LENGTH).map_or(password.len(), |(end, _)| end);
    let estimate = zxcvbn::zxcvbn(&password[..end], &words);
    if estimate.score() < Score::Three && is_in_a_dictionary(&estimate) {
        return Err(PasswordError::Common);
    }
    if estimate.score() < min_score(required) {
        return Err(PasswordError::Weak(reason(&estimate)));
    }
    Ok(())
}

/// Accepts every password: without zxcvbn there is no estimate.
#[cfg(not(feature = "strength"))]
pub(super) fn validate(
    _password: &str,
    _words: &[String],
    _required: PasswordStrength,
) -> Result<(), PasswordError> {
    Ok(())
}

#[cfg(feature = "strength")]
const fn min_score(required: PasswordStrength) -> Score {
    match required {
        PasswordStrength::Any => Score::Zero,
        PasswordStrength::Fair => Score::Two,
        PasswordStrength::Good => Score::Three,
        PasswordStrength::Great => Score::Four,
    }
}

/// Whether the whole password is one dictionary entry, perhaps with substituted letters: one of thirty thousand common
/// passwords, or a word or name.
#[cfg(feature = "strength")]
fn is_in_a_dictionary(estimate: &Entropy) -> bool {
    matches!(estimate.sequence(), [one] if matches!(one.pattern, MatchPattern::Dictionary(_)))
}

#[cfg(feature = "strength")]
fn reason(estimate: &Entropy) -> &'static str {
    let warning = estimate.feedback().and_then(|feedback| feedback.warning());
    let Some(warning) = warning else { return "it is short or follows a pattern" };
    match warning {
        Warning::StraightRowsOfKeysAreEasyToGuess | Warning::ShortKeyboardPatternsAreEasyToGuess => {
            "it follows the keys of a keyboard"
        }
        Warning::RepeatsLikeAaaAreEasyToGuess | Warning::RepeatsLikeAbcAbcAreOnlySlightlyHarderToGuess => {
            "it repeats itself"
        }
        Warning::ThisIsATop10Password
        | Warning::ThisIsATop100Password
        | Warning::ThisIsACommonPassword
        | Warning::ThisIsSimilarToACommonlyUsedPassword => "it is similar to a common password",
        Warning::SequencesLikeAbcAreEasyToGuess => "it is a sequence like abc or 6543",
        Warning::RecentYearsAreEasyToGuess | Warning::DatesAreOftenEasyToGuess => "it is based on a date",
        Warning::AWordByItselfIsEasyToGuess => "it is little more than one word",
        Warning::NamesAndSurnamesByThemselvesAreEasyToGuess
        | Warning::CommonNamesAndSurnamesAreEasyToGuess => "it is based on a name",
    }
}
