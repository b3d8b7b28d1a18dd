//! A wrapper for secret values: hidden from `Debug`, wiped when dropped.

use std::fmt;

use zeroize::{Zeroize, Zeroizing};

/// A secret value.
///
/// `Debug` prints `Secret(..)`. There is no `Display`, no serialization and no comparison. The memory is
/// wiped when the value is dropped. [`Secret::expose`] is the only access to the value, so that a search for
/// it finds every use.
///
/// ```
/// use counterfoil_jose::Secret;
///
/// let password = Secret::new(String::from("correct horse"));
/// assert_eq!(format!("{password:?}"), "Secret(..)");
/// assert_eq!(password.expose(), "correct horse");
/// ```
#[derive(Clone)]
pub struct Secret<T: Zeroize>(Zeroizing<T>);

impl<T: Zeroize> Secret<T> {
    /// Wraps `value`.
    pub fn new(value: T) -> Self {
        Self(Zeroizing::new(value))
    }

    /// Returns the value.
    pub fn expose(&self) -> &T {
        &self.0
    }
}

impl<T: Zeroize> From<T> for Secret<T> {
    fn from(value: T) -> Self {
        Self::new(value)
    }
}

impl<T: Zeroize> fmt::Debug for Secret<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(..)")
    }
}
