//! Which scripts a new username may use together: the restriction levels of UTS 39, section 5.2.

use std::fmt;

use icu_properties::CodePointMapData;
use icu_properties::props::GeneralCategory;
use unicode_security::GeneralSecurityProfile;
use unicode_security::general_security_profile::IdentifierType;
use unicode_security::mixed_script::AugmentedScriptSet;

use crate::model::username::{Username, UsernameError};

/// Which scripts a new username may use, the strictest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ScriptRestriction {
    /// Printable ASCII only.
    Ascii,
    /// One script. Japanese (Kanji, Hiragana, Katakana), Korean (Hangul, Hanja) and Chinese (Hanzi, Bopomofo) are one each.
    SingleScript,
    /// One script, or Latin with Japanese, Korean or Chinese.
    #[default]
    HighlyRestrictive,
    /// One script, or Latin with one other that is in wide use, except Cyrillic and Greek, whose letters look like Latin.
    ModeratelyRestrictive,
    /// Any scripts.
    Unrestricted,
}

impl ScriptRestriction {
    /// Checks a new username.
    ///
    /// Except with [`Unrestricted`](Self::Unrestricted), digits must be of one number system, and letters that are only
    /// phonetic, obsolete or of historic scripts are refused: they imitate usual ones.
    ///
    /// # Errors
    ///
    /// [`UsernameError::Scripts`].
    pub fn check(self, name: &Username) -> Result<(), UsernameError> {
        let name = name.folded();
        let is_allowed = match self {
            Self::Unrestricted => true,
            _ if name.is_ascii() => true,
            Self::Ascii => false,
            _ => name.chars().all(is_in_use) && has_one_number_system(name) && self.allows_scripts_of(name),
        };
        if is_allowed { Ok(()) } else { Err(UsernameError::Scripts(self)) }
    }

    fn allows_scripts_of(self, name: &str) -> bool {
        let mut all = AugmentedScriptSet::default();
        let mut without_latin = AugmentedScriptSet::default();
        for c in name.chars() {
            let scripts = AugmentedScriptSet::for_char(c);
            all.intersect_with(scripts);
            if !is_latin(scripts) {
                without_latin.intersect_with(scripts);
            }
        }
        let is_east_asian = without_latin.hanb || without_latin.jpan || without_latin.kore;
        let mut others = without_latin.base.iter();
        let is_distinct = |short_name: &str| !matches!(short_name, "Cyrl" | "Grek");
        match self {
            Self::Ascii => false,
            Self::SingleScript => !all.is_empty(),
            Self::HighlyRestrictive => !all.is_empty() || is_east_asian,
            Self::ModeratelyRestrictive => {
                let other = others.next().filter(|_| without_latin.base.len() == 1);
                !all.is_empty()
                    || is_east_asian
                    || other.is_some_and(|other| other.is_recommended() && is_distinct(other.short_name()))
            }
            Self::Unrestricted => true,
        }
    }
}

impl fmt::Display for ScriptRestriction {
    /// What a name must be like.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Ascii => "must contain only ASCII letters, digits, punctuation and spaces",
            Self::SingleScript => "must use letters and digits of one script that is in use today",
            Self::HighlyRestrictive => {
                "must use letters and digits of one script that is in use today, or of Latin with Chinese, Japanese or \
                 Korean"
            }
            Self::ModeratelyRestrictive => {
                "must use letters and digits of one script that is in use today, or of Latin with one other script that \
                 is not Cyrillic or Greek"
            }
            Self::Unrestricted => "may use letters and digits of any script",
        })
    }
}

fn is_latin(scripts: AugmentedScriptSet) -> bool {
    !scripts.is_all() && scripts.base.iter().any(|script| script.short_name() == "Latn")
}

/// Whether the character is written today, in any language.
fn is_in_use(c: char) -> bool {
    c.is_ascii()
        || matches!(
            c.identifier_type(),
            Some(
                IdentifierType::Recommended
                    | IdentifierType::Inclusion
                    | IdentifierType::Uncommon_Use
                    | IdentifierType::Limited_Use
            )
        )
}

/// Whether all digits are of one number system (UTS 39, section 5.3): `৪` is a four that looks like an 8.
fn has_one_number_system(name: &str) -> bool {
    let mut zeros = name.chars().filter(|&c| is_digit(c)).map(zero_of);
    let first = zeros.next();
    zeros.all(|zero| Some(zero) == first)
}

fn is_digit(c: char) -> bool {
    CodePointMapData::<GeneralCategory>::new().get(c) == GeneralCategory::DecimalNumber
}

/// The zero of the number system of a digit. Unicode assigns the ten digits of each system in a row.
fn zero_of(digit: char) -> char {
    let below = |c: char| char::from_u32(u32::from(c) - 1).filter(|&c| is_digit(c));
    std::iter::successors(Some(digit), |&c| below(c)).take(10).last().unwrap_or(digit)
}
