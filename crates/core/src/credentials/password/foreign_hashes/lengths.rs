//! How long a salt and a hash may be.

/// The fewest bytes of a hash that tell one password from another. A shorter one would let guesses in.
const LEAST_HASH: usize = 16;
/// The most bytes of a hash, and of a salt.
const MOST_BYTES: usize = 128;

/// Salt and hash, if both have a length that can be.
pub(super) fn salt_and_hash(salt: Option<Vec<u8>>, hash: Option<Vec<u8>>) -> Option<(Vec<u8>, Vec<u8>)> {
    let (salt, hash) = (salt?, hash?);
    let fit = salt.len() <= MOST_BYTES && (LEAST_HASH..=MOST_BYTES).contains(&hash.len());
    fit.then_some((salt, hash))
}
