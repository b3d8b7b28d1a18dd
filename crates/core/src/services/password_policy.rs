//! What a new password must be like: long enough, hard to guess, and known to nobody.
//!
//! There are no rules of composition, no expiry and no hints (NIST SP 800-63B-4, section 3.1.1.2). Length and
//! what is known to attackers are all that is judged, and whoever is refused is told the reason.

use std::fmt;
use std::io;
use std::sync::Arc;

use counterfoil_jose::Secret;

use crate::credentials::password::{PasswordFingerprint, PlaintextPassword};
use crate::model::user::User;
use crate::services::password_hasher_error::HashingError;

/// The fewest letters of a word that may not be in a password: shorter ones are in too many by chance.
const MIN_WORD_LENGTH: usize = 3;

/// The fewest characters that a password must have beside the words that anybody would try first.
const MIN_OTHER_CHARACTERS: usize = 5;

/// The policy for new passwords. Passwords that are in use already are never judged by it.
///
/// ```
/// use counterfoil_core::credentials::password::PlaintextPassword;
/// use counterfoil_core::services::password_policy::{PasswordError, PasswordPolicy, PasswordContext};
/// use counterfoil_jose::Secret;
///
/// let policy = PasswordPolicy::default().for_service("shop.example");
/// let validate = |text: &str| {
///     let password = PlaintextPassword::new(&Secret::new(text.to_owned()));
///     policy.validate(&password, PasswordContext { username: "ada", email: None }).expect("nothing to read")
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

/// A list of passwords that attackers know.
///
/// It is asked by fingerprint, so that no list needs the password itself.
pub trait BreachedPasswords: Send + Sync {
    /// Whether the list has the password with this fingerprint.
    ///
    /// # Errors
    ///
    /// If the list cannot be read; then the password is not accepted.
    fn contains(&self, password: PasswordFingerprint) -> io::Result<bool>;
}

/// How many guesses a new password must withstand, by the estimate of zxcvbn.
///
/// Without the feature `strength` there is no estimate, and nothing is refused for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub enum PasswordStrength {
    /// Any number.
    Any,
    /// A million: enough only where guesses are slowed down.
    Fair,
    /// A hundred million: some weeks of a processor for a hash at the default cost.
    #[default]
    Good,
    /// Ten thousand million.
    Great,
}

/// Whom a password is for: words that an attacker tries first.
#[derive(Debug, Clone, Copy, Default)]
pub struct PasswordContext<'a> {
    /// Their name.
    pub username: &'a str,
    /// Their address.
    pub email: Option<&'a str>,
}

impl<'a> PasswordContext<'a> {
    /// A user whom we know.
    pub fn for_user(user: &'a User) -> Self {
        Self { username: user.username.as_str(), email: user.email.as_deref() }
    }

    /// The name, the address, what stands before its `@`, and the parts of all of them.
    fn words(&self) -> Vec<String> {
        let mut words = words_of(self.username);
        if let Some(email) = self.email {
            let local = email.split('@').next().unwrap_or_default();
            words.push(email.to_lowercase());
            words.extend(words_of(local));
        }
        words
    }
}

/// Why a password cannot be had, as a sentence that goes on after the name of the field.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PasswordError {
    /// Too short to withstand guessing; the fewest characters that are enough.
    #[error("must have at least {0} characters")]
    TooShort(usize),
    /// Longer than we hash; it is refused, never cut.
    #[error("must have at most {} characters", PlaintextPassword::MAX_LENGTH)]
    TooLong,
    /// Hardly more than a name, an address or the name of the service.
    #[error(
        "must not be built on your name, your address or the name of this service; choose words that have nothing to \
         do with them"
    )]
    Personal,
    /// Among those that everybody uses.
    #[error("is one of the most common passwords; choose one that nobody else would think of")]
    Common,
    /// On the list of breached passwords.
    #[error(
        "is known from a breach and is among the first that an attacker tries; choose another one, and change it \
         wherever else it is used"
    )]
    Breached,
    /// Guessed too soon; what makes it so.
    #[error("is too easy to guess, {0}; three or four words that do not belong together are better")]
    Weak(&'static str),
}

impl Default for PasswordPolicy {
    /// At least 8 characters, and a hundred million guesses.
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
    /// The fewest code points that any policy accepts.
    pub const MIN_LENGTH: usize = 8;
    /// The fewest that NIST accepts where the password is all there is.
    pub const MIN_LENGTH_NIST: usize = 15;

