//! The signature algorithms, by the names that tokens and keys use for them.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// How a token is signed (RFC 7518, section 3.1; RFC 8037; RFC 9864, section 2.2; RFC 9964).
///
/// A key belongs to exactly one of these from the moment that it is loaded; a token never chooses.
/// There is no `none`. `EdDSA`, the old name that leaves the curve open, is an algorithm of its own: a
/// verifier that does not list it takes no such token, and a key for `Ed25519` verifies none.
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
    /// ECDSA on P-256 with SHA-256; the signature is R and S of 32 bytes each.
    Es256,
    /// ECDSA on P-384 with SHA-384; the signature is R and S of 48 bytes each.
    Es384,
    /// ECDSA on P-521 with SHA-512; the signature is R and S of 66 bytes each.
    Es512,
    /// EdDSA on edwards25519, by its full name (RFC 9864).
    Ed25519,
    /// The same signature under the deprecated name `EdDSA` (RFC 8037), for verifiers that know no other.
    EdDsa,
    /// HMAC with SHA-256: whoever can verify can also sign.
    Hs256,
    /// HMAC with SHA-384: whoever can verify can also sign.
    Hs384,
    /// HMAC with SHA-512: whoever can verify can also sign.
    Hs512,
    /// RSASSA-PKCS1-v1_5 with SHA-256.
    Rs256,
    /// RSASSA-PKCS1-v1_5 with SHA-384.
    Rs384,
    /// RSASSA-PKCS1-v1_5 with SHA-512.
    Rs512,
    /// RSASSA-PSS with SHA-256; the salt is as long as the hash.
    Ps256,
    /// RSASSA-PSS with SHA-384; the salt is as long as the hash.
    Ps384,
    /// RSASSA-PSS with SHA-512; the salt is as long as the hash.
    Ps512,
    /// ML-DSA-44 (FIPS 204, RFC 9964), against quantum computers. A token has 3.7 kB.
    MlDsa44,
    /// ML-DSA-65 (FIPS 204, RFC 9964), against quantum computers. A token has 5 kB.
    MlDsa65,
}

impl Algorithm {
    /// All of them.
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

    /// Those with a public key, which a verifier may list side by side.
    pub const PUBLIC: [Self; 13] = [
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

    /// Those with a shared secret, never listed beside one with a public key (RFC 8725, section 2.1).
    pub const SECRET: [Self; 3] = [Self::Hs256, Self::Hs384, Self::Hs512];

    /// The registered name, as in the `alg` of a header.
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

    /// Whether the key that verifies is the key that signs.
    pub const fn is_symmetric(self) -> bool {
        match self {
            Self::Hs256 | Self::Hs384 | Self::Hs512 => true,
            Self::Es256 | Self::Es384 | Self::Es512 | Self::Ed25519 | Self::EdDsa => false,
            Self::Rs256 | Self::Rs384 | Self::Rs512 | Self::Ps256 | Self::Ps384 | Self::Ps512 => false,
            Self::MlDsa44 | Self::MlDsa65 => false,
        }
    }

    /// All algorithms that a verifier may list beside this one: of whoever trusts its own keys, each of which is
    /// for one algorithm alone, nothing is lost by listing them all.
    pub const fn family(self) -> &'static [Self] {
        if self.is_symmetric() { &Self::SECRET } else { &Self::PUBLIC }
    }

    /// How many bytes a signature has; none for RSA, where the key decides.
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

/// A name that is none of our algorithms; it is not repeated here.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not an algorithm that is supported here")]
pub struct UnknownAlgorithm;

impl FromStr for Algorithm {
    type Err = UnknownAlgorithm;

    /// Case matters (RFC 7515, section 4.1.1).
    fn from_str(name: &str) -> Result<Self, Self::Err> {
        Self::ALL.into_iter().find(|known| known.as_str() == name).ok_or(UnknownAlgorithm)
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
    fn a_name_is_read_only_as_it_is_written() {
        for algorithm in Algorithm::ALL {
            assert_eq!(algorithm.as_str().parse(), Ok(algorithm));
            assert_eq!(serde_json::to_string(&algorithm).unwrap(), format!("\"{algorithm}\""));
        }
        for other in [
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
            assert!(other.parse::<Algorithm>().is_err(), "{other:?}");
        }
    }

    #[test]
    fn only_hmac_is_symmetric() {
        for algorithm in Algorithm::ALL {
            assert_eq!(algorithm.is_symmetric(), algorithm.as_str().starts_with("HS"));
            assert!(algorithm.family().contains(&algorithm));
            assert!(algorithm.family().iter().all(|other| other.is_symmetric() == algorithm.is_symmetric()));
        }
    }
}
