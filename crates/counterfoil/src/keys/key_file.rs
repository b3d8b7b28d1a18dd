//! A signing key in a file, as an operator brings it: PKCS#8 as PEM, or a private JWK.

use std::io;
use std::path::{Path, PathBuf};

use counterfoil_jose::{Algorithm, KeyError, Secret, SigningKey};

use crate::fs::secret_file::{self, Refused, Whose};

/// More than the longest key has, RSA of 8192 bits as a JWK.
const LONGEST: u64 = 64 * 1024;

/// The file holds no key that could be taken in.
#[derive(Debug, thiserror::Error)]
pub(crate) enum KeyFileError {
    /// It does not open, or is no file.
    #[error("the key file {} cannot be read", file.display())]
    Unreadable {
        /// Which file.
        file: PathBuf,
        /// What the system says.
        #[source]
        source: io::Error,
    },
    /// Others can read it: whoever did signs in our name.
    #[error("the key file {} can be read by others (mode {mode:03o})", file.display())]
    Exposed {
        /// Which file.
        file: PathBuf,
        /// Its permissions.
        mode: u32,
    },
    /// It is the file of somebody who may have put it there for us.
    #[error("the key file {} is of another user ({owner})", file.display())]
    Foreign {
        /// Which file.
        file: PathBuf,
        /// Whose.
        owner: u32,
    },
    /// No key, one for another algorithm, or a weak one.
    #[error("the key in {} cannot sign here", file.display())]
    Unfit {
        /// Which file.
        file: PathBuf,
        /// What is wrong with it.
        #[source]
        source: KeyError,
    },
}

impl KeyFileError {
    fn of(refused: Refused, file: &Path) -> Self {
        let file = file.to_owned();
        match refused {
            Refused::Unreadable(source) => Self::Unreadable { file, source },
            Refused::Exposed(mode) => Self::Exposed { file, mode },
            Refused::Foreign(owner) => Self::Foreign { file, owner },
        }
    }

    /// What to do about it, where the next key is for `algorithm`.
    pub(crate) fn hint(&self, algorithm: Algorithm) -> String {
        match self {
            Self::Unreadable { .. } => "make it readable for the user that the server runs as".to_owned(),
            Self::Exposed { .. } => {
                "if nobody else may have read it, chmod 600 it; else make another".to_owned()
            }
            Self::Foreign { .. } => "chown it to the user that the server runs as".to_owned(),
            Self::Unfit { .. } => {
                format!("the next key is for {algorithm}: bring one as PEM `PRIVATE KEY` or private JWK")
            }
        }
    }
}

/// The key in `file`, which has to be readable for its owner alone, for `algorithm`.
pub(crate) fn read(file: &Path, algorithm: Algorithm) -> Result<SigningKey, KeyFileError> {
    let bytes =
        secret_file::read(file, Whose::Ours, LONGEST).map_err(|refused| KeyFileError::of(refused, file))?;
    parse(&bytes, algorithm).map_err(|source| KeyFileError::Unfit { file: file.to_owned(), source })
}

/// JSON begins with a brace, and PEM does not.
fn parse(text: &Secret<Vec<u8>>, algorithm: Algorithm) -> Result<SigningKey, KeyError> {
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

    use super::*;

    fn parsed(text: &str, algorithm: Algorithm) -> Result<String, KeyError> {
        parse(&Secret::new(text.into()), algorithm).map(|key| key.kid().to_owned())
    }

    #[test]
    fn a_key_is_read_in_both_of_its_forms() {
        let key = SigningKey::generate(Algorithm::Es256).unwrap();
        let (pem, jwk) = (key.to_private_pem().unwrap(), key.to_private_jwk());

        assert_eq!(parsed(pem.expose(), Algorithm::Es256).unwrap(), key.kid());
        assert_eq!(parsed(&format!("\n{}\n", jwk.expose()), Algorithm::Es256).unwrap(), key.kid());
        assert_eq!(parsed(jwk.expose(), Algorithm::Ed25519).unwrap_err(), KeyError::WrongAlgorithm);
        assert!(parsed(pem.expose(), Algorithm::Ed25519).is_err());
        assert!(parsed("", Algorithm::Es256).is_err());
    }

    #[test]
    fn a_weak_key_is_refused() {
        let short = r#"{"kty":"oct","k":"AAECAwQFBgcICQoLDA0ODw"}"#;
        assert_eq!(parsed(short, Algorithm::Hs256).unwrap_err(), KeyError::ShortSecret(32));

        let mut openssl = Command::new("openssl");
        openssl.args(["genpkey", "-quiet", "-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:1024"]);
        let Ok(made) = openssl.output() else {
            return counterfoil_test_support::skip("openssl is not installed");
        };
        assert!(made.status.success(), "{made:?}");
        let pem = String::from_utf8(made.stdout).unwrap();
        assert!(parsed(&pem, Algorithm::Rs256).is_err(), "1024 bits");
    }
}
