//! Validation of key ids (`kid`).

/// The maximum length of a key id in bytes.
const MAX_KEY_ID_LEN: usize = 128;

/// Whether `kid` has a valid length. Its content is not restricted: a key id is only compared with others.
pub(crate) fn is_valid_key_id(kid: &str) -> bool {
    (1..=MAX_KEY_ID_LEN).contains(&kid.len())
}

#[cfg(test)]
mod tests {
    use super::{MAX_KEY_ID_LEN, is_valid_key_id};

    #[test]
    fn a_key_id_has_1_to_128_bytes() {
        assert!(!is_valid_key_id(""));
        assert!(is_valid_key_id("k"));
        assert!(is_valid_key_id(&"k".repeat(MAX_KEY_ID_LEN)));
        assert!(!is_valid_key_id(&"k".repeat(MAX_KEY_ID_LEN + 1)));
    }
}
