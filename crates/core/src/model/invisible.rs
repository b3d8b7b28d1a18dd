//! Characters that a person cannot see: an attacker could imitate a name with them.

use icu_properties::CodePointMapData;
use icu_properties::props::{BidiControl, GeneralCategory};

/// Whether a person cannot see the character, or it changes the text direction.
pub(super) fn is_invisible(c: char) -> bool {
    if c.is_ascii() {
        return c.is_ascii_control();
    }
    let category = CodePointMapData::<GeneralCategory>::new().get(c);
    matches!(
        category,
        GeneralCategory::Control
            | GeneralCategory::Format
            | GeneralCategory::LineSeparator
            | GeneralCategory::ParagraphSeparator
            | GeneralCategory::PrivateUse
            | GeneralCategory::Unassigned
    ) || icu_properties::CodePointSetData::new::<BidiControl>().contains(c)
        || icu_properties::CodePointSetData::new::<icu_properties::props::DefaultIgnorableCodePoint>()
            .contains(c)
        || is_blank(c)
}

/// Letters, marks and symbols whose shape is empty, although Unicode does not say so in a property: the blank Braille
/// pattern, the full and half blanks of Egyptian hieroglyphs, the filler of the Khitan small script and the null notehead.
fn is_blank(c: char) -> bool {
    matches!(c, '\u{2800}' | '\u{13441}' | '\u{13442}' | '\u{16fe4}' | '\u{1d159}')
}
