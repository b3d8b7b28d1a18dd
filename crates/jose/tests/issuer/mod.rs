//! An issuer with one ES256 key, of which a test may sign odd things.

use std::sync::LazyLock;

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair};
use counterfoil_jose::{Algorithm, Jws, KeySet, Rejection, SigningKey, Verified, base64url, jws};

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

    /// A valid header with more members.
    pub(crate) fn header_with(&self, members: &str) -> String {
        format!(r#"{{"typ":"at+jwt","alg":"ES256","kid":"{}"{members}}}"#, self.key.kid())
    }

    /// A token with any header, validly signed: what is refused then is refused for the header's sake.
    pub(crate) fn signed(&self, header: impl AsRef<[u8]>) -> String {
        signed_by(&self.key, header)
    }

    /// What a verifier says, whichever way it is asked and whatever it has seen before.
    pub(crate) fn judge(&self, token: &str) -> Result<Verified, Rejection> {
        let keys = self.keys();
        let judged = Jws::parse(token).and_then(|jws| jws.verify(&keys, ES256, ACCESS));
        assert_eq!(judged, jws::verify(token, &keys, ES256, ACCESS));
        jws::verify(&self.token(), &keys, ES256, ACCESS).unwrap();
        assert_eq!(judged, jws::verify(token, &keys, ES256, ACCESS));
        judged
    }

    /// The code of the refusal of `token`.
    pub(crate) fn refusal(&self, token: &str) -> &'static str {
        self.judge(token).expect_err(token).code()
    }
}

/// A token with any header, signed by an ES256 key.
pub(crate) fn signed_by(key: &SigningKey, header: impl AsRef<[u8]>) -> String {
    let pair = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, key.to_secret_bytes().expose());
    let signed = format!("{}.{}", base64url::encode(header), base64url::encode(CLAIMS));
    let signature = pair.unwrap().sign(&SystemRandom::new(), signed.as_bytes()).unwrap();
    format!("{signed}.{}", base64url::encode(signature))
}
