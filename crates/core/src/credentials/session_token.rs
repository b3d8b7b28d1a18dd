//! The session token: the credential of mode `session`.

use std::fmt;
use std::str::FromStr;

use counterfoil_jose::random::{self, RandomUnavailable};
use counterfoil_jose::{Secret, base64url, constant_time, digest};
use counterfoil_verify::SessionId;

use crate::credentials::MalformedCredential;

/// `cfs_<session>.<secret>`: the id of the session, and a secret of 32 random bytes.
///
/// The prefix lets secret scanners recognize a leaked token. It is written by `Display` and read by
/// `FromStr`, which accepts only the canonical text. `Debug` shows only the id.
///
/// ```
/// use counterfoil_core::credentials::session_token::SessionToken;
/// use counterfoil_verify::SessionId;
///
/// let token = SessionToken::generate(SessionId::from_bytes([7; 16]))?;
/// let presented: SessionToken = token.to_string().parse()?;
/// assert!(token.hash().matches(&presented));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct SessionToken {
    session: SessionId,
    secret: Secret<[u8; 32]>,
}

impl SessionToken {
    /// The prefix of every session token.
    pub const PREFIX: &'static str = "cfs_";

    /// Generates a secret for `session`.
    ///
    /// # Errors
    ///
    /// If the operating system provides no randomness. No weaker source is used instead.
    pub fn generate(session: SessionId) -> Result<Self, RandomUnavailable> {
        Ok(Self { session, secret: Secret::new(random::bytes()?) })
    }

    /// The session that the token claims. It proves nothing.
    pub fn session(&self) -> SessionId {
        self.session
    }

    /// The hash that is stored. A stolen store contains no usable session token.
    pub fn hash(&self) -> TokenHash {
        TokenHash(digest::sha256(self.secret.expose()))
    }
}

impl fmt::Display for SessionToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}.{}", Self::PREFIX, self.session, base64url::encode(self.secret.expose()))
    }
}

impl FromStr for SessionToken {
    type Err = MalformedCredential;

    fn from_str(text: &str) -> Result<Self, MalformedCredential> {
        let rest = text.as_bytes().strip_prefix(Self::PREFIX.as_bytes()).ok_or(MalformedCredential)?;
        let (session, rest) = rest.split_first_chunk::<22>().ok_or(MalformedCredential)?;
        let secret = rest.strip_prefix(b".").ok_or(MalformedCredential)?;
        Ok(Self {
            session: base64url::decode_exact(session)
                .map(SessionId::from_bytes)
                .map_err(|_| MalformedCredential)?,
            secret: Secret::new(base64url::decode_exact(secret).map_err(|_| MalformedCredential)?),
        })
    }
}

impl fmt::Debug for SessionToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SessionToken({})", self.session)
    }
}

/// The SHA-256 of a session token's secret.
///
/// The secret has 256 bits of entropy, so neither a salt nor a slow hash is needed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TokenHash([u8; 32]);

impl TokenHash {
    /// The hash with these bytes, as read from a store.
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// The bytes, as a store saves them.
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// A part of the hash, to distinguish the tokens of one session in memory.
    pub const fn fingerprint(&self) -> u64 {
        let [a, b, c, d, e, f, g, h, ..] = self.0;
        u64::from_be_bytes([a, b, c, d, e, f, g, h])
    }

    /// Whether `presented` has this hash. Takes the same time either way.
    pub fn matches(&self, presented: &SessionToken) -> bool {
        constant_time::equal(&self.0, &presented.hash().0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: SessionId = SessionId::from_bytes([9; 16]);

    #[test]
    fn only_the_canonical_text_of_a_session_token_parses() {
        let text = SessionToken::generate(ID).unwrap().to_string();
        assert!(text.parse::<SessionToken>().is_ok());

        for bad in [
            text.to_uppercase(),
            format!("{text}="),
            format!(" {text}"),
            text.replace('.', ""),
            text.replace("cfs_", "cfr_"),
            text[..text.len() - 1].to_owned(),
            format!("{text}A"),
            String::new(),
        ] {
            assert!(bad.parse::<SessionToken>().is_err(), "{bad}");
        }
    }

    #[test]
    fn debug_hides_the_secret() {
        let token = SessionToken::generate(ID).unwrap();
        let text = token.to_string();
        let (_, secret) = text.split_once('.').unwrap();

        assert!(!format!("{token:?}").contains(secret));
    }
}
