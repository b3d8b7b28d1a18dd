//! The refresh token: a client of mode `hybrid` exchanges it for the next pair of tokens.

use std::fmt;
use std::str::FromStr;

use counterfoil_jose::random::{self, RandomUnavailable};
use counterfoil_jose::{HmacKey, Secret, base64url, constant_time};
use counterfoil_verify::SessionId;

use crate::credentials::MalformedCredential;

/// `cfr_<session>.<counter>.<mac>`: the session, the rotation counter, and a MAC that only the server can
/// compute.
///
/// The MAC is HMAC-SHA256 with a key that is stored sealed, over a salt that is stored with the session. So
/// every refresh token that was ever issued is recognized without storing it, a lost response can be repeated
/// byte for byte, and a thief of the store alone cannot forge a token.
#[derive(Clone)]
pub struct RefreshToken {
    session: SessionId,
    counter: u64,
    mac: Secret<[u8; 32]>,
}

impl RefreshToken {
    /// The prefix of every refresh token.
    pub const PREFIX: &'static str = "cfr_";

    /// The token with this counter: always the same text for the same key, salt, session and counter.
    pub fn new(key: &RefreshTokenKey, salt: &Salt, session: SessionId, counter: u64) -> Self {
        Self { session, counter, mac: Secret::new(key.mac(salt, session, counter)) }
    }

    /// The session that the token claims. It proves nothing.
    pub fn session(&self) -> SessionId {
        self.session
    }

    /// The counter that the token claims.
    pub fn counter(&self) -> u64 {
        self.counter
    }

    /// Whether the MAC was computed with this key and this salt. Takes the same time either way.
    pub fn has_valid_mac(&self, key: &RefreshTokenKey, salt: &Salt) -> bool {
        constant_time::equal(self.mac.expose(), &key.mac(salt, self.session, self.counter))
    }
}

impl fmt::Display for RefreshToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{}{}.{}.{}",
            Self::PREFIX,
            self.session,
            self.counter,
            base64url::encode(self.mac.expose())
        )
    }
}

impl FromStr for RefreshToken {
    type Err = MalformedCredential;

    fn from_str(text: &str) -> Result<Self, MalformedCredential> {
        let mut parts = text.strip_prefix(Self::PREFIX).ok_or(MalformedCredential)?.split('.');
        let (Some(session), Some(counter), Some(mac), None) =
            (parts.next(), parts.next(), parts.next(), parts.next())
        else {
            return Err(MalformedCredential);
        };
        Ok(Self {
            session: session.parse().map_err(|_| MalformedCredential)?,
            counter: canonical_number(counter).ok_or(MalformedCredential)?,
            mac: Secret::new(base64url::decode_exact(mac).map_err(|_| MalformedCredential)?),
        })
    }
}

/// Parses a number in its only form: no sign and no leading zeros.
fn canonical_number(text: &str) -> Option<u64> {
    let number: u64 = text.parse().ok()?;
    (number.to_string() == text).then_some(number)
}

impl fmt::Debug for RefreshToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RefreshToken({}, counter {})", self.session, self.counter)
    }
}

/// The salt of one session's refresh tokens: 16 random bytes, stored with the session.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Salt([u8; 16]);

impl Salt {
    /// Generates a salt.
    ///
    /// # Errors
    ///
    /// If the operating system provides no randomness.
    pub fn generate() -> Result<Self, RandomUnavailable> {
        random::bytes().map(Self)
    }

    /// The salt with these bytes, as read from a store.
    pub const fn from_bytes(bytes: [u8; 16]) -> Self {
        Self(bytes)
    }

    /// The bytes, as a store saves them.
    pub const fn as_bytes(&self) -> &[u8; 16] {
        &self.0
    }
}

/// The id of the key that computes the MACs of a session. After a rotation, older keys are kept for the
/// sessions that use them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct RefreshTokenKeyId([u8; 8]);

impl RefreshTokenKeyId {
    /// The id with these bytes.
    pub const fn from_bytes(bytes: [u8; 8]) -> Self {
        Self(bytes)
    }

    /// The bytes, as a store saves them.
    pub const fn as_bytes(&self) -> &[u8; 8] {
        &self.0
    }
}

/// The MAC key of refresh tokens. It is stored sealed, so that a thief of the store cannot read it.
pub struct RefreshTokenKey {
    id: RefreshTokenKeyId,
    key: HmacKey,
}

impl RefreshTokenKey {
    /// The key with this id and this secret.
    pub fn new(id: RefreshTokenKeyId, key: &Secret<[u8; 32]>) -> Self {
        Self { id, key: HmacKey::new(key.expose()) }
    }

    /// The id of the key.
    pub fn id(&self) -> RefreshTokenKeyId {
        self.id
    }

    /// `HMAC-SHA256(key, "cfr1" ‖ key id ‖ salt ‖ session ‖ counter as 8 bytes)`. Every part has a fixed
    /// length, so different inputs never give the same message.
    fn mac(&self, salt: &Salt, session: SessionId, counter: u64) -> [u8; 32] {
        self.mac_of(b"cfr1", &[&salt.0, session.as_bytes(), &counter.to_be_bytes()])
    }

    /// `HMAC-SHA256(key, label ‖ key id ‖ parts)`. Each kind of credential has a label of its own, and all its parts but the
    /// last have a fixed length.
    pub(crate) fn mac_of(&self, label: &[u8; 4], parts: &[&[u8]]) -> [u8; 32] {
        self.key.mac(&[&[label.as_slice(), &self.id.0], parts].concat())
    }
}

impl fmt::Debug for RefreshTokenKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RefreshTokenKey({:?})", self.id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: SessionId = SessionId::from_bytes([9; 16]);
    const SALT: Salt = Salt::from_bytes([3; 16]);

    fn key(byte: u8) -> RefreshTokenKey {
        RefreshTokenKey::new(RefreshTokenKeyId::from_bytes([byte; 8]), &Secret::new([byte; 32]))
    }

    #[test]
    fn a_token_is_the_same_text_every_time() {
        let first = RefreshToken::new(&key(1), &SALT, ID, 5).to_string();

        assert_eq!(first, RefreshToken::new(&key(1), &SALT, ID, 5).to_string());
    }

    #[test]
    fn a_mac_is_valid_only_for_its_counter_session_salt_and_key() {
        let token = RefreshToken::new(&key(1), &SALT, ID, 5);
        assert!(token.has_valid_mac(&key(1), &SALT));

        assert!(!token.has_valid_mac(&key(2), &SALT));
        assert!(!token.has_valid_mac(&key(1), &Salt::from_bytes([4; 16])));
        assert!(!RefreshToken { counter: 6, ..token.clone() }.has_valid_mac(&key(1), &SALT));
        let other = SessionId::from_bytes([8; 16]);
        assert!(!RefreshToken { session: other, ..token }.has_valid_mac(&key(1), &SALT));
    }

    #[test]
    fn only_the_canonical_text_of_a_refresh_token_parses() {
        let text = RefreshToken::new(&key(1), &SALT, ID, 5).to_string();
        assert_eq!(text.parse::<RefreshToken>().unwrap().to_string(), text);

        for bad in [".5.", ".05.", ".+5.", ".-5.", ".5 .", "..", ".18446744073709551616.", ".٥."] {
            assert_eq!(text.replace(".5.", bad).parse::<RefreshToken>().is_ok(), bad == ".5.", "{bad}");
        }
        assert!(format!("{text}.").parse::<RefreshToken>().is_err());
    }
}
