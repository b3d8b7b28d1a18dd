//! What may be the id of a key.

/// The longest key id, in bytes.
const MAX_KEY_ID: usize = 128;

/// Whether `kid` has a length that a key id may have. What it says does not matter: it is only
/// ever compared.
pub(crate) fn is_key_id(kid: &str) -> bool {
    (1..=MAX_KEY_ID).contains(&kid.len())
}

#[cfg(test)]
mod tests {
    use super::{MAX_KEY_ID, is_key_id};

    #[test]
    fn an_id_has_at_least_one_byte_and_at_most_so_many() {
        assert!(!is_key_id(""));
        assert!(is_key_id("k"));
        assert!(is_key_id(&"k".repeat(MAX_KEY_ID)));
        assert!(!is_key_id(&"k".repeat(MAX_KEY_ID + 1)));
    }
}
