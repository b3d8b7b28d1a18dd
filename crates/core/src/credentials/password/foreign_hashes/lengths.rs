//! Limits on the length of a salt and of a hash.

/// The shortest hash in bytes. With a shorter one wrong passwords would match by chance.
const MIN_HASH_LENGTH: usize = 16;
/// The longest hash and the longest salt in bytes.
const MAX_LENGTH: usize = 128;

/// The salt and the hash, if the length of both is within the limits.
pub(super) fn salt_and_hash(salt: Option<Vec<u8>>, hash: Option<Vec<u8>>) -> Option<(Vec<u8>, Vec<u8>)> {
    let (salt, hash) = (salt?, hash?);
    let fit = salt.len() <= MAX_LENGTH && (MIN_HASH_LENGTH..=MAX_LENGTH).contains(&hash.len());
    fit.then_some((salt, hash))
}
