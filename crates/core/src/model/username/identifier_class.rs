//! The characters of a username: the IdentifierClass of RFC 8264, section 4.2, with the derivation of section 8.
//!
//! It is derived from the current properties of Unicode, not from a table of one version, so that letters of scripts that
//! were added later are valid too.

use icu_normalizer::ComposingNormalizer;
use icu_properties::CodePointMapData;
use icu_properties::props::{GeneralCategory, HangulSyllableType, Script};

use crate::model::username::UsernameError;

/// What a character may be used for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Validity {
    Valid,
    /// Valid beside certain characters: CONTEXTO.
    InContext,
    Disallowed,
}

/// Checks each character of a form, and the rules of context.
///
/// Invisible characters were refused before, among them the joiners, which RFC 8264 allows in some contexts (CONTEXTJ).
pub(super) fn check(form: &str) -> Result<(), UsernameError> {
    let chars: Vec<char> = form.chars().collect();
    for (index, &c) in chars.iter().enumerate() {
        match validity(c) {
            Validity::Valid => {}
            Validity::InContext if is_in_context(&chars, index) => {}
            Validity::InContext => return Err(UsernameError::Context(c)),
            Validity::Disallowed => return Err(UsernameError::Character(c)),
        }
    }
    Ok(())
}

/// The derived property of a character (RFC 8264, section 8). Spaces are valid here, between parts (RFC 8265, section 3.1).
fn validity(c: char) -> Validity {
    match c {
        ' '..='~' => return Validity::Valid,
        // Exceptions (RFC 5892, section 2.6).
        '\u{df}' | '\u{3c2}' | '\u{6fd}' | '\u{6fe}' | '\u{f0b}' | '\u{3007}' => return Validity::Valid,
        '\u{b7}' | '\u{375}' | '\u{5f3}' | '\u{5f4}' | '\u{30fb}' => return Validity::InContext,
        '\u{660}'..='\u{669}' | '\u{6f0}'..='\u{6f9}' => return Validity::InContext,
        '\u{640}' | '\u{7fa}' | '\u{302e}' | '\u{302f}' | '\u{3031}'..='\u{3035}' | '\u{303b}' => {
            return Validity::Disallowed;
        }
        _ => {}
    }
    if is_old_hangul_jamo(c) || has_compatible_form(c) {
        return Validity::Disallowed;
    }
    match CodePointMapData::<GeneralCategory>::new().get(c) {
        GeneralCategory::LowercaseLetter
        | GeneralCategory::UppercaseLetter
        | GeneralCategory::OtherLetter
        | GeneralCategory::DecimalNumber
        | GeneralCategory::ModifierLetter
        | GeneralCategory::NonspacingMark
        | GeneralCategory::SpacingMark => Validity::Valid,
        _ => Validity::Disallowed,
    }
}

fn is_old_hangul_jamo(c: char) -> bool {
    matches!(
        CodePointMapData::<HangulSyllableType>::new().get(c),
        HangulSyllableType::LeadingJamo | HangulSyllableType::VowelJamo | HangulSyllableType::TrailingJamo
    )
}

/// Whether NFKC changes the character: it is another form of a usual one.
fn has_compatible_form(c: char) -> bool {
    let mut buffer = [0; 4];
    !ComposingNormalizer::new_nfkc().is_normalized(c.encode_utf8(&mut buffer))
}

/// The rules of RFC 5892, appendices A.3 to A.9.
fn is_in_context(chars: &[char], index: usize) -> bool {
    let previous = index.checked_sub(1).and_then(|previous| chars.get(previous)).copied();
    let next = chars.get(index + 1).copied();
    let is_l = |c: Option<char>| matches!(c, Some('l' | 'L'));
    match chars[index] {
        '\u{b7}' => is_l(previous) && is_l(next),
        '\u{375}' => next.is_some_and(|c| script(c) == Script::Greek),
        '\u{5f3}' | '\u{5f4}' => previous.is_some_and(|c| script(c) == Script::Hebrew),
        '\u{30fb}' => {
            chars.iter().any(|&c| matches!(script(c), Script::Hiragana | Script::Katakana | Script::Han))
        }
        '\u{660}'..='\u{669}' => !chars.iter().any(|c| matches!(c, '\u{6f0}'..='\u{6f9}')),
        '\u{6f0}'..='\u{6f9}' => !chars.iter().any(|c| matches!(c, '\u{660}'..='\u{669}')),
        _ => false,
    }
}

fn script(c: char) -> Script {
    CodePointMapData::<Script>::new().get(c)
}
