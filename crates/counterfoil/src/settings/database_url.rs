//! The URL of a database server, which may contain a password.

use std::fmt;
use std::path::{Path, PathBuf};

use counterfoil_jose::Secret;

/// The URL of a PostgreSQL database, `postgres://USER:PASSWORD@HOST/DATABASE`.
///
/// Its text and its debug output contain neither the password nor the parameters: a log or an error that shows where the
/// store is must not open it.
///
/// ```
/// use counterfoil::StoreUrl;
///
/// let store: StoreUrl = "postgres://auth:swordfish@db.example/auth".parse()?;
/// assert_eq!(store.to_string(), "postgres://auth@db.example/auth");
/// assert!(store.has_password());
/// # Ok::<(), counterfoil::StoreUrlError>(())
/// ```
#[derive(Clone)]
pub struct DatabaseUrl {
    text: Secret<String>,
    /// The file from which it was read.
    file: Option<PathBuf>,
}

const SCHEMES: [&str; 2] = ["postgres://", "postgresql://"];

impl DatabaseUrl {
    /// Whether a text is such a URL.
    pub(crate) fn is_one(text: &str) -> bool {
        SCHEMES.iter().any(|scheme| text.starts_with(scheme))
    }

    pub(crate) fn new(text: &str) -> Self {
        Self { text: Secret::new(text.to_owned()), file: None }
    }

    /// The same URL, read from this file.
    pub(crate) fn with_file(self, file: &Path) -> Self {
        Self { file: Some(file.to_owned()), ..self }
    }

    /// The file from which it was read.
    #[cfg(feature = "postgres")]
    pub(crate) fn file(&self) -> Option<&Path> {
        self.file.as_deref()
    }

    /// The whole text, for the back end alone.
    #[cfg(feature = "postgres")]
    pub(crate) fn expose(&self) -> &str {
        self.text.expose()
    }

    /// Whether the text contains a password.
    pub(crate) fn has_password(&self) -> bool {
        let (user, address) = self.user_and_address();
        user.contains(':') || address.contains("password=")
    }

    /// The text after the scheme: before the last `@`, and after it. A password may contain any character that somebody
    /// forgot to encode, so nothing before it is shown but the name of the user.
    fn user_and_address(&self) -> (&str, &str) {
        let text = self.text.expose();
        let text = text.split_once("://").map_or(text.as_str(), |(_, rest)| rest);
        text.rsplit_once('@').unwrap_or(("", text))
    }
}

impl PartialEq for DatabaseUrl {
    fn eq(&self, other: &Self) -> bool {
        self.text.expose() == other.text.expose()
    }
}

impl Eq for DatabaseUrl {}

impl fmt::Display for DatabaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (user, address) = self.user_and_address();
        let user = user.split(':').next().unwrap_or_default();
        let address = address.split('?').next().unwrap_or_default();
        let separator = if user.is_empty() { "" } else { "@" };
        write!(f, "postgres://{user}{separator}{address}")
    }
}

impl fmt::Debug for DatabaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "DatabaseUrl({self})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn neither_its_text_nor_its_debug_output_has_the_password() {
        for (text, shown) in [
            ("postgres://auth@db.example/auth", "postgres://auth@db.example/auth"),
            ("postgresql://auth:swordfish@db.example:5433/auth", "postgres://auth@db.example:5433/auth"),
            ("postgres://auth:sword/fish?@db.example/auth", "postgres://auth@db.example/auth"),
            ("postgres://auth:sword@fish@db.example/auth", "postgres://auth@db.example/auth"),
            ("postgres://db.example/auth?user=auth&password=swordfish", "postgres://db.example/auth"),
        ] {
            let url = DatabaseUrl::new(text);
            assert_eq!(url.to_string(), shown);
            assert_eq!(format!("{url:?}"), format!("DatabaseUrl({shown})"));
            assert_eq!(url.has_password(), text.contains("sword"), "{text}");
        }
    }
}
