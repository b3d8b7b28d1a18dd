//! The user's name for a device.

use counterfoil_core::ClientError;

/// The longest label in characters, and so at most 256 bytes.
const MAX_LABEL_CHARS: usize = 64;

/// Checks a label.
///
/// # Errors
///
/// If it is longer than 64 characters, or has a control character, which could change what a terminal shows.
pub(crate) fn validate_label(label: String) -> Result<String, ClientError> {
    if label.chars().count() > MAX_LABEL_CHARS || label.chars().any(char::is_control) {
        let detail = format!("must be at most {MAX_LABEL_CHARS} characters, without control characters");
        return Err(ClientError::Field { field: "label", detail });
    }
    Ok(label)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_label_is_limited_in_length_and_has_no_control_characters() {
        assert!(validate_label("📱".repeat(64)).is_ok());
        for bad in ["a".repeat(65), "a\nb".into(), "\u{9b}31m".into()] {
            assert!(validate_label(bad.clone()).is_err(), "{bad:?}");
        }
    }
}
