//! A signing key in a file that an operator provides: PKCS#8 as PEM, or a private JWK (RFC 7517).

use std::io;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use counterfoil_files::path_hint;
use counterfoil_jose::{Algorithm, KeyError, Secret, SigningKey};

use crate::fs::secret_file::{self, FileOwner, SecretFileError};

/// The most bytes that are read: more than the longest key has, RSA of 8192 bits as a JWK.
const MAX_LENGTH: u64 = 64 * 1024;

/// What a key file contains.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum KeyFormat {
    /// PKCS#8 as PEM, or a private JWK.
    #[default]
    PrivateKey,
    /// The bytes of a shared secret, as applications keep it in `JWT_SECRET`; one newline at the end is not part of it.
    SharedSecret,
}

/// The file contains no key that can be imported.
#[derive(Debug, thiserror::Error)]
pub(crate) enum KeyFileError {
    /// The file cannot be opened or read, or is not a regular file.
    #[error("the key file {} cannot be read", file.display())]
    Unreadable {
        /// The file.
        file: PathBuf,
        /// The system's error.
        #[source]
        source: io::Error,
    },
    /// Other users have permissions on the file. A user who read it can sign tokens of this issuer.
    #[error("the key file {} can be read by other users (mode {mode:03o})", file.display())]
    InsecureMode {
        /// The file.
        file: PathBuf,
        /// Its permissions.
        mode: u32,
    },
    /// Other users can replace the files in the directory, and so choose the key.
    #[error("other users can replace the files in {} (mode {mode:04o})", dir.display())]
    InsecureDirectory {
        /// The directory of the file.
        dir: PathBuf,
        /// Its permissions.
        mode: u32,
    },
    /// The file belongs to another user, who may have placed it there to have it imported.
    #[error("the key file {} belongs to another user ({owner})", file.display())]
    WrongOwner {
        /// The file.
        file: PathBuf,
        /// The user's id.
        owner: u32,
    },
    /// The file contains no key, a key for another algorithm, or a weak one.
    #[error("the key in {} cannot be used for signing", file.display())]
    InvalidKey {
        /// The file.
        file: PathBuf,
        /// What is wrong with the key.
        #[source]
        source: KeyError,
    },
}

impl KeyFileError {
    fn new(error: SecretFileError, file: &Path) -> Self {
        let file = file.to_owned();
        match error {
            SecretFileError::Unreadable(source) => Self::Unreadable { file, source },
            SecretFileError::InsecureMode(mode) => Self::InsecureMode { file, mode },
            SecretFileError::InsecureDirectory { dir, mode } => Self::InsecureDirectory { dir, mode },
            SecretFileError::WrongOwner(owner) => Self::WrongOwner { file, owner },
        }
    }

    /// What to do about it, if the next key must be for `algorithm`.
    pub(crate) fn hint(&self, format: KeyFormat, algorithm: Algorithm) -> String {
        match self {
            Self::Unreadable { file, source } => path_hint(file, source)
                .unwrap_or_else(|| "make it readable for the user that runs the server".to_owned()),
            Self::InsecureMode { .. } => {
                "if no other user may have read it, chmod 600 it; otherwise generate another key".to_owned()
            }
            Self::InsecureDirectory { .. } => {
                "chmod o-w the directory, or keep the file in another one".to_owned()
            }
            Self::WrongOwner { .. } => "chown it to the user that runs the server".to_owned(),
            Self::InvalidKey { source: KeyError::SecretTooShort(_), .. } => {
                "a short secret can be guessed from one token: replace it in the application, and import the new one"
                    .to_owned()
            }
            Self::InvalidKey { .. } if format == KeyFormat::SharedSecret && !algorithm.is_symmetric() => format!(
                "this installation signs with {algorithm}; one with shared secrets has algorithm = \"HS256\" before its \
                 first start"
            ),
            Self::InvalidKey { .. } => {
                format!("the next key must be for {algorithm}, as PEM `PRIVATE KEY` or private JWK")
            }
        }
    }
}

/// Reads the key for `algorithm` in `file`, which only its owner and its group may be able to read.
pub(crate) fn read(file: &Path, format: KeyFormat, algorithm: Algorithm) -> Result<SigningKey, KeyFileError> {
    let bytes = secret_file::read(file, FileOwner::Trusted, MAX_LENGTH)
        .map_err(|error| KeyFileError::new(error, file))?;
    parse(&bytes, format, algorithm)
        .map_err(|source| KeyFileError::InvalidKey { file: file.to_owned(), source })
}

