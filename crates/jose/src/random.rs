//! Cryptographically secure random bytes from the operating system.

use aws_lc_rs::rand;

/// The operating system returned no random bytes. Nothing can be issued.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the operating system returned no random bytes")]
pub struct RandomUnavailable;

/// Returns `N` random bytes.
///
/// ```
/// use counterfoil_jose::random;
///
/// let secret: [u8; 32] = random::bytes()?;
/// assert_ne!(secret, random::bytes()?);
/// # Ok::<(), random::RandomUnavailable>(())
/// ```
pub fn bytes<const N: usize>() -> Result<[u8; N], RandomUnavailable> {
    let mut bytes = [0; N];
    rand::fill(&mut bytes).map_err(|_| RandomUnavailable)?;
    Ok(bytes)
}
