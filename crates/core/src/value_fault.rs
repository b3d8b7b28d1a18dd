//! Why a new username or a new password is refused, as a value: pages say it in the language of the user.

/// What is wrong with a new username or a new password. The detail of the error says the same in English.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum ValueFault {
    /// A username that is empty, or longer than this number of characters.
    UsernameLength(usize),
    /// A username with spaces that people do not see or cannot tell apart.
    UsernameSpace,
    /// A username with invisible characters, or characters that change the text direction.
    UsernameInvisible,
    /// A username with `@`.
    UsernameAt,
    /// A username with a character that no username may have.
    UsernameCharacter(char),
    /// A username with a character that is valid only inside words of its script.
    UsernameContext(char),
    /// A username with marks without a letter, or too many of them.
    UsernameMarks,
    /// A username with text of both directions.
    UsernameDirection,
    /// A username with scripts that may not be used, or not together.
    UsernameScripts,
    /// A password shorter than this number of characters.
    PasswordTooShort(usize),
    /// A password longer than this number of characters.
    PasswordTooLong(usize),
    /// A password that is little more than the name or the address of the user, or the name of the service.
    PasswordPersonal,
    /// One of the most common passwords.
    PasswordCommon,
    /// A password on the list of breached passwords.
    PasswordBreached,
    /// The temporary password that must be changed.
    PasswordUnchanged,
    /// A password that withstands too few guesses.
    PasswordWeak(PasswordWeakness),
}

/// Why a password withstands too few guesses. The text continues the sentence "is too easy to guess: …".
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PasswordWeakness {
    /// Nothing more is known.
    #[error("it is short or follows a pattern")]
    Pattern,
    /// Keys that are beside each other.
    #[error("it follows the keys of a keyboard")]
    Keyboard,
    /// `aaa`, `abcabc`.
    #[error("it repeats itself")]
    Repetition,
    /// A common password with changes.
    #[error("it is similar to a common password")]
    SimilarToCommon,
    /// `abc`, `6543`.
    #[error("it is a sequence like abc or 6543")]
    Sequence,
    /// A date or a year.
    #[error("it is based on a date")]
    Date,
    /// One word.
    #[error("it is little more than one word")]
    Word,
    /// A name.
    #[error("it is based on a name")]
    Name,
}
