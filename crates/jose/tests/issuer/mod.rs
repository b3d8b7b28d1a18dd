//! An issuer with one ES256 key, which also signs tokens with invalid headers.

use std::sync::LazyLock;

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair};
use counterfoil_jose::{Algorithm, Jws, JwsError, KeySet, SigningKey, VerifiedJws, base64url, jws};

pub(crate) const ES256: &[Algorithm] = &[Algorithm::Es256];
pub(crate) const ACCESS: &[&str] = &["at+jwt"];
pub(crate) const CLAIMS: &[u8] = br#"{"sub":"alice"}"#;

pub(crate) static ISSUER: LazyLock<Issuer> =
    LazyLock::new(|| Issuer { key: SigningKey::generate(Algorithm::Es256).unwrap() });

pub(crate) struct Issuer {
    pub(crate) key: SigningKey,
}

impl Issuer {
    pub(crate) fn keys(&self) -> KeySet {
        KeySet::new([self.key.verifying_key()]).unwrap()
    }

    pub(crate) fn token(&self) -> String {
        self.key.sign("at+jwt", CLAIMS).unwrap()
    }

    /// A valid header with additional members.
    pub(crate) fn header_with(&self, members: &str) -> String {
        format!(r#"{{"typ":"at+jwt","alg":"ES256","kid":"{}"{members}}}"#, self.key.kid())
    }

    /// A token with any header and a valid signature: if it is rejected, the reason is the header.
    pub(crate) fn signed(&self, header: impl AsRef<[u8]>) -> String {
        signed_by(&self.key, header)
    }

    /// Verifies `token` through both functions, with and without a cached header. All results must be the
    /// same.
    pub(crate) fn verify(&self, token: &str) -> Result<VerifiedJws, JwsError> {
        let keys = self.keys();
        let result = Jws::parse(token).and_then(|jws| jws.verify(&keys, ES256, ACCESS));
        assert_eq!(result, jws::verify(token, &keys, ES256, ACCESS));
        jws::verify(&self.token(), &keys, ES256, ACCESS).unwrap();
        assert_eq!(result, jws::verify(token, &keys, ES256, ACCESS));
        result
    }

    /// The code of the error for `token`, which must be rejected.
    pub(crate) fn error_code(&self, token: &str) -> &'static str {
        self.verify(token).expect_err(token).code()
    }
}

/// A token with any header, signed by an ES256 key.
pub(crate) fn signed_by(key: &SigningKey, header: impl AsRef<[u8]>) -> String {
    let pair = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, key.to_secret_bytes().expose());
    let signing_input = format!("{}.{}", base64url::encode(header), base64url::encode(CLAIMS));
    let signature = pair.unwrap().sign(&SystemRandom::new(), signing_input.as_bytes()).unwrap();
    format!("{signing_input}.{}", base64url::encode(signature))
}
