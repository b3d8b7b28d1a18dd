//! A public key as JSON, and its thumbprint (RFC 7517, RFC 7638, RFC 9964).

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::algorithm::Algorithm;
use crate::base64url;
use crate::digest;
use crate::key_error::KeyError;
use crate::scheme::Scheme;

/// A public key as it is published. It has no member that a private key would need, so none can
/// ever be written; what is read of a foreign key is only this.
///
/// ```
/// use counterfoil_jose::{Jwk, json};
///
/// // RFC 8037, appendix A.2 and A.3.
/// let jwk: Jwk = json::parse(br#"{"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}"#)?;
/// assert_eq!(jwk.thumbprint()?, "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Jwk {
    /// The key type: `EC`, `OKP`, `RSA`, or `AKP`, whose `alg` says the rest.
    pub kty: String,
    /// The curve: `P-256`, `P-384`, `P-521` or `Ed25519`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub crv: Option<String>,
    /// The x coordinate, or the whole public key of `OKP`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub x: Option<String>,
    /// The y coordinate.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub y: Option<String>,
    /// The RSA modulus, big-endian.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub n: Option<String>,
    /// The RSA exponent, big-endian.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub e: Option<String>,
    /// The whole public key of `AKP`.
    #[serde(default, rename = "pub", skip_serializing_if = "Option::is_none")]
    pub pub_: Option<String>,
    /// The id by which tokens name the key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kid: Option<String>,
    /// The algorithm that the key is for, as text: a foreign key may name one that we lack.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub alg: Option<String>,
    /// What the key is for: `sig` or `enc`.
    #[serde(default, rename = "use", skip_serializing_if = "Option::is_none")]
    pub use_: Option<String>,
    /// What may be done with the key. We publish none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key_ops: Option<Vec<String>>,
}

impl Jwk {
    /// The SHA-256 thumbprint, as base64url (RFC 7638, section 3; RFC 8037, section 2; RFC 9964, section 6).
    ///
    /// # Errors
    ///
    /// An unknown type, or a member missing that belongs to it.
    pub fn thumbprint(&self) -> Result<String, KeyError> {
        let kty = Some(&self.kty);
        // In the order of the names, without spaces: RFC 7638, section 3.3, is exact about it.
        let required: &[(&str, Option<&String>)] = match self.kty.as_str() {
            "EC" => {
                &[("crv", self.crv.as_ref()), ("kty", kty), ("x", self.x.as_ref()), ("y", self.y.as_ref())]
            }
            "OKP" => &[("crv", self.crv.as_ref()), ("kty", kty), ("x", self.x.as_ref())],
            "AKP" => &[("alg", self.alg.as_ref()), ("kty", kty), ("pub", self.pub_.as_ref())],
            "RSA" => &[("e", self.e.as_ref()), ("kty", kty), ("n", self.n.as_ref())],
            _ => return Err(KeyError::WrongType),
        };
        let member = |&(name, value): &(&str, Option<&String>)| {
            Some(format!("\"{name}\":{}", Value::from(value?.as_str())))
        };
        let members: Option<Vec<String>> = required.iter().map(member).collect();
        let canonical = format!("{{{}}}", members.ok_or(KeyError::WrongType)?.join(","));
        Ok(base64url::encode(digest::sha256(canonical.as_bytes())))
    }

    /// The one algorithm that the key is for: its own, which must be the configured one if there is
    /// such; without its own, the configured one.
    pub(crate) fn bound_algorithm(&self, configured: Option<Algorithm>) -> Result<Algorithm, KeyError> {
        let Some(own) = &self.alg else { return configured.ok_or(KeyError::NoAlgorithm) };
        let own = own.parse().map_err(|_| KeyError::WrongAlgorithm)?;
        if configured.is_none_or(|configured| configured == own) {
            Ok(own)
        } else {
            Err(KeyError::WrongAlgorithm)
        }
    }

    /// Whether type and curve are those that `algorithm` needs (RFC 7518, section 6; RFC 8037; RFC 9964).
    pub(crate) fn is_for(&self, algorithm: Algorithm) -> bool {
        let (kty, crv) = match algorithm.scheme() {
            Scheme::Ecdsa(curve) => ("EC", Some(curve.name)),
            Scheme::Ed25519 => ("OKP", Some("Ed25519")),
            Scheme::Rsa(_) => ("RSA", None),
            Scheme::MlDsa(_) => ("AKP", None),
            Scheme::Hmac(_) => ("oct", None),
        };
        self.kty == kty && self.crv.as_deref() == crv
    }

    /// Whether `use` and `key_ops`, where present, allow verifying (RFC 7517, sections 4.2 and 4.3).
    pub(crate) fn may_verify(&self) -> bool {
        self.may("verify")
    }

    /// Whether they allow signing.
    pub(crate) fn may_sign(&self) -> bool {
        self.may("sign")
    }

    fn may(&self, wanted: &str) -> bool {
        self.use_.as_ref().is_none_or(|use_| use_ == "sig")
            && self.key_ops.as_ref().is_none_or(|ops| ops.iter().any(|op| op == wanted))
    }

    /// The key as we publish it: what defines it, its id, its algorithm and its use.
    pub(crate) fn published(&self, kid: &str, algorithm: Algorithm) -> Self {
        Self {
            kid: Some(kid.to_owned()),
            alg: Some(algorithm.as_str().to_owned()),
            use_: Some("sig".to_owned()),
            key_ops: None,
            ..self.clone()
        }
    }
}
