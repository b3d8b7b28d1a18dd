//! Characters that a person cannot see: an attacker could imitate a name with them.

use icu_properties::CodePointMapData;
use icu_properties::props::{BidiControl, GeneralCategory};

/// Whether a person cannot see the character, or it changes the text direction.
pub(super) fn is_invisible(c: char) -> bool {
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
}
