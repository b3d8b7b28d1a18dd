//! Parsing and serialization of private JWKs (RFC 7517, section 9.3; RFC 7518, section 6).

use aws_lc_rs::rsa::{KeyPair as RsaKeyPair, KeyPairComponents, PublicKeyComponents};
use aws_lc_rs::signature::{EcdsaKeyPair, Ed25519KeyPair, KeyPair, PqdsaKeyPair};
use serde::de::IgnoredAny;
use serde::{Deserialize, Serialize};
use zeroize::{Zeroize, Zeroizing};

use crate::algorithm::Algorithm;
use crate::base64url;
use crate::der;
use crate::json;
use crate::jwk::Jwk;
use crate::key_error::KeyError;
use crate::primitive::Primitive;
use crate::private_key::PrivateKey;
use crate::secret::Secret;

/// Bytes that are wiped when dropped.
type Bytes = Zeroizing<Vec<u8>>;

/// The private members of a JWK. They are held in [`Zeroizing`] and have no `Debug`.
#[derive(Default, Serialize, Deserialize, Zeroize)]
struct PrivateMembers {
    /// The private key of EC and OKP, the private exponent of RSA.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    d: Option<String>,
    /// The seed of AKP.
    #[serde(default, rename = "priv", skip_serializing_if = "Option::is_none")]
    seed: Option<String>,
    /// The bytes of a shared secret.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    k: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    p: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    q: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    dp: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    dq: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    qi: Option<String>,
    /// Further primes of an RSA key (RFC 7518, section 6.3.2.7), which are not supported.
    #[serde(default, skip_serializing)]
    #[zeroize(skip)]
    oth: Option<IgnoredAny>,
}

/// Parses the private key in `jwk`, and determines its algorithm from `alg` and `expected`.
pub(crate) fn parse(jwk: &[u8], expected: Option<Algorithm>) -> Result<(Algorithm, PrivateKey), KeyError> {
    let public: Jwk = json::parse_object(jwk).map_err(|_| KeyError::NotJwk)?;
    let private = Zeroizing::new(json::parse_object::<PrivateMembers>(jwk).map_err(|_| KeyError::NotJwk)?);
    let algorithm = public.resolve_algorithm(expected)?;
    if !public.allows_signing() {
        return Err(KeyError::WrongUse);
    }
    if !public.matches(algorithm) {
        return Err(KeyError::WrongKeyType);
    }
    Ok((algorithm, private.to_private_key(&public, algorithm)?))
}

impl PrivateMembers {
    fn to_private_key(&self, public: &Jwk, algorithm: Algorithm) -> Result<PrivateKey, KeyError> {
        let malformed = KeyError::Malformed(algorithm);
        let required = |text: &Option<String>| decode(text).ok_or(malformed);
        let key = match algorithm.primitive() {
            Primitive::Ecdsa(curve) => {
                let point = Zeroizing::new(
                    [vec![4], required(&public.x)?.to_vec(), required(&public.y)?.to_vec()].concat(),
                );
                EcdsaKeyPair::from_private_key_and_public_key(curve.signing, &required(&self.d)?, &point)
                    .map(PrivateKey::Ecdsa)
            }
            Primitive::Ed25519 => {
                Ed25519KeyPair::from_seed_and_public_key(&required(&self.d)?, &required(&public.x)?)
                    .map(PrivateKey::Ed25519)
            }
            Primitive::Rsa(scheme) => {
                let components =
                    self.rsa_components(public).filter(|_| self.oth.is_none()).ok_or(malformed)?;
                RsaKeyPair::from_components(&components).map(|pair| PrivateKey::Rsa(pair, scheme))
            }
            Primitive::MlDsa(parameters) => {
                let pair = PqdsaKeyPair::from_seed(parameters.signing, &required(&self.seed)?)
                    .map_err(|_| malformed)?;
                if pair.public_key().as_ref() != &**required(&public.pub_)? {
                    return Err(KeyError::PrivateKeyMismatch);
                }
                Ok(PrivateKey::MlDsa(pair))
            }
            Primitive::Hmac(_) => return PrivateKey::from_secret(algorithm, &required(&self.k)?),
        };
        key.map_err(|_| KeyError::PrivateKeyMismatch)
    }

