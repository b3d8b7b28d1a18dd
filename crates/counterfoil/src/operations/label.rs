//! The user's name for a device.

use counterfoil_core::ClientError;

/// The longest label in characters, and so at most 256 bytes.
const MAX_LABEL_CHARS: usize = 64;

/// The label without spaces around it, or `None` if nothing is left.
///
/// # Errors
///
/// If it is longer than 64 characters, or has a control character, which could change what a terminal shows.
pub(crate) fn validate_label(label: &str) -> Result<Option<String>, ClientError> {
    let label = label.trim_matches(' ');
    if label.chars().count() > MAX_LABEL_CHARS || label.chars().any(char::is_control) {
        let detail = format!("must be at most {MAX_LABEL_CHARS} characters, without control characters");
        return Err(ClientError::Field { field: "label", detail });
    }
    Ok(Some(label).filter(|label| !label.is_empty()).map(str::to_owned))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_label_is_limited_in_length_and_has_no_control_characters() {
        assert!(validate_label(&"📱".repeat(64)).is_ok());
        for bad in [&*"a".repeat(65), "a\nb", "\u{9b}31m", "phone\n"] {
            assert!(validate_label(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn a_label_of_spaces_is_none() {
        for (label, expected) in [("", None), ("  ", None), (" my phone ", Some("my phone"))] {
            assert_eq!(validate_label(label).unwrap().as_deref(), expected);
        }
    }
}
