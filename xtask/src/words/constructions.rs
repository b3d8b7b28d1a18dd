//! The refused words and phrases, and what to write instead.

/// A refused word or phrase.
pub(crate) struct Construction {
    /// Lower-case words. A `*` at the end of a word stands for any letters.
    pub(crate) phrase: &'static str,
    /// What to write instead.
    pub(crate) instead: &'static str,
    /// The phrase is allowed before these words: `comes from`.
    pub(crate) unless_before: &'static [&'static str],
}

const fn refuse(phrase: &'static str, instead: &'static str) -> Construction {
    Construction { phrase, instead, unless_before: &[] }
}

/// Every refused word and phrase.
pub(crate) const CONSTRUCTIONS: &[Construction] = &[
    refuse("whoever", "name the subject: the client, the user, an attacker"),
    refuse("nobody", "`no user`, `no client`, `unknown user`"),
    refuse("those who", "name them: users, clients, operators"),
    refuse("who has", "name the subject: `a user with …`, `the user must have …`"),
    refuse("anew", "again"),
    refuse("is to be", "must be"),
    refuse("are to be", "must be"),
    refuse("is none", "`does not exist`, `is invalid`"),
    refuse("in vain", "without success"),
    refuse("beside the requests", "in the background"),
    refuse("parted by", "separated by"),
    refuse("unless said otherwise", "by default"),
    refuse("tells", "`reports`, `states`, `shows`"),
    refuse("judg*", "`verify`, `authenticate`, `authorize`, `validate`, `evaluate` or `check`"),
    refuse("of ours", "`our …`, or name the owner"),
    refuse("we are no", "name the subject: `the process is not …`"),
    Construction {
        phrase: "goes",
        instead: "`is removed`, `is sent`, `continues`",
        unless_before: &["to", "through", "from"],
    },
    Construction {
        phrase: "comes",
        instead: "`arrives`, `follows`, `returns`",
        unless_before: &["from", "with", "before", "after", "first", "last"],
    },
    refuse("a stranger", "`an unknown client`, `an attacker`"),
    refuse("strangers", "`unknown clients`, `attackers`"),
    refuse("the house", "`the project`, `the workspace`, `the server`"),
    refuse("roof", "`the application`, `the server crate`"),
    refuse("the dead", "expired records"),
    refuse("buried", "`purged`, `deleted`"),
];

/// Names that no type may have: a type is a noun.
pub(crate) const INTERROGATIVES: &[&str] =
    &["Whom", "Which", "Whose", "What", "When", "Why", "Whence", "Who"];
