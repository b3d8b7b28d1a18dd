//! A private key as JSON, to and from the form in which it is kept (RFC 7517, section 9.3; RFC 7518, section 6).

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
use crate::private_key::PrivateKey;
use crate::scheme::Scheme;
use crate::secret::Secret;

/// Bytes that are wiped.
type Bytes = Zeroizing<Vec<u8>>;

/// The members that nobody else may see. They are held in [`Zeroizing`] and never printed.
#[derive(Default, Serialize, Deserialize, Zeroize)]
struct Private {
    /// The secret number of EC and RSA, the seed of OKP.
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
    /// More primes (RFC 7518, section 6.3.2.7), which are refused.
    #[serde(default, skip_serializing)]
    #[zeroize(skip)]
    oth: Option<IgnoredAny>,
}

/// Reads the private key in `text` and the algorithm that it is for.
pub(crate) fn read(text: &[u8], configured: Option<Algorithm>) -> Result<(Algorithm, PrivateKey), KeyError> {
    let public: Jwk = json::object(text).map_err(|_| KeyError::NotJwk)?;
    let private = Zeroizing::new(json::object::<Private>(text).map_err(|_| KeyError::NotJwk)?);
    let algorithm = public.bound_algorithm(configured)?;
    if !public.may_sign() {
        return Err(KeyError::WrongUse);
    }
    if !public.is_for(algorithm) {
        return Err(KeyError::WrongType);
    }
    Ok((algorithm, private.key(&public, algorithm)?))
}

impl Private {
    fn key(&self, public: &Jwk, algorithm: Algorithm) -> Result<PrivateKey, KeyError> {
        let malformed = KeyError::Malformed(algorithm);
        let shown = |text: &Option<String>| bytes(text).ok_or(malformed);
        let key = match algorithm.scheme() {
            Scheme::Ecdsa(curve) => {
                let point = Zeroizing::new(
                    [vec![4], shown(&public.x)?.to_vec(), shown(&public.y)?.to_vec()].concat(),
                );
                EcdsaKeyPair::from_private_key_and_public_key(curve.signing, &shown(&self.d)?, &point)
                    .map(PrivateKey::Ecdsa)
            }
            Scheme::Ed25519 => Ed25519KeyPair::from_seed_and_public_key(&shown(&self.d)?, &shown(&public.x)?)
                .map(PrivateKey::Ed25519),
            Scheme::Rsa(rsa) => {
                let components = self.rsa(public).filter(|_| self.oth.is_none()).ok_or(malformed)?;
                RsaKeyPair::from_components(&components).map(|pair| PrivateKey::Rsa(pair, rsa))
            }
            Scheme::MlDsa(set) => {
                let pair =
                    PqdsaKeyPair::from_seed(set.signing, &shown(&self.seed)?).map_err(|_| malformed)?;
                if pair.public_key().as_ref() != &**shown(&public.pub_)? {
                    return Err(KeyError::Inconsistent);
                }
                Ok(PrivateKey::MlDsa(pair))
            }
            Scheme::Hmac(_) => return PrivateKey::shared(algorithm, &shown(&self.k)?),
        };
        key.map_err(|_| KeyError::Inconsistent)
    }

    fn rsa(&self, public: &Jwk) -> Option<KeyPairComponents<Bytes>> {
        Some(KeyPairComponents {
            public_key: PublicKeyComponents { n: bytes(&public.n)?, e: bytes(&public.e)? },
            d: bytes(&self.d)?,
            p: bytes(&self.p)?,
            q: bytes(&self.q)?,
            dP: bytes(&self.dp)?,
            dQ: bytes(&self.dq)?,
            qInv: bytes(&self.qi)?,
        })
    }
}

fn bytes(text: &Option<String>) -> Option<Bytes> {
    base64url::decode(text.as_ref()?).ok().map(Zeroizing::new)
}

/// The private key with its public members, as JSON. `kept` is what [`PrivateKey::to_secret_bytes`] gave.
pub(crate) fn write(
    public: Option<Jwk>,
    algorithm: Algorithm,
    kid: &str,
    kept: &[u8],
) -> Option<Secret<String>> {
    #[derive(Serialize)]
    struct Whole<'a> {
        #[serde(flatten)]
        public: Jwk,
        #[serde(flatten)]
        private: &'a Private,
    }

    let oct = Jwk { kty: "oct".to_owned(), ..Jwk::default() };
    let public = public.unwrap_or(oct).published(kid, algorithm);
    let private = Zeroizing::new(private_members(algorithm, kept)?);
    // Room for any key at once: growing would leave copies that nobody wipes.
    let mut text = Vec::with_capacity(16 * 1024);
    serde_json::to_writer(&mut text, &Whole { public, private: &private }).ok()?;
    String::from_utf8(text).ok().map(Secret::new)
}

fn private_members(algorithm: Algorithm, kept: &[u8]) -> Option<Private> {
    let text = |bytes: &[u8]| Some(base64url::encode(bytes));
    Some(match algorithm.scheme() {
        Scheme::Hmac(_) => Private { k: text(kept), ..Private::default() },
        // ECPrivateKey: a version and the number, as long as a coordinate (RFC 5915, section 3).
        Scheme::Ecdsa(_) => {
            let (_, rest) = der::take(der::only(content(kept)?, der::SEQUENCE)?, der::INTEGER)?;
            Private { d: text(der::take(rest, der::OCTET_STRING)?.0), ..Private::default() }
        }
        // CurvePrivateKey (RFC 8410, section 7).
        Scheme::Ed25519 => {
            Private { d: text(der::only(content(kept)?, der::OCTET_STRING)?), ..Private::default() }
        }
        // The seed alone (RFC 9881, section 6).
        Scheme::MlDsa(_) => Private { seed: text(der::only(content(kept)?, 0x80)?), ..Private::default() },
        Scheme::Rsa(_) => rsa_members(content(kept)?)?,
    })
}

/// The key itself within PKCS#8 (RFC 5958, section 2).
fn content(pkcs8: &[u8]) -> Option<&[u8]> {
    let (_, rest) = der::take(der::only(pkcs8, der::SEQUENCE)?, der::INTEGER)?;
    let (_, rest) = der::take(rest, der::SEQUENCE)?;
    Some(der::take(rest, der::OCTET_STRING)?.0)
}

/// `RSAPrivateKey`: version, n, e, d, p, q, dp, dq, qi (RFC 8017, appendix A.1.2).
fn rsa_members(der: &[u8]) -> Option<Private> {
    let mut rest = der::only(der, der::SEQUENCE)?;
    let mut numbers: [&[u8]; 9] = [&[]; 9];
    for number in &mut numbers {
        (*number, rest) = der::take_unsigned(rest)?;
    }
    let [d, p, q, dp, dq, qi] = [3, 4, 5, 6, 7, 8].map(|index| Some(base64url::encode(numbers[index])));
    Some(Private { d, p, q, dp, dq, qi, ..Private::default() })
}
