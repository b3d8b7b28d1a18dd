//! Public JSON Web Keys and their thumbprints (RFC 7517, RFC 7638, RFC 9964).

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::algorithm::Algorithm;
use crate::base64url;
use crate::digest;
use crate::key_error::KeyError;
use crate::primitive::Primitive;

/// A public key as a JWK (RFC 7517, section 4). It has no private members, so a private key can be neither
/// read into it nor published with it. Unknown members are ignored.
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
    /// The key type: `EC`, `OKP`, `RSA`, or `AKP`, where `alg` names the parameter set.
    pub kty: String,
    /// The curve: `P-256`, `P-384`, `P-521` or `Ed25519`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub crv: Option<String>,
    /// The x coordinate (`EC`), or the public key (`OKP`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub x: Option<String>,
    /// The y coordinate (`EC`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub y: Option<String>,
    /// The RSA modulus, big-endian.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub n: Option<String>,
    /// The RSA public exponent, big-endian.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub e: Option<String>,
    /// The public key (`AKP`).
    #[serde(default, rename = "pub", skip_serializing_if = "Option::is_none")]
    pub pub_: Option<String>,
    /// The key id, which tokens name in their header.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kid: Option<String>,
    /// The algorithm that the key is for. It is a string because a key may name an unsupported algorithm.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub alg: Option<String>,
    /// The use of the key: `sig` or `enc`.
    #[serde(default, rename = "use", skip_serializing_if = "Option::is_none")]
    pub use_: Option<String>,
    /// The permitted operations. Published keys do not have this member.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key_ops: Option<Vec<String>>,
}

impl Jwk {
    /// The SHA-256 thumbprint, as base64url (RFC 7638, section 3; RFC 8037, section 2; RFC 9964, section 6).
    ///
    /// # Errors
    ///
    /// [`KeyError::WrongKeyType`]: the key type is unknown, or one of its required members is missing.
    pub fn thumbprint(&self) -> Result<String, KeyError> {
        let kty = Some(&self.kty);
        // In the order of the names, without white space (RFC 7638, section 3.3).
        let required: &[(&str, Option<&String>)] = match self.kty.as_str() {
            "EC" => {
                &[("crv", self.crv.as_ref()), ("kty", kty), ("x", self.x.as_ref()), ("y", self.y.as_ref())]
            }
            "OKP" => &[("crv", self.crv.as_ref()), ("kty", kty), ("x", self.x.as_ref())],
            "AKP" => &[("alg", self.alg.as_ref()), ("kty", kty), ("pub", self.pub_.as_ref())],
            "RSA" => &[("e", self.e.as_ref()), ("kty", kty), ("n", self.n.as_ref())],
            _ => return Err(KeyError::WrongKeyType),
        };
        let member = |&(name, value): &(&str, Option<&String>)| {
            Some(format!("\"{name}\":{}", Value::from(value?.as_str())))
        };
        let members: Option<Vec<String>> = required.iter().map(member).collect();
        let canonical = format!("{{{}}}", members.ok_or(KeyError::WrongKeyType)?.join(","));
        Ok(base64url::encode(digest::sha256(canonical.as_bytes())))
    }

    /// The algorithm of the key: `alg`, which must equal `expected` if that is given, or else `expected`.
    pub(crate) fn resolve_algorithm(&self, expected: Option<Algorithm>) -> Result<Algorithm, KeyError> {
        let Some(alg) = &self.alg else { return expected.ok_or(KeyError::MissingAlgorithm) };
        let alg = alg.parse().map_err(|_| KeyError::WrongAlgorithm)?;
        if expected.is_none_or(|expected| expected == alg) { Ok(alg) } else { Err(KeyError::WrongAlgorithm) }
    }

    /// The algorithm of the key among `allowed`: `alg`, or else the only one that fits the type of the key, as `alg` is
    /// optional (RFC 7517, section 4.4). If two fit, the issuer may mean either, and a key is for one.
    pub(crate) fn algorithm_among(&self, allowed: &[Algorithm]) -> Option<Algorithm> {
        if let Some(alg) = &self.alg {
            return alg.parse().ok().filter(|alg| allowed.contains(alg));
        }
        let mut fitting = allowed.iter().copied().filter(|algorithm| self.matches(*algorithm));
        let first = fitting.next()?;
        fitting.all(|other| other == first).then_some(first)
    }

    /// Whether `kty` and `crv` are those of `algorithm` (RFC 7518, section 6; RFC 8037; RFC 9964).
    pub(crate) fn matches(&self, algorithm: Algorithm) -> bool {
        let (kty, crv) = match algorithm.primitive() {
            Primitive::Ecdsa(curve) => ("EC", Some(curve.name)),
            Primitive::Ed25519 => ("OKP", Some("Ed25519")),
            Primitive::Rsa(_) => ("RSA", None),
            Primitive::MlDsa(_) => ("AKP", None),
            Primitive::Hmac(_) => ("oct", None),
        };
        self.kty == kty && self.crv.as_deref() == crv
    }

    /// Whether `use` and `key_ops`, if present, allow verification (RFC 7517, sections 4.2 and 4.3).
    pub(crate) fn allows_verifying(&self) -> bool {
        self.allows("verify")
    }

    /// Whether `use` and `key_ops`, if present, allow signing.
    pub(crate) fn allows_signing(&self) -> bool {
        self.allows("sign")
    }

    fn allows(&self, operation: &str) -> bool {
        self.use_.as_ref().is_none_or(|use_| use_ == "sig")
            && self.key_ops.as_ref().is_none_or(|ops| ops.iter().any(|op| op == operation))
    }

    /// The key for publication: its public parameters, `kid`, `alg` and `use`.
    pub(crate) fn to_published(&self, kid: &str, algorithm: Algorithm) -> Self {
        Self {
            kid: Some(kid.to_owned()),
            alg: Some(algorithm.as_str().to_owned()),
            use_: Some("sig".to_owned()),
            key_ops: None,
            ..self.clone()
        }
    }
}
