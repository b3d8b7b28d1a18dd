//! Firebase's variant of scrypt: scrypt derives a key from the password, and the hash is the signer key of
//! the project, encrypted with that key.

use ::scrypt::Params;
use aws_lc_rs::cipher::{AES_256, EncryptingKey, EncryptionContext, UnboundCipherKey};
use counterfoil_jose::constant_time;

use crate::credentials::password::foreign_hashes::error::ForeignHashError;
use crate::credentials::password::foreign_hashes::lengths::salt_and_hash;
use crate::credentials::password::foreign_hashes::scrypt;
use crate::credentials::password::foreign_hashes::text::{bytes, number, parts, values};

/// The length of an AES-256 key in bytes.
const KEY_LENGTH: usize = 32;

const NAME: &str = "Firebase scrypt";

/// A Firebase hash within the limits of scrypt, with the parameters of its project.
#[derive(PartialEq)]
pub(in crate::credentials) struct Firebase {
    params: Params,
    /// The user's salt followed by the project's salt separator.
    salt: Vec<u8>,
    signer_key: Vec<u8>,
    hash: Vec<u8>,
}

impl Eq for Firebase {}

impl Firebase {
    /// Parses `v=1,n=14,r=8,p=1,ss=<separator>,sk=<signer key>$<salt>$<hash>`, with all bytes in base64. `n`
    /// is the project's `mem_cost` (the logarithm of N), and `r` is its `rounds`.
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

    /// Whether `password` matches. Takes the same time either way.
    pub(super) fn verify(&self, password: &[u8]) -> bool {
        let key = scrypt::derive(password, &self.salt, &self.params, vec![0; KEY_LENGTH]);
        encrypted(key.expose(), &self.signer_key)
            .is_some_and(|sealed| constant_time::equal(&sealed, &self.hash))
    }
}

/// AES-256-CTR with a counter that starts at zero. Firebase's scheme has no nonce: each key has its own salt
/// and encrypts one message.
fn encrypted(key: &[u8], message: &[u8]) -> Option<Vec<u8>> {
    let key = EncryptingKey::ctr(UnboundCipherKey::new(&AES_256, key).ok()?).ok()?;
    let mut sealed = message.to_vec();
    key.less_safe_encrypt(&mut sealed, EncryptionContext::Iv128([0; 16].into())).ok()?;
    Some(sealed)
}
