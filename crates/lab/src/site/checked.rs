//! The check of the signature of a pasted token: with the keys of the form, or with those of the servers of this process.

use counterfoil::operator::inspection::{GivenKeys, InspectedToken, IssuerCheck, SignatureCheck};
use counterfoil_pages::view::lab::SignatureView;

/// With which keys a signature was checked, and what that has shown.
pub(super) struct Checked {
    with: String,
    signature: SignatureCheck,
    /// What its issuer decides about the token.
    decision: Option<String>,
}

impl Checked {
    /// Checks it with the keys of the form, which have a name.
    pub(super) fn with_given_keys(token: &str, name: &str, keys: &GivenKeys) -> Self {
        let signature = SignatureCheck::with_given_keys(token, keys);
        Self { with: name.to_owned(), signature, decision: None }
    }

    /// What the server with this name says about a token that names one of its keys.
    pub(super) fn by_issuer(name: &str, check: IssuerCheck) -> Self {
        let decision = Some(check.decision).filter(|decision| !decision.is_empty());
        Self { with: format!("the keys of {name}"), signature: check.signature, decision }
    }

    /// Without a key, for a reason.
    pub(super) fn with_nothing(reason: &str) -> Self {
        Self::without_key(SignatureCheck::NotChecked { reason: reason.to_owned() })
    }

    /// For a token that says that it is unsigned. `None` for others.
    pub(super) fn unsigned(token: &str) -> Option<Self> {
        match InspectedToken::parse(token) {
            Ok(InspectedToken::Jwt { token, .. }) => {
                SignatureCheck::of_unsigned(&token).map(Self::without_key)
            }
            Ok(InspectedToken::Session { .. } | InspectedToken::Refresh { .. }) | Err(_) => None,
        }
    }

    fn without_key(signature: SignatureCheck) -> Self {
        Self { with: "no key".to_owned(), signature, decision: None }
    }

    /// What the page shows of it.
    pub(super) fn into_view(self) -> SignatureView {
        let mut explanation = self.signature.explanation();
        explanation.extend(self.decision);
        SignatureView {
            is_valid: self.signature.key().map(|_| self.signature.is_valid()),
            summary: self.signature.summary(),
            checked_with: self.with,
            explanation,
        }
    }
}
