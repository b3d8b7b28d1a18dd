//! JWS signature algorithms and their registered names (`alg`, RFC 7518, section 3.1).

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// A JWS signature algorithm (RFC 7518, section 3.1; RFC 8037; RFC 9864, section 2.2; RFC 9964).
///
/// A key is bound to exactly one algorithm when it is loaded; a token never selects the algorithm. `none` is
/// not supported. The deprecated name `EdDSA`, which does not name the curve, is a separate algorithm: a
/// verifier accepts it only if its list contains it, and a key for `Ed25519` does not verify tokens with
/// `EdDSA`.
///
/// ```
/// use counterfoil_jose::Algorithm;
///
/// assert_eq!("ES256".parse(), Ok(Algorithm::Es256));
/// assert!("es256".parse::<Algorithm>().is_err());
/// assert!("none".parse::<Algorithm>().is_err());
/// ```
#[non_exhaustive]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Algorithm {
    /// ECDSA on P-256 with SHA-256. The signature is R and S, 32 bytes each.
    Es256,
    /// ECDSA on P-384 with SHA-384. The signature is R and S, 48 bytes each.
    Es384,
    /// ECDSA on P-521 with SHA-512. The signature is R and S, 66 bytes each.
    Es512,
    /// EdDSA on edwards25519, under its fully specified name (RFC 9864).
    Ed25519,
    /// The same signature under the deprecated name `EdDSA` (RFC 8037), for verifiers without RFC 9864.
    EdDsa,
    /// HMAC with SHA-256. Every verifier can also sign.
    Hs256,
    /// HMAC with SHA-384. Every verifier can also sign.
    Hs384,
    /// HMAC with SHA-512. Every verifier can also sign.
    Hs512,
    /// RSASSA-PKCS1-v1_5 with SHA-256.
    Rs256,
    /// RSASSA-PKCS1-v1_5 with SHA-384.
    Rs384,
    /// RSASSA-PKCS1-v1_5 with SHA-512.
    Rs512,
    /// RSASSA-PSS with SHA-256. The salt has the length of the hash.
    Ps256,
    /// RSASSA-PSS with SHA-384. The salt has the length of the hash.
    Ps384,
    /// RSASSA-PSS with SHA-512. The salt has the length of the hash.
    Ps512,
    /// ML-DSA-44 (FIPS 204, RFC 9964), post-quantum. A token is about 3.7 kB long.
    MlDsa44,
    /// ML-DSA-65 (FIPS 204, RFC 9964), post-quantum. A token is about 5 kB long.
    MlDsa65,
}

impl Algorithm {
    /// All supported algorithms.
    pub const ALL: [Self; 16] = [
        Self::Es256,
        Self::Es384,
        Self::Es512,
        Self::Ed25519,
        Self::EdDsa,
        Self::Hs256,
        Self::Hs384,
        Self::Hs512,
        Self::Rs256,
        Self::Rs384,
        Self::Rs512,
        Self::Ps256,
        Self::Ps384,
        Self::Ps512,
        Self::MlDsa44,
        Self::MlDsa65,
    ];

    /// The algorithms with a public key. A verifier may list several of them.
    pub const ASYMMETRIC: [Self; 13] = [
        Self::Es256,
        Self::Es384,
        Self::Es512,
        Self::Ed25519,
        Self::EdDsa,
        Self::Rs256,
        Self::Rs384,
        Self::Rs512,
        Self::Ps256,
        Self::Ps384,
        Self::Ps512,
        Self::MlDsa44,
        Self::MlDsa65,
    ];

    /// The algorithms with a shared secret. A verifier must not combine them with those that have a public
    /// key: an attacker could use the public key as an HMAC secret (RFC 8725, section 2.1).
    pub const SYMMETRIC: [Self; 3] = [Self::Hs256, Self::Hs384, Self::Hs512];