    /// The default with at least 15 characters: NIST SP 800-63B-4, section 3.1.1.2, for passwords that are the
    /// only factor.
    #[must_use]
    pub fn nist() -> Self {
        Self { min_length: Self::MIN_LENGTH_NIST, ..Self::default() }
    }

    /// Requires at least `length` code points, and never fewer than [`Self::MIN_LENGTH`].
    #[must_use]
    pub fn with_min_length(self, length: usize) -> Self {
        Self { min_length: length.max(Self::MIN_LENGTH), ..self }
    }

    /// The same for the service that is reached at `host`, whose name is no password.
    #[must_use]
    pub fn for_service(self, host: &str) -> Self {
        Self { service: words_of(host), ..self }
    }

    /// The same, with another strength.
    #[must_use]
    pub fn with_strength(self, strength: PasswordStrength) -> Self {
        Self { strength, ..self }
    }

    /// The same, refusing what is on this list.
    #[must_use]
    pub fn with_breached(self, list: Arc<dyn BreachedPasswords>) -> Self {
        Self { breached: Some(list), ..self }
    }

    /// Judges the length alone, in code points of the normalized text.
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

    /// Judges a password that somebody wants; the length first, so that the rest has little to look at.
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
        if is_built_on(password.text(), &words) {
            return Ok(Err(PasswordError::Personal));
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

/// A new password with all that it is judged by, to be carried to where there is time for it.
#[derive(Debug, Clone)]
pub struct NewPassword {
    policy: Arc<PasswordPolicy>,
    password: PlaintextPassword,
    context_words: Vec<String>,
}

impl NewPassword {
    /// The password that this person wants.
    pub fn new(
        policy: &Arc<PasswordPolicy>,
        password: &PlaintextPassword,
        context: PasswordContext<'_>,
    ) -> Self {
        Self { policy: Arc::clone(policy), password: password.clone(), context_words: context.words() }
    }

    /// Judges it.
    ///
    /// # Errors
    ///
    /// If the list of breached passwords cannot be read; the cause goes to the log.
    pub fn validate(self) -> Result<Result<(), PasswordError>, HashingError> {
        self.policy.validate_words(&self.password, self.context_words).map_err(|error| {
            tracing::error!(%error, "the list of breached passwords cannot be read");
            HashingError::Breached
        })
    }
}

/// A name in lower case, and its parts between signs.
fn words_of(name: &str) -> Vec<String> {
    let name = name.to_lowercase();
    let parts = name.split(|c: char| !c.is_alphanumeric()).map(str::to_owned);
    let mut words: Vec<String> = parts.filter(|word| word.chars().count() >= MIN_WORD_LENGTH).collect();
    if name.chars().count() >= MIN_WORD_LENGTH && !words.contains(&name) {
        words.insert(0, name);
    }
    words
}

/// Whether hardly anything is left of the password without these words, in any case and in either direction.
fn is_built_on(password: &str, words: &[String]) -> bool {
    let password = Secret::new(password.to_lowercase());
    let mut rest = Secret::new(password.expose().clone());
    // The longest first: an address goes as a whole, not only the name in it.
    let mut words: Vec<&String> = words.iter().collect();
    words.sort_by_key(|word| std::cmp::Reverse(word.len()));
    for word in words {
        let backwards: String = word.chars().rev().collect();
        rest = Secret::new(rest.expose().replace(word.as_str(), ""));
        rest = Secret::new(rest.expose().replace(&backwards, ""));
    }
    rest.expose() != password.expose() && rest.expose().chars().count() < MIN_OTHER_CHARACTERS
}

#[cfg(feature = "strength")]
mod strength {
    //! How many guesses it takes, by zxcvbn. It works on copies of the password that it does not wipe.

    use zxcvbn::feedback::Warning;
    use zxcvbn::matching::patterns::MatchPattern;
    use zxcvbn::{Entropy, Score};

    use super::{PasswordError, PasswordStrength};

    /// The most characters that are looked at; what is behind them can only make a password better.
    const MAX_ESTIMATED_LENGTH: usize = 64;

    /// Refuses what is common, whatever strength is asked for, and what is weaker than asked for.
    pub(super) fn validate(
        password: &str,
        words: &[String],
        wanted: PasswordStrength,
    ) -> Result<(), PasswordError> {
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        let end = password.char_indices().nth(MAX_ESTIMATED_LENGTH).map_or(password.len(), |(end, _)| end);
        let found = zxcvbn::zxcvbn(&password[..end], &words);
        if found.score() < Score::Three && is_in_a_dictionary(&found) {
            return Err(PasswordError::Common);
        }
        if found.score() < min_score(wanted) {
            return Err(PasswordError::Weak(reason(&found)));
        }
        Ok(())
    }

    const fn min_score(wanted: PasswordStrength) -> Score {
        match wanted {
            PasswordStrength::Any => Score::Zero,
            PasswordStrength::Fair => Score::Two,
            PasswordStrength::Good => Score::Three,
            PasswordStrength::Great => Score::Four,
        }
    }

    /// Whether all of it is one entry of a list, perhaps with other letters for some: of thirty thousand common
    /// passwords, or of words and names.
    fn is_in_a_dictionary(found: &Entropy) -> bool {
        matches!(found.sequence(), [one] if matches!(one.pattern, MatchPattern::Dictionary(_)))
    }

    fn reason(found: &Entropy) -> &'static str {
        let warning = found.feedback().and_then(|feedback| feedback.warning());
        let Some(warning) = warning else { return "as it is short or follows a pattern" };
        match warning {
            Warning::StraightRowsOfKeysAreEasyToGuess | Warning::ShortKeyboardPatternsAreEasyToGuess => {
                "as it follows the keys of a keyboard"
            }
            Warning::RepeatsLikeAaaAreEasyToGuess
            | Warning::RepeatsLikeAbcAbcAreOnlySlightlyHarderToGuess => "as it repeats itself",
            Warning::ThisIsATop10Password
            | Warning::ThisIsATop100Password
            | Warning::ThisIsACommonPassword
            | Warning::ThisIsSimilarToACommonlyUsedPassword => "as it is much like a common password",
            Warning::SequencesLikeAbcAreEasyToGuess => "as it is a sequence like abc or 6543",
            Warning::RecentYearsAreEasyToGuess | Warning::DatesAreOftenEasyToGuess => {
                "as it is built on a date"
            }
            Warning::AWordByItselfIsEasyToGuess => "as it is hardly more than one word",
            Warning::NamesAndSurnamesByThemselvesAreEasyToGuess
            | Warning::CommonNamesAndSurnamesAreEasyToGuess => "as it is built on a name",
        }
    }
}

#[cfg(not(feature = "strength"))]
mod strength {
    //! Without an estimate nothing is too weak.

