//! The verifier key: the credential of a resource server that follows the revocation feed or introspects tokens.

use crate::credentials::service_key::{ServiceKey, ServiceKeyHash, ServiceKeyId, ServiceKeyKind};

/// The kind of verifier keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Verifier {}

impl ServiceKeyKind for Verifier {
    const PREFIX: &'static str = "cfv_";
    const NAME: &'static str = "VerifierKey";
}

/// `cfv_<id>.<secret>`: the credential of a resource server. Only the revocation feed and introspection accept
/// it.
///
/// ```
/// use counterfoil_core::credentials::verifier_key::VerifierKey;
///
/// let key = VerifierKey::generate()?;
/// let presented: VerifierKey = key.to_string().parse()?;
/// assert!(key.hash().matches(&presented));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub type VerifierKey = ServiceKey<Verifier>;

/// The id of a verifier key. Not secret.
pub type VerifierKeyId = ServiceKeyId<Verifier>;

/// The hash of a verifier key's secret, as it is stored.
pub type VerifierKeyHash = ServiceKeyHash<Verifier>;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_canonical_text_of_a_verifier_key_parses() {
        let text = VerifierKey::generate().unwrap().to_string();
        assert!(text.parse::<VerifierKey>().is_ok());

        for bad in [
            text.to_uppercase(),
            format!("{text}="),
            format!(" {text}"),
            text.replace('.', ""),
            text.replace("cfv_", "cfs_"),
            text[..text.len() - 1].to_owned(),
            format!("{text}A"),
            String::new(),
        ] {
            assert!(bad.parse::<VerifierKey>().is_err(), "{bad}");
        }
    }

    #[test]
    fn debug_hides_the_secret_and_another_secret_does_not_match() {
        let (key, other) = (VerifierKey::generate().unwrap(), VerifierKey::generate().unwrap());
        let text = key.to_string();

        assert!(!format!("{key:?}").contains(text.split_once('.').unwrap().1));
        assert!(!key.hash().matches(&other));
    }
}
