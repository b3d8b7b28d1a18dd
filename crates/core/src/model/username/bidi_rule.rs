//! The text direction of a username: the Bidi Rule of RFC 5893, section 2.
//!
//! A name of both directions has parts that change places with their surroundings: two names could look the same.

use icu_properties::CodePointMapData;
use icu_properties::props::BidiClass;

use crate::model::username::UsernameError;

/// Checks a name that contains right-to-left text. The whole name has one direction, its spaces included.
pub(super) fn check(form: &str) -> Result<(), UsernameError> {
    let map = CodePointMapData::<BidiClass>::new();
    let classes: Vec<BidiClass> = form.chars().map(|c| map.get(c)).collect();
    if !classes.iter().any(|&class| is_right_to_left(class) || class == BidiClass::ArabicNumber) {
        return Ok(());
    }
    let begins_right_to_left = classes.first().copied().is_some_and(is_right_to_left);
    if begins_right_to_left && is_right_to_left_name(&classes) {
        Ok(())
    } else {
        Err(UsernameError::Direction)
    }
}

/// Conditions 2 to 4. Conditions 5 and 6 are for names without right-to-left text, which always satisfy this check.
fn is_right_to_left_name(classes: &[BidiClass]) -> bool {
    let has = |wanted| classes.contains(&wanted);
    let last = classes.iter().rev().find(|&&class| class != BidiClass::NonspacingMark);
    let ends_well = last.is_some_and(|&class| {
        is_right_to_left(class) || matches!(class, BidiClass::EuropeanNumber | BidiClass::ArabicNumber)
    });
    let has_one_direction = classes.iter().all(|&class| {
        is_right_to_left(class)
            || matches!(
                class,
                BidiClass::ArabicNumber
                    | BidiClass::EuropeanNumber
                    | BidiClass::EuropeanSeparator
                    | BidiClass::CommonSeparator
                    | BidiClass::EuropeanTerminator
                    | BidiClass::OtherNeutral
                    | BidiClass::BoundaryNeutral
                    | BidiClass::NonspacingMark
                    // The spaces between the parts of a name.
                    | BidiClass::WhiteSpace
            )
    });
    has_one_direction && ends_well && !(has(BidiClass::EuropeanNumber) && has(BidiClass::ArabicNumber))
}

fn is_right_to_left(class: BidiClass) -> bool {
    matches!(class, BidiClass::RightToLeft | BidiClass::ArabicLetter)
}