    use super::{PasswordError, PasswordStrength};

    /// Refuses nothing.
    pub(super) fn validate(
        _password: &str,
        _words: &[String],
        _wanted: PasswordStrength,
    ) -> Result<(), PasswordError> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ADA: PasswordContext<'_> =
        PasswordContext { username: "Ada.Lovelace", email: Some("countess@analytical.example") };

    fn password(text: &str) -> PlaintextPassword {
        PlaintextPassword::new(&Secret::new(text.to_owned()))
    }

    fn validate(text: &str) -> Result<(), PasswordError> {
        PasswordPolicy::default().for_service("shop.example").validate(&password(text), ADA).unwrap()
    }

    /// A list in memory.
    struct List(Vec<PasswordFingerprint>);

    impl BreachedPasswords for List {
        fn contains(&self, password: PasswordFingerprint) -> io::Result<bool> {
            Ok(self.0.contains(&password))
        }
    }

    /// A list on a disk that does not answer.
    struct Unreadable;

    impl BreachedPasswords for Unreadable {
        fn contains(&self, _: PasswordFingerprint) -> io::Result<bool> {
            Err(io::Error::other("no such disk"))
        }
    }

    #[test]
    fn the_length_is_counted_in_characters() {
        let policy = PasswordPolicy::default();

        assert_eq!(policy.validate_length(&password("1234567")), Err(PasswordError::TooShort(8)));
        assert_eq!(policy.validate_length(&password("пароль12")), Ok(()));
        assert_eq!(policy.validate_length(&password(&"e\u{301}".repeat(7))), Err(PasswordError::TooShort(8)));
        assert_eq!(policy.validate_length(&password(&"🔑".repeat(256))), Ok(()));
        assert_eq!(policy.validate_length(&password(&"a".repeat(257))), Err(PasswordError::TooLong));
    }

    #[test]
    fn nist_wants_fifteen_characters() {
        let policy = PasswordPolicy::nist();

        assert_eq!(
            policy.validate(&password("quilt-ember-7k"), ADA).unwrap(),
            Err(PasswordError::TooShort(15))
        );
        assert_eq!(policy.validate(&password("quilt-ember-7k2"), ADA).unwrap(), Ok(()));
    }

