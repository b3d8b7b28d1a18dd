//! Why a key or a key set is rejected.

use crate::algorithm::Algorithm;
use crate::random::RandomUnavailable;

/// Why a key or a key set is rejected. No variant contains any part of a key.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// The bytes or members are not a key for this algorithm, or the point is not on the curve.
    #[error("not a well-formed {0} key")]
    Malformed(Algorithm),
    /// `kty` or `crv` is unknown or does not match the algorithm (RFC 7518, section 6.1).
    #[error("the key type does not match the algorithm")]
    WrongKeyType,
    /// Neither the key nor the configuration names an algorithm. A token cannot select one.
    #[error("neither the key nor the configuration names an algorithm")]
    MissingAlgorithm,
    /// The `alg` of the key is not supported, or not the expected algorithm.
    #[error("the key is for another algorithm")]
    WrongAlgorithm,
    /// `use` or `key_ops` does not allow signatures (RFC 7517, sections 4.2 and 4.3).
    #[error("`use` or `key_ops` of the key does not allow signatures")]
    WrongUse,
    /// `kid` is empty or longer than 128 bytes.
    #[error("`kid` must have 1 to 128 bytes")]
    BadKeyId,
    /// An RSA modulus with fewer than 2048 or more than 8192 bits.
    #[error("an RSA key must have 2048 to 8192 bits")]
    RsaSize,
    /// An RSA public exponent that is even, less than 3, or greater than 2^33.
    #[error("the RSA exponent must be an odd number between 3 and 2^33")]
    RsaExponent,
    /// An RSA key from a generator whose keys can be factored (ROCA, CVE-2017-15361).
    #[error("the RSA key has the ROCA weakness and can be factored")]
    RsaRoca,
    /// A shared secret with fewer bytes than the hash, whose length is given (RFC 7518, section 3.2).
    #[error("the secret is shorter than the hash: it must have at least {0} random bytes")]
    SecretTooShort(usize),
    /// A shared secret that is a key or certificate in PEM, DER, JWK or OpenSSH format. An attacker who knows
    /// the public key could sign tokens with it (RFC 8725, section 2.1).
    #[error("the secret is a key or certificate: it must be random bytes")]
    SecretIsKey,
    /// The text is not exactly one PEM block with this label (RFC 7468).
    #[error("not one PEM block {0:?}; openssl pkey writes it, with -pubout for a public key")]
    NotPem(&'static str),
    /// The text is not a JWK: not strict JSON, or a member has the wrong type (RFC 7517, section 4).
    #[error("not a JWK")]
    NotJwk,
    /// The private key does not match the public key.
    #[error("the private key does not match the public key")]
    PrivateKeyMismatch,
    /// Two keys of a set have the same `kid`, so that a token could mean either of them.
    #[error("two keys have the same `kid`")]
    DuplicateKeyId,
    /// A set with both public keys and shared secrets (RFC 8725, section 2.1).
    #[error("a key set must contain either public keys or shared secrets, not both")]
    SymmetricAndAsymmetric,
    /// The key could not be generated.
    #[error(transparent)]
    RandomUnavailable(#[from] RandomUnavailable),
}