    fn rsa_components(&self, public: &Jwk) -> Option<KeyPairComponents<Bytes>> {
        Some(KeyPairComponents {
            public_key: PublicKeyComponents { n: decode(&public.n)?, e: decode(&public.e)? },
            d: decode(&self.d)?,
            p: decode(&self.p)?,
            q: decode(&self.q)?,
            dP: decode(&self.dp)?,
            dQ: decode(&self.dq)?,
            qInv: decode(&self.qi)?,
        })
    }
}

fn decode(text: &Option<String>) -> Option<Bytes> {
    base64url::decode(text.as_ref()?).ok().map(Zeroizing::new)
}

/// Serializes a private key with its public members as JSON. `secret_bytes` is the result of
/// [`PrivateKey::to_secret_bytes`].
pub(crate) fn serialize(
    public: Option<Jwk>,
    algorithm: Algorithm,
    kid: &str,
    secret_bytes: &[u8],
) -> Option<Secret<String>> {
    #[derive(Serialize)]
    struct PrivateJwk<'a> {
        #[serde(flatten)]
        public: Jwk,
        #[serde(flatten)]
        private: &'a PrivateMembers,
    }

    let oct = Jwk { kty: "oct".to_owned(), ..Jwk::default() };
    let public = public.unwrap_or(oct).to_published(kid, algorithm);
    let private = Zeroizing::new(private_members(algorithm, secret_bytes)?);
    // Allocated once, large enough for any key: a buffer that grows leaves copies that are not wiped.
    let mut text = Vec::with_capacity(16 * 1024);
    serde_json::to_writer(&mut text, &PrivateJwk { public, private: &private }).ok()?;
    String::from_utf8(text).ok().map(Secret::new)
}

/// Extracts the private members from PKCS#8, or from a shared secret.
fn private_members(algorithm: Algorithm, secret_bytes: &[u8]) -> Option<PrivateMembers> {
    let text = |bytes: &[u8]| Some(base64url::encode(bytes));
    Some(match algorithm.primitive() {
        Primitive::Hmac(_) => PrivateMembers { k: text(secret_bytes), ..PrivateMembers::default() },
        // ECPrivateKey: the version and the private key, which has the length of a coordinate (RFC 5915,
        // section 3).
        Primitive::Ecdsa(_) => {
            let (_, rest) = der::read_value(
                der::read_single(private_key_content(secret_bytes)?, der::SEQUENCE)?,
                der::INTEGER,
            )?;
            PrivateMembers {
                d: text(der::read_value(rest, der::OCTET_STRING)?.0),
                ..PrivateMembers::default()
            }
        }
        // CurvePrivateKey (RFC 8410, section 7).
        Primitive::Ed25519 => PrivateMembers {
            d: text(der::read_single(private_key_content(secret_bytes)?, der::OCTET_STRING)?),
            ..PrivateMembers::default()
        },
        // The seed without the expanded key (RFC 9881, section 6).
        Primitive::MlDsa(_) => PrivateMembers {
            seed: text(der::read_single(private_key_content(secret_bytes)?, 0x80)?),
            ..PrivateMembers::default()
        },
        Primitive::Rsa(_) => rsa_members(private_key_content(secret_bytes)?)?,
    })
}

/// The content of the member `privateKey` of PKCS#8 (RFC 5958, section 2).
fn private_key_content(pkcs8: &[u8]) -> Option<&[u8]> {
    let (_, rest) = der::read_value(der::read_single(pkcs8, der::SEQUENCE)?, der::INTEGER)?;
    let (_, rest) = der::read_value(rest, der::SEQUENCE)?;
    Some(der::read_value(rest, der::OCTET_STRING)?.0)
}

/// The private members of an `RSAPrivateKey`: version, n, e, d, p, q, dp, dq, qi (RFC 8017, appendix A.1.2).
fn rsa_members(der: &[u8]) -> Option<PrivateMembers> {
    let mut rest = der::read_single(der, der::SEQUENCE)?;
    let mut numbers: [&[u8]; 9] = [&[]; 9];
    for number in &mut numbers {
        (*number, rest) = der::read_unsigned(rest)?;
    }
    let [d, p, q, dp, dq, qi] = [3, 4, 5, 6, 7, 8].map(|index| Some(base64url::encode(numbers[index])));
    Some(PrivateMembers { d, p, q, dp, dq, qi, ..PrivateMembers::default() })
}
