//! How many guesses a password withstands, estimated by zxcvbn in bounded time.

#[cfg(feature = "strength")]
use std::collections::HashSet;

#[cfg(feature = "strength")]
use zxcvbn::feedback::Warning;
#[cfg(feature = "strength")]
use zxcvbn::matching::patterns::MatchPattern;
#[cfg(feature = "strength")]
use zxcvbn::{Entropy, Score};

#[cfg(feature = "strength")]
use crate::services::password_policy::bounded_text;
use crate::services::password_policy::error::PasswordError;
#[cfg(feature = "strength")]
use crate::value_fault::PasswordWeakness;

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

/// The number of characters that are estimated together. A longer password is estimated in several windows.
#[cfg(feature = "strength")]
const WINDOW: usize = 32;

/// The characters at the end of a window of which a pattern may be incomplete: longer than nearly every word. They are
/// estimated again in the next window.
#[cfg(feature = "strength")]
const MARGIN: usize = 12;

/// The maximum number of windows: all but one from the beginning, the last one at the end of the password. What is between
/// them counts for nothing, neither for nor against the password.
#[cfg(feature = "strength")]
const MAX_WINDOWS: usize = 3;

/// The maximum number of personal words that the estimate looks for.
#[cfg(feature = "strength")]
const MAX_WORDS: usize = 32;

/// Rejects common passwords, whatever strength is required, and passwords below the required strength. zxcvbn works on
/// copies of the password that it does not wipe.
///
/// The work is bounded, because zxcvbn takes exponential time: a client that registers with chosen passwords would keep
/// a core busy for a second with each. Repetitions are collapsed, substituted letters have few readings, and at most three
/// windows of 32 characters are estimated: less than 5 ms in all.
#[cfg(feature = "strength")]
pub(super) fn validate(
    password: &str,
    words: &[String],
    required: PasswordStrength,
) -> Result<(), PasswordError> {
    let words: Vec<&str> = words.iter().take(MAX_WORDS).map(String::as_str).collect();
    let text: Vec<char> = password.chars().collect();
    match text.len() <= WINDOW {
        true => validate_short(&text, &words, required),
        false => validate_long(&bounded_text::collapse_repetitions(&text), &words, required),
    }
}

#[cfg(feature = "strength")]
fn validate_short(text: &[char], words: &[&str], required: PasswordStrength) -> Result<(), PasswordError> {
    let estimate = zxcvbn::zxcvbn(&bounded_text::limit_readings(text), words);
    if estimate.score() < Score::Three && is_in_a_dictionary(&estimate) {
        return Err(PasswordError::Common);
    }
    if estimate.score() < min_score(required) {
        return Err(PasswordError::Weak(weakness(&estimate)));
    }
    Ok(())
}

/// Adds up the windows of a long text until it is strong enough.
#[cfg(feature = "strength")]
fn validate_long(text: &[char], words: &[&str], required: PasswordStrength) -> Result<(), PasswordError> {
    let (mut parts, mut start, mut first) = (GuessedParts::default(), 0, None);
    for number in 1..=MAX_WINDOWS {
        let is_last = number == MAX_WINDOWS || text.len() - start <= WINDOW;
        let from = if is_last { start.max(text.len().saturating_sub(WINDOW)) } else { start };
        let window = &text[from..text.len().min(from + WINDOW)];
        let estimate = zxcvbn::zxcvbn(&bounded_text::limit_readings(window), words);
        // Where the text was cut, a pattern may be incomplete, and would seem to be random.
        let complete_from = if from > start { MARGIN } else { 0 };
        let complete_to = if is_last { window.len() } else { WINDOW - MARGIN };
        start += parts.add(&estimate, complete_from, complete_to);
        if parts.guesses_log10 >= min_guesses_log10(required) {
            return Ok(());
        }
        let estimate = first.get_or_insert(estimate);
        if is_last {
            return Err(PasswordError::Weak(weakness(estimate)));
        }
    }
    Err(PasswordError::Weak(PasswordWeakness::Pattern))
}

/// The patterns in the windows of a long text. Each different one counts once: a repetition adds nothing.
#[cfg(feature = "strength")]
#[derive(Default)]
struct GuessedParts {
    guesses_log10: f64,
    tokens: HashSet<String>,
}

#[cfg(feature = "strength")]
impl GuessedParts {
    /// Adds the patterns of a window that begin between these positions. Returns the end of the last one, where the next
    /// window begins.
    fn add(&mut self, estimate: &Entropy, complete_from: usize, complete_to: usize) -> usize {
        let mut end = complete_from;
        for part in estimate.sequence() {
            let is_random = part.pattern == MatchPattern::BruteForce;
            // Random characters have no pattern that could be incomplete, so they may be cut.
            let from = if is_random { part.i.max(complete_from) } else { part.i };
            let to = if is_random { complete_to.min(part.j + 1) } else { part.j + 1 };
            if from < complete_from || from >= complete_to || from >= to {
                continue;
            }
            end = to;
            let token: String = part.token.chars().skip(from - part.i).take(to - from).collect();
            let guesses = match is_random {
                true => (to - from) as f64,
                false => part.guesses.map_or(0.0, |guesses| (guesses as f64).log10()),
            };
            let token = match &part.pattern {
                MatchPattern::Repeat(repeat) => repeat.base_token.clone(),
                _ => token,
            };
            if self.tokens.insert(token.to_lowercase()) {
                self.guesses_log10 += guesses;
            }
        }
        end
    }
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

/// The guesses that [`min_score`] requires, as a power of ten.
#[cfg(feature = "strength")]
const fn min_guesses_log10(required: PasswordStrength) -> f64 {
    match required {
        PasswordStrength::Any => 0.0,
        PasswordStrength::Fair => 6.0,
        PasswordStrength::Good => 8.0,
        PasswordStrength::Great => 10.0,
    }
}

/// Whether the whole password is one dictionary entry, perhaps with substituted letters: one of thirty thousand common
/// passwords, or a word or name.
#[cfg(feature = "strength")]
fn is_in_a_dictionary(estimate: &Entropy) -> bool {
    matches!(estimate.sequence(), [one] if matches!(one.pattern, MatchPattern::Dictionary(_)))
}

#[cfg(feature = "strength")]
fn weakness(estimate: &Entropy) -> PasswordWeakness {
    let warning = estimate.feedback().and_then(|feedback| feedback.warning());
    let Some(warning) = warning else { return PasswordWeakness::Pattern };
    match warning {
        Warning::StraightRowsOfKeysAreEasyToGuess | Warning::ShortKeyboardPatternsAreEasyToGuess => {
            PasswordWeakness::Keyboard
        }
        Warning::RepeatsLikeAaaAreEasyToGuess | Warning::RepeatsLikeAbcAbcAreOnlySlightlyHarderToGuess => {
            PasswordWeakness::Repetition
        }
        Warning::ThisIsATop10Password
        | Warning::ThisIsATop100Password
        | Warning::ThisIsACommonPassword
        | Warning::ThisIsSimilarToACommonlyUsedPassword => PasswordWeakness::SimilarToCommon,
        Warning::SequencesLikeAbcAreEasyToGuess => PasswordWeakness::Sequence,
        Warning::RecentYearsAreEasyToGuess | Warning::DatesAreOftenEasyToGuess => PasswordWeakness::Date,
        Warning::AWordByItselfIsEasyToGuess => PasswordWeakness::Word,
        Warning::NamesAndSurnamesByThemselvesAreEasyToGuess
        | Warning::CommonNamesAndSurnamesAreEasyToGuess => PasswordWeakness::Name,
    }
}
