//! A value that nobody sees by accident: hidden from `Debug`, wiped when dropped.

use std::fmt;

use zeroize::{Zeroize, Zeroizing};

/// Something secret.
///
/// `Debug` prints `Secret(..)`, there is no `Display`, no serialization and no comparison, and the
/// memory is overwritten when the value is dropped. [`Secret::expose`] is the only way to the value,
/// so that every place that looks can be found by that word.
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
    /// Takes `value` into custody.
    pub fn new(value: T) -> Self {
        Self(Zeroizing::new(value))
    }

    /// Shows the value to whoever must use it.
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
