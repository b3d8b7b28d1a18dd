//! Firebase's variant of scrypt: what scrypt makes of the password is a key, and the hash is the project's
//! signer key encrypted under it.

use ::scrypt::Params;
use aws_lc_rs::cipher::{AES_256, EncryptingKey, EncryptionContext, UnboundCipherKey};
use counterfoil_jose::constant_time;

use crate::credentials::password::foreign_hashes::error::ForeignHashError;
use crate::credentials::password::foreign_hashes::lengths::salt_and_hash;
use crate::credentials::password::foreign_hashes::scrypt;
use crate::credentials::password::foreign_hashes::text::{bytes, number, parts, values};

/// The bytes of a key of AES-256.
const KEY_LENGTH: usize = 32;

const NAME: &str = "Firebase scrypt";

/// A Firebase hash within the ceiling of scrypt, with the parameters of its project.
#[derive(PartialEq)]
pub(in crate::credentials) struct Firebase {
    params: Params,
    /// The user's salt and the project's separator, in a row.
    salt: Vec<u8>,
    signer_key: Vec<u8>,
    hash: Vec<u8>,
}

impl Eq for Firebase {}

impl Firebase {
    /// Reads `v=1,n=14,r=8,p=1,ss=<separator>,sk=<signer key>$<salt>$<hash>`, all bytes as base64; `n` is the
    /// project's `mem_cost`, the logarithm of N, and `r` its `rounds`.
    pub(super) fn parse(text: &str) -> Result<Self, ForeignHashError> {
        let malformed = ForeignHashError::Malformed(NAME);
        let [params, salt, hash] = parts(text).ok_or(malformed)?;
        let names = ["v", "n", "r", "p", "ss", "sk"];
        let [version, n, r, p, separator, signer_key] = values(params, names).ok_or(malformed)?;
        if version != "1" {
            return Err(malformed);
        }
        let params = scrypt::bounded_params(NAME, number(n), number(r), number(p))?;
        let salted = bytes(salt).zip(bytes(separator)).map(|(salt, separator)| [salt, separator].concat());
        let (salt, hash) = salt_and_hash(salted, bytes(hash)).ok_or(malformed)?;
        let signer_key = bytes(signer_key).filter(|key| key.len() == hash.len()).ok_or(malformed)?;
        Ok(Self { params, salt, signer_key, hash })
    }

    /// Whether this is the hash of `password`.
    pub(super) fn verify(&self, password: &[u8]) -> bool {
        let key = scrypt::derive(password, &self.salt, &self.params, vec![0; KEY_LENGTH]);
        encrypted(key.expose(), &self.signer_key)
            .is_some_and(|sealed| constant_time::equal(&sealed, &self.hash))
    }
}

/// AES-256-CTR from a counter of zero. There is no nonce in Firebase's scheme: each key has a salt of its own,
/// and encrypts one message.
fn encrypted(key: &[u8], message: &[u8]) -> Option<Vec<u8>> {
    let key = EncryptingKey::ctr(UnboundCipherKey::new(&AES_256, key).ok()?).ok()?;
    let mut sealed = message.to_vec();
    key.less_safe_encrypt(&mut sealed, EncryptionContext::Iv128([0; 16].into())).ok()?;
    Some(sealed)
}
