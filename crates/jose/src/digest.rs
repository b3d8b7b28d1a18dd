//! SHA-256.

use aws_lc_rs::digest;

/// The SHA-256 digest of `bytes`.
///
/// ```
/// use counterfoil_jose::{base64url, digest};
///
/// let empty = digest::sha256(b"");
/// assert_eq!(base64url::encode(empty), "47DEQpj8HBSa-_TImW-5JCeuQeRkm5NMpJWZG3hSuFU");
/// ```
pub fn sha256(bytes: &[u8]) -> [u8; 32] {
    let digest = digest::digest(&digest::SHA256, bytes);
    digest.as_ref().try_into().expect("a SHA-256 digest has 32 bytes")
}
