//! Builds tokens as an attacker would: with any header, signed by any key that an attacker can have.

use aws_lc_rs::hmac;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair};
use serde_json::Value;

use counterfoil_jose::{Algorithm, JwsError, KeySet, SigningKey, VerifyingKey, base64url};
use counterfoil_verify::{AuthError, InvalidReason, TokenVerifier};

use crate::test_signer::{ISSUER, NOON, SHOP, claims};

/// The signing input: header and claims.
pub(crate) fn signing_input(header: &Value, claims: &Value) -> String {
    format!("{}.{}", base64url::encode(header.to_string()), base64url::encode(claims.to_string()))
}

/// A token with an HMAC-SHA256 under these bytes.
pub(crate) fn with_hmac(header: &Value, secret: &[u8]) -> String {
    let signed = signing_input(header, &claims());
    let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, secret), signed.as_bytes());
    format!("{signed}.{}", base64url::encode(tag))
}

/// A token with any header, signed by a valid key for ES256, Ed25519 or HS256, so that only the header can be
/// the reason of a rejection.
pub(crate) fn signed_by(key: &SigningKey, header: &Value, claims: &Value) -> String {
    let (signed, secret) = (signing_input(header, claims), key.to_secret_bytes());
    let (message, secret) = (signed.as_bytes(), secret.expose());
    let signature = match key.algorithm() {
        Algorithm::Es256 => {
            let pair = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, secret).unwrap();
            base64url::encode(pair.sign(&SystemRandom::new(), message).unwrap())
        }
        Algorithm::Ed25519 => base64url::encode(Ed25519KeyPair::from_pkcs8(secret).unwrap().sign(message)),
        Algorithm::Hs256 => {
            base64url::encode(hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, secret), message))
        }
        other => panic!("{other} is not needed here"),
    };
    format!("{signed}.{signature}")
}

/// A verifier with these keys that allows as many algorithms as possible.
pub(crate) fn permissive_verifier(keys: impl IntoIterator<Item = VerifyingKey>) -> TokenVerifier {
    let keys = KeySet::new(keys).unwrap();
    let family = keys.iter().next().map_or(&Algorithm::ASYMMETRIC[..], |key| key.algorithm().compatible());
    TokenVerifier::builder(ISSUER, SHOP, family).build(keys).unwrap()
}

/// Why the token is rejected.
pub(crate) fn rejection(verifier: &TokenVerifier, token: &str) -> JwsError {
    match verifier.verify(token, NOON).expect_err(token) {
        AuthError::InvalidCredential(InvalidReason::Token(rejection)) => rejection,
        other => panic!("{other:?}"),
    }
}

/// The ways to write a public key: PEM with every label, DER, the bare key, base64, JSON.
pub(crate) fn public_key_encodings(key: &VerifyingKey) -> Vec<Vec<u8>> {
    let (pem, der) = (key.to_pem().unwrap(), key.to_spki().unwrap());
    let jwk = serde_json::to_string(&key.jwk().unwrap()).unwrap();
    let body: String = pem.lines().filter(|line| !line.starts_with('-')).collect();
    let mut texts =
        vec![pem.clone(), pem.trim_end().to_owned(), pem.replace('\n', "\r\n"), pem.replace('\n', "")];
    for label in ["RSA PUBLIC KEY", "EC PUBLIC KEY", "CERTIFICATE", "X509 CERTIFICATE", "SSH2 PUBLIC KEY"] {
        texts.push(pem.replace("PUBLIC KEY", label));
    }
    for kind in ["ssh-rsa", "ssh-ed25519", "ecdsa-sha2-nistp256"] {
        texts.push(format!("{kind} {body} user@host"));
    }
    texts.extend([jwk.clone(), format!("{{\"keys\":[{jwk}]}}"), body, key.kid().to_owned(), String::new()]);
    let mut all: Vec<Vec<u8>> = texts.into_iter().map(String::into_bytes).collect();
    // The key without its header, which is 24 to 26 bytes, depending on the type.
    all.extend([der[24..].to_vec(), der[26..].to_vec(), der]);
    all
}
