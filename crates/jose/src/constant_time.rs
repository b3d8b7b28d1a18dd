//! Comparing secrets without telling how much of a guess was right.

/// Whether `a` and `b` are the same bytes. Takes the same time wherever they differ; only a
/// difference in length is told at once, so compare things whose length is no secret.
///
/// ```
/// use counterfoil_jose::constant_time;
///
/// assert!(constant_time::equal(b"turn", b"turn"));
/// assert!(!constant_time::equal(b"turn", b"torn"));
/// ```
#[must_use]
pub fn equal(a: &[u8], b: &[u8]) -> bool {
    aws_lc_rs::constant_time::verify_slices_are_equal(a, b).is_ok()
}

#[cfg(test)]
mod tests {
    use super::equal;

    #[test]
    fn only_the_same_bytes_are_equal() {
        assert!(equal(b"", b""));
        assert!(equal(&[7; 32], &[7; 32]));
        assert!(!equal(&[7; 32], &[7; 31]));
        for place in 0..32 {
            let mut other = [7; 32];
            other[place] ^= 1;
            assert!(!equal(&[7; 32], &other));
        }
    }
}
