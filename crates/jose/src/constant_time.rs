//! Comparison of secrets in constant time.

/// Whether `a` and `b` are equal. Takes the same time wherever they differ, so that an attacker cannot
/// measure how much of a guess is right. Different lengths are reported at once: the length must not be a
/// secret.
///
/// ```
/// use counterfoil_jose::constant_time;
///
/// assert!(constant_time::equal(b"mac-1", b"mac-1"));
/// assert!(!constant_time::equal(b"mac-1", b"mac-2"));
/// ```
#[must_use]
pub fn equal(a: &[u8], b: &[u8]) -> bool {
    aws_lc_rs::constant_time::verify_slices_are_equal(a, b).is_ok()
}

#[cfg(test)]
mod tests {
    use super::equal;

    #[test]
    fn only_identical_bytes_are_equal() {
        assert!(equal(b"", b""));
        assert!(equal(&[7; 32], &[7; 32]));
        assert!(!equal(&[7; 32], &[7; 31]));
        for index in 0..32 {
            let mut other = [7; 32];
            other[index] ^= 1;
            assert!(!equal(&[7; 32], &other));
        }
    }
}
