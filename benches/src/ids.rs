//! Ids that look like those of an installation, without a source of random numbers.

/// Bytes that look random, as those of ids. Tables of sessions use some of them as the hash.
pub(crate) fn distinct_bytes(number: u64) -> [u8; 16] {
    let spread = u128::from(number).wrapping_mul(0x9E37_79B9_7F4A_7C15_F39C_C060_5CED_C835);
    (spread ^ spread >> 61).to_be_bytes()
}

/// This number of ids, in their order.
pub(crate) fn sorted_ids(count: usize) -> Vec<[u8; 16]> {
    let mut ids: Vec<_> = (1..=count as u64).map(distinct_bytes).collect();
    ids.sort_unstable();
    ids
}
