//! The four signature algorithms, by the names that tokens and keys use for them.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// How a token is signed (RFC 7518, section 3.1; RFC 9864, section 2.2).
///
/// A key belongs to exactly one of these from the moment that it is loaded; a token never chooses.
/// There is no `none`, and the ambiguous `EdDSA` is not accepted for `Ed25519`.
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
    /// EdDSA on edwards25519.
    Ed25519,
    /// HMAC with SHA-256: whoever can verify can also sign.
    Hs256,
    /// RSASSA-PKCS1-v1_5 with SHA-256.
    Rs256,
}

impl Algorithm {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Es256, Self::Ed25519, Self::Hs256, Self::Rs256];

    /// The registered name, as in the `alg` of a header.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Es256 => "ES256",
            Self::Ed25519 => "Ed25519",
            Self::Hs256 => "HS256",
            Self::Rs256 => "RS256",
        }
    }

    /// Whether the key that verifies is the key that signs.
    pub const fn is_symmetric(self) -> bool {
        match self {
            Self::Hs256 => true,
            Self::Es256 | Self::Ed25519 | Self::Rs256 => false,
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
            "", "es256", "ED25519", "EdDSA", "Hs256", "ES256 ", " ES256", "ES256\0", "PS256", "ES384", "none",
        ] {
            assert!(other.parse::<Algorithm>().is_err(), "{other:?}");
        }
    }

    #[test]
    fn only_hmac_is_symmetric() {
        let symmetric: Vec<_> = Algorithm::ALL.into_iter().filter(|a| a.is_symmetric()).collect();
        assert_eq!(symmetric, [Algorithm::Hs256]);
    }
}
