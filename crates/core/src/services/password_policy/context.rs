//! The words that an attacker tries first: the username, the e-mail address and the name of the service.

use counterfoil_jose::Secret;

use crate::model::user::User;

/// The minimum length of a word that counts as personal. Shorter words are in too many passwords by chance.
const MIN_WORD_LENGTH: usize = 3;

/// How many characters a password must have besides the personal words.
const MIN_OTHER_CHARACTERS: usize = 5;

/// The user of a new password: the personal words that an attacker tries first.
#[derive(Debug, Clone, Copy, Default)]
pub struct PasswordContext<'a> {
    /// The username.
    pub username: &'a str,
    /// The e-mail address.
    pub email: Option<&'a str>,
}

impl<'a> PasswordContext<'a> {
    /// The context of an existing user.
    pub fn for_user(user: &'a User) -> Self {
        Self { username: user.username.as_str(), email: user.email.as_deref() }
    }

    /// The username, the address and its local part, and the parts of all of them.
    pub(super) fn words(&self) -> Vec<String> {
        let mut words = words_of(self.username);
        if let Some(email) = self.email {
            let local = email.split('@').next().unwrap_or_default();
            words.push(email.to_lowercase());
            words.extend(words_of(local));
        }
        words
    }
}

/// A name in lower case, and its alphanumeric parts.
pub(super) fn words_of(name: &str) -> Vec<String> {
    let name = name.to_lowercase();
    let parts = name.split(|c: char| !c.is_alphanumeric()).map(str::to_owned);
    let mut words: Vec<String> = parts.filter(|word| word.chars().count() >= MIN_WORD_LENGTH).collect();
    if name.chars().count() >= MIN_WORD_LENGTH && !words.contains(&name) {
        words.insert(0, name);
    }
    words
}

/// Whether fewer than [`MIN_OTHER_CHARACTERS`] are left of the password without these words, in any case, forwards and
/// backwards.
pub(super) fn is_based_on(password: &str, words: &[String]) -> bool {
    let password = Secret::new(password.to_lowercase());
    let mut rest = Secret::new(password.expose().clone());
    // The longest first: a whole address is removed before the name in it.
    let mut words: Vec<&String> = words.iter().collect();
    words.sort_by_key(|word| std::cmp::Reverse(word.len()));
    for word in words {
        let backwards: String = word.chars().rev().collect();
        rest = Secret::new(rest.expose().replace(word.as_str(), ""));
        rest = Secret::new(rest.expose().replace(&backwards, ""));
    }
    rest.expose() != password.expose() && rest.expose().chars().count() < MIN_OTHER_CHARACTERS
}