    /// The registered name, as in the header parameter `alg`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Es256 => "ES256",
            Self::Es384 => "ES384",
            Self::Es512 => "ES512",
            Self::Ed25519 => "Ed25519",
            Self::EdDsa => "EdDSA",
            Self::Hs256 => "HS256",
            Self::Hs384 => "HS384",
            Self::Hs512 => "HS512",
            Self::Rs256 => "RS256",
            Self::Rs384 => "RS384",
            Self::Rs512 => "RS512",
            Self::Ps256 => "PS256",
            Self::Ps384 => "PS384",
            Self::Ps512 => "PS512",
            Self::MlDsa44 => "ML-DSA-44",
            Self::MlDsa65 => "ML-DSA-65",
        }
    }

    /// Whether signing and verification use the same key.
    pub const fn is_symmetric(self) -> bool {
        match self {
            Self::Hs256 | Self::Hs384 | Self::Hs512 => true,
            Self::Es256 | Self::Es384 | Self::Es512 | Self::Ed25519 | Self::EdDsa => false,
            Self::Rs256 | Self::Rs384 | Self::Rs512 | Self::Ps256 | Self::Ps384 | Self::Ps512 => false,
            Self::MlDsa44 | Self::MlDsa65 => false,
        }
    }

    /// All algorithms that a verifier may list together with this one, which is included. Listing all of them
    /// is safe, because each key is bound to one algorithm.
    pub const fn compatible(self) -> &'static [Self] {
        if self.is_symmetric() { &Self::SYMMETRIC } else { &Self::ASYMMETRIC }
    }

    /// The length of a signature in bytes; `None` for RSA, where it depends on the key.
    ///
    /// ```
    /// use counterfoil_jose::Algorithm;
    ///
    /// assert_eq!(Algorithm::Es256.signature_len(), Some(64));
    /// assert_eq!(Algorithm::MlDsa65.signature_len(), Some(3309));
    /// ```
    pub const fn signature_len(self) -> Option<usize> {
        match self {
            Self::Es256 | Self::Ed25519 | Self::EdDsa => Some(64),
            Self::Es384 => Some(96),
            Self::Es512 => Some(132),
            Self::Hs256 => Some(32),
            Self::Hs384 => Some(48),
            Self::Hs512 => Some(64),
            Self::Rs256 | Self::Rs384 | Self::Rs512 | Self::Ps256 | Self::Ps384 | Self::Ps512 => None,
            Self::MlDsa44 => Some(2420),
            Self::MlDsa65 => Some(3309),
        }
    }
}

/// The name is not that of a supported algorithm. The error does not contain the name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("unsupported algorithm")]
pub struct UnknownAlgorithm;

impl FromStr for Algorithm {
    type Err = UnknownAlgorithm;

    /// Names are case-sensitive (RFC 7515, section 4.1.1).
    fn from_str(name: &str) -> Result<Self, Self::Err> {
        Self::ALL.into_iter().find(|algorithm| algorithm.as_str() == name).ok_or(UnknownAlgorithm)
    }
}

impl fmt::Display for Algorithm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl Serialize for Algorithm {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl<'de> Deserialize<'de> for Algorithm {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::Algorithm;

    #[test]
    fn a_name_parses_only_in_its_exact_spelling() {
        for algorithm in Algorithm::ALL {
            assert_eq!(algorithm.as_str().parse(), Ok(algorithm));
            assert_eq!(serde_json::to_string(&algorithm).unwrap(), format!("\"{algorithm}\""));
        }
        for invalid in [
            "",
            "es256",
            "ED25519",
            "EDDSA",
            "Hs256",
            "ES256 ",
            " ES256",
            "ES256\0",
            "ES256K",
            "Ed448",
            "RSA1_5",
            "ML-DSA-87",
            "none",
        ] {
            assert!(invalid.parse::<Algorithm>().is_err(), "{invalid:?}");
        }
    }

    #[test]
    fn only_hmac_is_symmetric() {
        for algorithm in Algorithm::ALL {
            assert_eq!(algorithm.is_symmetric(), algorithm.as_str().starts_with("HS"));
            assert!(algorithm.compatible().contains(&algorithm));
            assert!(
                algorithm.compatible().iter().all(|other| other.is_symmetric() == algorithm.is_symmetric())
            );
        }
    }
}
