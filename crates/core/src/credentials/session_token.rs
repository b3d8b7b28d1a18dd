//! The session token: what the client carries in mode `session`.

use std::fmt;
use std::str::FromStr;

use counterfoil_jose::random::{self, Unavailable};
use counterfoil_jose::{Secret, base64url, constant_time, digest};
use counterfoil_verify::SessionId;

use crate::credentials::MalformedCredential;

/// `cfs_<session>.<secret>`: an id to find the record by, and 32 random bytes that prove the right to it.
///
/// The prefix tells a secret scanner what leaked. `Display` is the one way out, `FromStr` the one way in,
/// and only the canonical text parses. `Debug` shows the id alone.
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
    /// What every session token begins with.
    pub const PREFIX: &'static str = "cfs_";

    /// Draws a new secret for `session`.
    ///
    /// # Errors
    ///
    /// If the system has no randomness to give; nothing weaker takes its place.
    pub fn generate(session: SessionId) -> Result<Self, Unavailable> {
        Ok(Self { session, secret: Secret::new(random::bytes()?) })
    }

    /// The session that it claims to belong to. Public; proves nothing.
    pub fn session(&self) -> SessionId {
        self.session
    }

    /// What we keep of it: a stolen store shows no usable cookie.
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
        let (session, secret) = text
            .strip_prefix(Self::PREFIX)
            .and_then(|rest| rest.split_once('.'))
            .ok_or(MalformedCredential)?;
        Ok(Self {
            session: session.parse().map_err(|_| MalformedCredential)?,
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
/// The secret has 256 bits of its own, so the digest needs neither salt nor slowness.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TokenHash([u8; 32]);

impl TokenHash {
    /// The digest with these bytes, as a store kept them.
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// The bytes, as a store keeps them.
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// Whether this is the digest of `presented`. Takes the same time either way.
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
    fn debug_shows_no_secret() {
        let token = SessionToken::generate(ID).unwrap();
        let text = token.to_string();
        let (_, secret) = text.split_once('.').unwrap();

        assert!(!format!("{token:?}").contains(secret));
    }
}
