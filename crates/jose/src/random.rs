//! Bytes that nobody can guess, from the operating system's generator.

use aws_lc_rs::rand;

/// The operating system gave no random bytes. Nothing may be issued then.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the system gives no random bytes")]
pub struct Unavailable;

/// `N` random bytes.
///
/// ```
/// use counterfoil_jose::random;
///
/// let secret: [u8; 32] = random::bytes()?;
/// assert_ne!(secret, random::bytes()?);
/// # Ok::<(), random::Unavailable>(())
/// ```
pub fn bytes<const N: usize>() -> Result<[u8; N], Unavailable> {
    let mut bytes = [0; N];
    rand::fill(&mut bytes).map_err(|_| Unavailable)?;
    Ok(bytes)
}
