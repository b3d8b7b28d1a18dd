//! Why a key was not made, or a set of keys not formed.

use crate::algorithm::Algorithm;
use crate::random::Unavailable;

/// Why a key can't be used. No variant holds anything of the key.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// The bytes or members are not a key of this kind, or the point is not on the curve.
    #[error("not a well-formed {0} key")]
    Malformed(Algorithm),
    /// `kty` and `crv` are none that is supported, or do not fit the algorithm (RFC 7518, section 6.1).
    #[error("the key type does not fit the algorithm")]
    WrongType,
    /// Neither the key nor the configuration names an algorithm; a token may not choose one.
    #[error("neither the key nor the configuration names an algorithm")]
    NoAlgorithm,
    /// The key's `alg` is none that is supported here, or not the configured one.
    #[error("the key is for another algorithm")]
    WrongAlgorithm,
    /// `use` or `key_ops` say that the key is for something else (RFC 7517, sections 4.2 and 4.3).
    #[error("the key is not meant for signatures")]
    WrongUse,
    /// `kid` is empty or longer than 128 bytes.
    #[error("a key id has 1 to 128 bytes")]
    BadKeyId,
    /// An RSA key of fewer than 2048 or more than 8192 bits.
    #[error("an RSA key has 2048 to 8192 bits")]
    RsaSize,
    /// An RSA exponent that is even, below 3 or beyond 2^33.
    #[error("the RSA exponent is not an odd number between 3 and 2^33")]
    RsaExponent,
    /// An RSA key from a generator whose keys can be factored (ROCA, CVE-2017-15361).
    #[error("the RSA key comes from a broken generator (ROCA) and can be factored")]
    RsaRoca,
    /// A secret that is shorter than the hash, which has so many bytes (RFC 7518, section 3.2).
    #[error("the secret is shorter than the hash: at least {0} random bytes are needed")]
    ShortSecret(usize),
    /// A secret that a person may have chosen, or text that holds fewer random bits than the hash has (RFC 8725,
    /// section 3.5).
    #[error("the secret looks like a password: random bytes are needed, or their hexadecimal or base64 text")]
    Password,
    /// The text is not exactly one PEM block with this label (RFC 7468).
    #[error("not one PEM block {0:?}; openssl pkey writes it, with -pubout for a public key")]
    NotPem(&'static str),
    /// The text is not a JWK: no strict JSON, or a member of another type (RFC 7517, section 4).
    #[error("not a JWK")]
    NotJwk,
    /// The private half does not belong to the public one.
    #[error("the private key does not belong to the public one")]
    Inconsistent,
    /// Two keys of one set have the same `kid`: which one is meant would be a guess.
    #[error("two keys have the same id")]
    DuplicateKeyId,
    /// A set may hold public keys or shared secrets, never both (RFC 8725, section 2.1).
    #[error("a set holds public keys or shared secrets, not both")]
    MixedFamilies,
    /// The key could not be generated.
    #[error(transparent)]
    Unavailable(#[from] Unavailable),
}