/// The key in the content of a key file.
pub(crate) fn parse(
    content: &Secret<Vec<u8>>,
    format: KeyFormat,
    algorithm: Algorithm,
) -> Result<SigningKey, KeyError> {
    match format {
        KeyFormat::PrivateKey => parse_private_key(content, algorithm),
        KeyFormat::SharedSecret => parse_shared_secret(content, algorithm),
    }
}

/// The bytes without one newline at their end, as editors add it.
fn parse_shared_secret(content: &Secret<Vec<u8>>, algorithm: Algorithm) -> Result<SigningKey, KeyError> {
    if !algorithm.is_symmetric() {
        return Err(KeyError::WrongAlgorithm);
    }
    let bytes = content.expose();
    let line = bytes.strip_suffix(b"\n").map(|line| line.strip_suffix(b"\r").unwrap_or(line));
    SigningKey::from_secret_bytes(algorithm, line.unwrap_or(bytes))
}

/// JSON begins with a brace, and PEM does not.
fn parse_private_key(text: &Secret<Vec<u8>>, algorithm: Algorithm) -> Result<SigningKey, KeyError> {
    let bytes = text.expose().trim_ascii();
    if bytes.starts_with(b"{") {
        return SigningKey::from_private_jwk(bytes, Some(algorithm));
    }
    let pem = std::str::from_utf8(bytes).map_err(|_| KeyError::NotPem("PRIVATE KEY"))?;
    SigningKey::from_pem(algorithm, pem)
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use counterfoil_test_support::skip;

    use super::*;

    fn parsed(text: &str, algorithm: Algorithm) -> Result<String, KeyError> {
        parse(&Secret::new(text.into()), KeyFormat::PrivateKey, algorithm).map(|key| key.kid().to_owned())
    }

    #[test]
    fn pem_and_jwk_are_read() {
        let key = SigningKey::generate(Algorithm::Es256).unwrap();
        let (pem, jwk) = (key.to_private_pem().unwrap(), key.to_private_jwk());

        assert_eq!(parsed(pem.expose(), Algorithm::Es256).unwrap(), key.kid());
        assert_eq!(parsed(&format!("\n{}\n", jwk.expose()), Algorithm::Es256).unwrap(), key.kid());
        assert_eq!(parsed(jwk.expose(), Algorithm::Ed25519).unwrap_err(), KeyError::WrongAlgorithm);
        assert!(parsed(pem.expose(), Algorithm::Ed25519).is_err());
        assert!(parsed("", Algorithm::Es256).is_err());
    }

    #[test]
    fn a_shared_secret_is_the_bytes_without_one_newline() {
        let kid = |bytes: &[u8], algorithm| {
            let content = Secret::new(bytes.to_vec());
            parse(&content, KeyFormat::SharedSecret, algorithm).map(|key| key.kid().to_owned())
        };
        let secret = b"0123456789abcdef 0123456789abcde".to_vec();
        let expected = kid(&secret, Algorithm::Hs256).unwrap();
        for newline in ["\n", "\r\n"] {
            let line = [&secret[..], newline.as_bytes()].concat();
            assert_eq!(kid(&line, Algorithm::Hs256).as_ref(), Ok(&expected));
        }
        assert_ne!(kid(&[&secret[..], b"\n\n"].concat(), Algorithm::Hs256).as_ref(), Ok(&expected));
        assert_eq!(kid(&secret[1..], Algorithm::Hs256), Err(KeyError::SecretTooShort(32)));
        assert_eq!(kid(&secret, Algorithm::Es256), Err(KeyError::WrongAlgorithm));
    }

    #[test]
    fn a_weak_key_is_refused() {
        let short = r#"{"kty":"oct","k":"AAECAwQFBgcICQoLDA0ODw"}"#;
        assert_eq!(parsed(short, Algorithm::Hs256).unwrap_err(), KeyError::SecretTooShort(32));

        let mut openssl = Command::new("openssl");
        openssl.args(["genpkey", "-quiet", "-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:1024"]);
        let Ok(generated) = openssl.output() else { return skip("`openssl` is not installed") };
        assert!(generated.status.success(), "{generated:?}");
        let pem = String::from_utf8(generated.stdout).unwrap();
        assert!(parsed(&pem, Algorithm::Rs256).is_err(), "1024 bits");
    }
}
