//! The admin key: the credential of a program that administers an installation.

use crate::credentials::service_key::{ServiceKey, ServiceKeyHash, ServiceKeyId, ServiceKeyKind};

/// The kind of admin keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Admin {}

impl ServiceKeyKind for Admin {
    const PREFIX: &'static str = "cfa_";
    const NAME: &'static str = "AdminKey";
}

/// `cfa_<id>.<secret>`: the credential of a program that administers an installation. Only the routes of the administration accept it.
///
/// ```
/// use counterfoil_core::credentials::admin_key::AdminKey;
///
/// let key = AdminKey::generate()?;
/// let presented: AdminKey = key.to_string().parse()?;
/// assert!(key.hash().matches(&presented));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub type AdminKey = ServiceKey<Admin>;

/// The id of an admin key. Not secret.
pub type AdminKeyId = ServiceKeyId<Admin>;

/// The hash of an admin key's secret, as it is stored.
pub type AdminKeyHash = ServiceKeyHash<Admin>;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_canonical_text_of_an_admin_key_parses() {
        let text = AdminKey::generate().unwrap().to_string();
        assert!(text.parse::<AdminKey>().is_ok());

        for bad in [
            text.to_uppercase(),
            format!("{text}="),
            format!(" {text}"),
            text.replace('.', ""),
            text.replace("cfa_", "cfs_"),
            text[..text.len() - 1].to_owned(),
            format!("{text}A"),
            String::new(),
        ] {
            assert!(bad.parse::<AdminKey>().is_err(), "{bad}");
        }
    }

    #[test]
    fn debug_hides_the_secret_and_another_secret_does_not_match() {
        let (key, other) = (AdminKey::generate().unwrap(), AdminKey::generate().unwrap());
        let text = key.to_string();

        assert!(!format!("{key:?}").contains(text.split_once('.').unwrap().1));
        assert!(!key.hash().matches(&other));
    }
}