    #[test]
    fn no_kind_of_character_is_asked_for() {
        for text in [
            "correct horse",
            "correct horse battery",
            "korrektpferdbatterie",
            "7391 0482 6615",
            "пароль-лошадь",
        ] {
            assert_eq!(validate(text), Ok(()), "{text}");
        }
    }

    #[test]
    fn what_is_built_on_a_name_is_refused() {
        for text in [
            "adalovelace",
            "Ada.Lovelace1!",
            "ADALOVELACE99",
            "ecalevolada",
            "countess",
            "countess2026",
            "shop.example",
            "SHOPexample1",
            "adashopada",
        ] {
            assert_eq!(validate(text), Err(PasswordError::Personal), "{text}");
        }
        assert_eq!(validate("the countess of engines"), Ok(()));
    }

    #[test]
    fn what_is_breached_is_refused_and_the_reason_is_told() {
        let list = List(vec![password("correct horse battery").fingerprint()]);
        let policy = PasswordPolicy::default().with_breached(Arc::new(list));

        let error = policy.validate(&password("correct horse battery"), ADA).unwrap().unwrap_err();

        assert_eq!(error, PasswordError::Breached);
        assert!(error.to_string().contains("breach"));
        assert_eq!(policy.validate(&password("correct horse batter"), ADA).unwrap(), Ok(()));
    }

    #[test]
    fn a_list_that_cannot_be_read_lets_nothing_through() {
        let policy = Arc::new(PasswordPolicy::default().with_breached(Arc::new(Unreadable)));

        let authenticated = NewPassword::new(&policy, &password("correct horse battery"), ADA).validate();

        assert_eq!(authenticated, Err(HashingError::Breached));
    }

    #[test]
    fn a_policy_shows_no_password() {
        let new = NewPassword::new(&Arc::default(), &password("correct horse"), ADA);

        assert!(!format!("{new:?}").contains("horse"));
    }

    #[cfg(feature = "strength")]
    mod strength {
        use std::time::Instant;

        use super::*;

        #[test]
        fn what_everybody_uses_is_refused() {
            for text in [
                "password",
                "12345678",
                "Password1",
                "iloveyou",
                "qwertyuiop",
                "P@ssw0rd",
                "trustno1",
                "football",
            ] {
                assert!(
                    matches!(validate(text), Err(PasswordError::Common | PasswordError::Weak(_))),
                    "{text}: {:?}",
                    validate(text)
                );
            }
            let any = PasswordPolicy::default().with_strength(PasswordStrength::Any);
            assert_eq!(any.validate(&password("password"), ADA).unwrap(), Err(PasswordError::Common));
        }

        #[test]
        fn a_pattern_is_refused_with_its_reason() {
            for (text, reason) in
                [("aaaaaaaaaaaaaaaa", "repeats"), ("abcdefgh1234", "sequence"), ("zxcvfdsaqwer", "keys")]
            {
                match validate(text) {
                    Err(PasswordError::Weak(told)) => assert!(told.contains(reason), "{text}: {told}"),
                    other => panic!("{text}: {other:?}"),
                }
            }
        }

        #[test]
        fn more_strength_can_be_asked_for_and_less() {
            let authenticated = |strength| {
                PasswordPolicy::default()
                    .with_strength(strength)
                    .validate(&password("horse-1977"), ADA)
                    .unwrap()
            };
            let accepted: Vec<_> = [
                PasswordStrength::Any,
                PasswordStrength::Fair,
                PasswordStrength::Good,
                PasswordStrength::Great,
            ]
            .map(|s| authenticated(s).is_ok())
            .into();

            assert!(accepted[0], "{accepted:?}");
            assert!(!accepted[3], "{accepted:?}");
            assert!(accepted.is_sorted_by(|more, less| more >= less), "{accepted:?}");
        }

        #[test]
        fn no_password_takes_long_to_judge() {
            assert_eq!(validate("warms the dictionaries"), Ok(()));
            for text in [
                "a".repeat(256),
                "4b@3({5$!".repeat(28),
                "qwerty1987-".repeat(23),
                "пароль🔑".repeat(36),
                "aB3$".repeat(64),
            ] {
                let begun = Instant::now();
                let _ = validate(&text);
                let took = begun.elapsed();
                println!("{took:?} for {text:.20}");
                // Generous: the machine that tests may be busy.
                assert!(took.as_secs() < 2, "{took:?} for {text}");
            }
        }
    }
}
