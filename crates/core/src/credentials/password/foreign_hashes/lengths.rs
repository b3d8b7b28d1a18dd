//! How long a salt and a hash may be.

/// The fewest bytes of a hash that tell one password from another. A shorter one would let guesses in.
const MIN_HASH_LENGTH: usize = 16;
/// The most bytes of a hash, and of a salt.
const MAX_LENGTH: usize = 128;

/// Salt and hash, if both have a length that can be.
pub(super) fn salt_and_hash(salt: Option<Vec<u8>>, hash: Option<Vec<u8>>) -> Option<(Vec<u8>, Vec<u8>)> {
    let (salt, hash) = (salt?, hash?);
    let fit = salt.len() <= MAX_LENGTH && (MIN_HASH_LENGTH..=MAX_LENGTH).contains(&hash.len());
    fit.then_some((salt, hash))
}
