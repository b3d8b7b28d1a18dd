//! The canonical forms of a username: width mapping, case folding and composition (RFC 8265, section 3.3.2).

use std::borrow::Cow;

use icu_casemap::CaseMapper;
use icu_normalizer::{ComposingNormalizer, DecomposingNormalizer};
use icu_properties::CodePointMapData;
use icu_properties::props::GeneralCategory;

use crate::model::username::{MAX_MARKS, UsernameError};

/// The form for look-up, of any text. Two texts with the same form are one name.
///
/// RFC 8265 maps to lower case; case folding also makes `ß` and `ss`, and both forms of the Greek sigma, equal.
pub fn canonical_form(text: &str) -> String {
    if text.is_ascii() {
        return text.to_ascii_lowercase();
    }
    let decomposed = DecomposingNormalizer::new_nfd().normalize(&width_mapped(text)).into_owned();
    composed(&CaseMapper::new().fold_string(&decomposed))
}

/// The form under which version 0.1 looked names up: without width mapping. Names that were stored under it, and whose
/// [`canonical_form`] belongs to another user, are still found by it.
pub fn earlier_form(text: &str) -> String {
    if text.is_ascii() {
        return text.to_ascii_lowercase();
    }
    composed(&CaseMapper::new().fold_string(&composed(text)))
}

/// The form for display.
pub(super) fn display_form(text: &str) -> String {
    if text.is_ascii() {
        return text.to_owned();
    }
    composed(&width_mapped(text))
}

pub(super) fn composed(text: &str) -> String {
    ComposingNormalizer::new_nfc().normalize(text).into_owned()
}

/// The text with full-width and half-width characters as the usual ones.
///
/// Letters that today's orthographies write, but that Unicode has as compatibility characters, are mapped as UTS 46 maps
/// them; RFC 8264 would refuse names such as the Armenian one for Levon and many Thai ones.
pub fn width_mapped(text: &str) -> Cow<'_, str> {
    if text.is_ascii() || !text.chars().any(|c| is_wide(c) || is_compatibility_letter(c)) {
        return Cow::Borrowed(text);
    }
    let mut mapped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '\u{3000}' => mapped.push(' '),
            _ if is_wide(c) || is_compatibility_letter(c) => push_compatible(&mut mapped, c),
            _ => mapped.push(c),
        }
    }
    Cow::Owned(mapped)
}

/// Full-width ASCII, half-width Katakana and the ideographic space. The other characters of that block are symbols and
/// Hangul compatibility letters, which are refused in each width.
fn is_wide(c: char) -> bool {
    matches!(c, '\u{3000}' | '\u{ff01}'..='\u{ff5e}' | '\u{ff65}'..='\u{ff9f}')
}

/// Dutch ij, Catalan l with middle dot, the Armenian ligature ew, Thai and Lao am, Lao ho no and ho mo.
fn is_compatibility_letter(c: char) -> bool {
    matches!(
        c,
        '\u{132}'
            | '\u{133}'
            | '\u{13f}'
            | '\u{140}'
            | '\u{587}'
            | '\u{e33}'
            | '\u{eb3}'
            | '\u{edc}'
            | '\u{edd}'
    )
}

fn push_compatible(mapped: &mut String, c: char) {
    let mut buffer = [0; 4];
    mapped.push_str(&DecomposingNormalizer::new_nfkd().normalize(c.encode_utf8(&mut buffer)));
}

/// Checks that marks follow a letter, and that they are few: names must not cover other text on the screen, nor differ
/// only in how often a mark is drawn at one place.
pub(super) fn check_marks(form: &str) -> Result<(), UsernameError> {
    let categories = CodePointMapData::<GeneralCategory>::new();
    let mut previous = ' ';
    let mut marks = 0;
    for c in DecomposingNormalizer::new_nfd().normalize(form).chars() {
        let is_mark = matches!(
            categories.get(c),
            GeneralCategory::NonspacingMark | GeneralCategory::SpacingMark | GeneralCategory::EnclosingMark
        );
        marks = if is_mark { marks + 1 } else { 0 };
        if is_mark && (previous == ' ' || previous == c || marks > MAX_MARKS) {
            return Err(UsernameError::Marks);
        }
        previous = c;
    }
    Ok(())
}
