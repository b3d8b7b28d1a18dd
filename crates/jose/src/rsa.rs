//! Validation of RSA public keys: size, exponent and the ROCA weakness.

use aws_lc_rs::signature::{ParsedPublicKey, RsaParameters, RsaPublicKeyComponents};

use crate::algorithm::Algorithm;
use crate::base64url;
use crate::der;
use crate::jwk::Jwk;
use crate::key_error::KeyError;

/// Parses and validates the public key with `n` and `e` (RFC 7518, section 6.3.1).
pub(crate) fn parse_public(
    jwk: &Jwk,
    algorithm: Algorithm,
    parameters: &'static RsaParameters,
) -> Result<ParsedPublicKey, KeyError> {
    let malformed = KeyError::Malformed(algorithm);
    // A Base64urlUInt has no leading zeros (RFC 7518, section 2).
    let integer = |text: &Option<String>| {
        base64url::decode(text.as_ref()?).ok().filter(|bytes| bytes.first().is_some_and(|&first| first != 0))
    };
    let (Some(n), Some(e)) = (integer(&jwk.n), integer(&jwk.e)) else { return Err(malformed) };
    check_size(&n)?;
    check_exponent(&e)?;
    if n.last().is_none_or(|last| last % 2 == 0) {
        return Err(malformed);
    }
    if is_roca(&n) {
        return Err(KeyError::RsaRoca);
    }
    RsaPublicKeyComponents { n, e }.to_parsed_public_key(parameters).map_err(|_| malformed)
}

fn check_size(n: &[u8]) -> Result<(), KeyError> {
    let bits = 8 * n.len() - n.first().map_or(0, |first| first.leading_zeros() as usize);
    if (2048..=8192).contains(&bits) { Ok(()) } else { Err(KeyError::RsaSize) }
}

fn check_exponent(e: &[u8]) -> Result<(), KeyError> {
    if e.len() > 5 {
        return Err(KeyError::RsaExponent);
    }
    let e = e.iter().fold(0_u64, |value, &byte| value << 8 | u64::from(byte));
    if e % 2 == 1 && (3..1 << 33).contains(&e) { Ok(()) } else { Err(KeyError::RsaExponent) }
}

/// The odd primes up to 167. Their product divides the constant M of the weak generator for every key size.
const ROCA_PRIMES: [u32; 38] = [
    3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37, 41, 43, 47, 53, 59, 61, 67, 71, 73, 79, 83, 89, 97, 101, 103,
    107, 109, 113, 127, 131, 137, 139, 149, 151, 157, 163, 167,
];

/// Whether `n` has the fingerprint of keys from Infineon's library (CVE-2017-15361): modulo each of the
/// primes it is a power of 65537. One of about 200 million other keys has the same fingerprint.
fn is_roca(n: &[u8]) -> bool {
    ROCA_PRIMES.into_iter().all(|prime| {
        let residue = n.iter().fold(0, |residue, &byte| (residue << 8 | u32::from(byte)) % prime);
        is_power_of_65537(residue, prime)
    })
}

fn is_power_of_65537(residue: u32, prime: u32) -> bool {
    let mut power = 1;
    for _ in 0..prime {
        if power == residue {
            return true;
        }
        power = power * 65_537 % prime;
    }
    false
}

/// The modulus and the exponent of an `RSAPublicKey` in DER (RFC 8017, appendix A.1.1), without leading
/// zeros.
pub(crate) fn components(der: &[u8]) -> Option<(&[u8], &[u8])> {
    let (n, rest) = der::read_unsigned(der::read_single(der, der::SEQUENCE)?)?;
    let (e, []) = der::read_unsigned(rest)? else { return None };
    Some((n, e))
}
