//! The host token and the code that a browser exchanges for it: credentials of a login at one guarded host only.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use counterfoil_jose::random::{self, RandomUnavailable};
use counterfoil_jose::{Secret, Time, base64url, constant_time, digest};
use counterfoil_verify::SessionId;

use crate::credentials::MalformedCredential;
use crate::credentials::refresh_token::RefreshTokenKey;
use crate::credentials::session_token::TokenHash;

/// How long a code can be used.
pub const CODE_LIFETIME: Duration = Duration::from_secs(60);

/// `cfh_<session>.<end and mac>`: proves a login to one host.
///
/// The MAC is HMAC-SHA256 with a refresh token key, over the session, its present credential, the end and the origin of the host. So
/// nothing is stored for each host, a thief of the store alone cannot forge a token, the application at one host cannot use
/// it at another one, and a change of the password, which renews the credential, ends it.
#[derive(Clone)]
pub struct HostToken {
    session: SessionId,
    expires_at: Time,
    mac: Secret<[u8; 32]>,
}

/// What the MACs of a session are bound to: a digest of its present credential.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CredentialBinding([u8; 32]);

impl CredentialBinding {
    /// That of a session token, of which the hash is stored.
    pub(crate) fn of_session_token(hash: &TokenHash) -> Self {
        Self::new(0, hash.as_bytes())
    }

    /// The digest of what is stored of a credential of this kind.
    pub(crate) fn new(kind: u8, stored: &[u8]) -> Self {
        Self(digest::sha256(&[&[kind], stored].concat()))
    }
}

impl HostToken {
    /// The prefix of every host token.
    pub const PREFIX: &'static str = "cfh_";

    /// The token of a session for the host with this origin. It ends at `expires_at`, or before with its session.
    pub fn new(
        key: &RefreshTokenKey,
        (session, credential): (SessionId, CredentialBinding),
        expires_at: Time,
        origin: &str,
    ) -> Self {
        let unsigned = Self { session, expires_at, mac: Secret::new([0; 32]) };
        let mac = Secret::new(unsigned.compute_mac(key, credential, origin));
        Self { mac, ..unsigned }
    }

    /// Whether its end is reached, as the token claims.
    pub fn has_expired(&self, now: Time) -> bool {
        now >= self.expires_at
    }

    /// The session that the token claims. It proves nothing.
    pub fn session(&self) -> SessionId {
        self.session
    }

    /// Whether the MAC was computed with this key for this credential and this origin. Takes the same time either way.
    pub fn has_valid_mac(&self, key: &RefreshTokenKey, credential: CredentialBinding, origin: &str) -> bool {
        constant_time::equal(self.mac.expose(), &self.compute_mac(key, credential, origin))
    }

    fn compute_mac(&self, key: &RefreshTokenKey, credential: CredentialBinding, origin: &str) -> [u8; 32] {
        let expires_at = self.expires_at.unix_ms().to_be_bytes();
        key.mac_of(b"cfh1", &[self.session.as_bytes(), &credential.0, &expires_at, origin.as_bytes()])
    }
}

impl fmt::Display for HostToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let end_and_mac = [self.expires_at.unix_ms().to_be_bytes().as_slice(), self.mac.expose()].concat();
        write!(f, "{}{}.{}", Self::PREFIX, self.session, base64url::encode(end_and_mac))
    }
}

impl FromStr for HostToken {
    type Err = MalformedCredential;

    fn from_str(text: &str) -> Result<Self, MalformedCredential> {
        let parts = text.strip_prefix(Self::PREFIX).and_then(|rest| rest.split_once('.'));
        let (session, rest) = parts.ok_or(MalformedCredential)?;
        let bytes: [u8; 8 + 32] = base64url::decode_exact(rest).map_err(|_| MalformedCredential)?;
        let (expires_at, mac) = bytes.split_first_chunk::<8>().ok_or(MalformedCredential)?;
        Ok(Self {
            session: session.parse().map_err(|_| MalformedCredential)?,
            expires_at: Time::from_unix_ms(u64::from_be_bytes(*expires_at)),
            mac: Secret::new(mac.try_into().map_err(|_| MalformedCredential)?),
        })
    }
}

impl fmt::Debug for HostToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "HostToken({})", self.session)
    }
}

/// The random value that a host keeps in a cookie of the browser from the start of a login to its end.
///
/// It binds the code to the browser: without it an attacker could log the user in as the attacker, with a link that has a code
/// of the attacker.
#[derive(Clone, PartialEq, Eq)]
pub struct LoginState([u8; 16]);

impl LoginState {
    /// Generates a value.
    ///
    /// # Errors
    ///
    /// If the operating system provides no randomness.
    pub fn generate() -> Result<Self, RandomUnavailable> {
        random::bytes().map(Self)
    }

    /// Whether the two are equal. Takes the same time either way.
    pub fn matches(&self, other: &Self) -> bool {
        constant_time::equal(&self.0, &other.0)
    }
}

impl fmt::Display for LoginState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&base64url::encode(self.0))
    }
}

impl FromStr for LoginState {
    type Err = MalformedCredential;

    fn from_str(text: &str) -> Result<Self, MalformedCredential> {
        base64url::decode_exact(text).map(Self).map_err(|_| MalformedCredential)
    }
}

impl fmt::Debug for LoginState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("LoginState(..)")
    }
}

/// Whether a browser keeps the cookies of a login when it is closed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BrowserPersistence {
    /// As long as the session lives.
    Lifetime,
    /// Until the browser is closed.
    UntilClosed,
}

/// What a code is bound to besides its session: it is worthless anywhere else.
#[derive(Debug, Clone, Copy)]
pub struct CodeBinding<'a> {
    /// The browser.
    pub state: &'a LoginState,
    /// The origin of the host.
    pub origin: &'a str,
    /// Where the browser is sent afterwards: a path with or without a query.
    pub target: &'a str,
}

/// The code that the issuer hands to a host through the browser.
///
/// It is not stored: it carries its session, its end and 32 random bytes, with a MAC over these, the credential of the session and
/// a [`CodeBinding`]. That it was used is stored, by [`digest`](Self::digest).
#[derive(Clone)]
pub struct HostLoginCode {
    session: SessionId,
    persistence: BrowserPersistence,
    expires_at: Time,
    token_expires_at: Time,
    nonce: [u8; 32],
    mac: Secret<[u8; 32]>,
}

/// The length of a code in bytes: session, persistence, its end, that of the token, random bytes, MAC.
const CODE_LENGTH: usize = 16 + 1 + 8 + 8 + 32 + 32;

impl HostLoginCode {
    /// Makes a code that ends [`CODE_LIFETIME`] after `now`, for a token that ends at `token_expires_at`.
    ///
    /// # Errors
    ///
    /// If the operating system provides no randomness.
    pub fn generate(
        key: &RefreshTokenKey,
        (session, credential): (SessionId, CredentialBinding),
        binding: CodeBinding<'_>,
        (persistence, token_expires_at): (BrowserPersistence, Time),
        now: Time,
    ) -> Result<Self, RandomUnavailable> {
        let (expires_at, nonce, mac) = (now + CODE_LIFETIME, random::bytes()?, Secret::new([0; 32]));
        let unsigned = Self { session, persistence, expires_at, token_expires_at, nonce, mac };
        let mac = Secret::new(unsigned.compute_mac(key, credential, binding));
        Ok(Self { mac, ..unsigned })
    }

    /// The session that the code claims. It proves nothing.
    pub fn session(&self) -> SessionId {
        self.session
    }

    /// Whether the browser keeps the login, as the code claims.
    pub fn persistence(&self) -> BrowserPersistence {
        self.persistence
    }

    /// When the token ends that a host gets for the code, as the code claims.
    pub fn token_expires_at(&self) -> Time {
        self.token_expires_at
    }

    /// Whether its end is reached, as the code claims.
    pub fn has_expired(&self, now: Time) -> bool {
        now >= self.expires_at
    }

    /// Whether the MAC was computed with this key for all of this. Takes the same time either way.
    pub fn has_valid_mac(
        &self,
        key: &RefreshTokenKey,
        credential: CredentialBinding,
        binding: CodeBinding<'_>,
    ) -> bool {
        constant_time::equal(self.mac.expose(), &self.compute_mac(key, credential, binding))
    }

    /// By what a used code is remembered. No code can be made from it.
    pub fn digest(&self) -> [u8; 32] {
        digest::sha256(&[self.content().as_slice(), self.mac.expose()].concat())
    }

    fn content(&self) -> Vec<u8> {
        let persistence = match self.persistence {
            BrowserPersistence::Lifetime => 0,
            BrowserPersistence::UntilClosed => 1,
        };
        let [end, token_end] =
            [self.expires_at, self.token_expires_at].map(|end| end.unix_ms().to_be_bytes());
        [self.session.as_bytes().as_slice(), &[persistence], &end, &token_end, &self.nonce].concat()
    }

    fn compute_mac(
        &self,
        key: &RefreshTokenKey,
        credential: CredentialBinding,
        binding: CodeBinding<'_>,
    ) -> [u8; 32] {
        let (origin, target) =
            (digest::sha256(binding.origin.as_bytes()), digest::sha256(binding.target.as_bytes()));
        key.mac_of(b"cfc1", &[&self.content(), &credential.0, &binding.state.0, &origin, &target])
    }
}

impl fmt::Display for HostLoginCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&base64url::encode([self.content().as_slice(), self.mac.expose()].concat()))
    }
}

impl FromStr for HostLoginCode {
    type Err = MalformedCredential;

    fn from_str(text: &str) -> Result<Self, MalformedCredential> {
        let bytes: [u8; CODE_LENGTH] = base64url::decode_exact(text).map_err(|_| MalformedCredential)?;
        let (session, rest) = bytes.split_first_chunk::<16>().ok_or(MalformedCredential)?;
        let ([persistence], rest) = rest.split_first_chunk::<1>().ok_or(MalformedCredential)?;
        let (expires_at, rest) = rest.split_first_chunk::<8>().ok_or(MalformedCredential)?;
        let (token_expires_at, rest) = rest.split_first_chunk::<8>().ok_or(MalformedCredential)?;
        let (nonce, mac) = rest.split_first_chunk::<32>().ok_or(MalformedCredential)?;
        Ok(Self {
            session: SessionId::from_bytes(*session),
            persistence: match persistence {
                0 => BrowserPersistence::Lifetime,
                1 => BrowserPersistence::UntilClosed,
                _ => return Err(MalformedCredential),
            },
            expires_at: Time::from_unix_ms(u64::from_be_bytes(*expires_at)),
            token_expires_at: Time::from_unix_ms(u64::from_be_bytes(*token_expires_at)),
            nonce: *nonce,
            mac: Secret::new(mac.try_into().map_err(|_| MalformedCredential)?),
        })
    }
}

impl fmt::Debug for HostLoginCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "HostLoginCode({})", self.session)
    }
}

#[cfg(test)]
mod tests {
    use crate::credentials::refresh_token::RefreshTokenKeyId;

    use super::*;

    const ID: SessionId = SessionId::from_bytes([9; 16]);
    const NOON: Time = Time::from_unix_seconds(1_764_000_000);
    const APP: &str = "https://app.example";

    fn key(byte: u8) -> RefreshTokenKey {
        RefreshTokenKey::new(RefreshTokenKeyId::from_bytes([byte; 8]), &Secret::new([byte; 32]))
    }

    fn credential(byte: u8) -> CredentialBinding {
        CredentialBinding::new(0, &[byte; 32])
    }

    #[test]
    fn a_token_is_valid_only_for_its_session_credential_host_and_key() {
        let token = HostToken::new(&key(1), (ID, credential(1)), NOON, APP);
        let token: HostToken = token.to_string().parse().unwrap();
        assert!(token.has_valid_mac(&key(1), credential(1), APP));

        assert!(!token.has_valid_mac(&key(2), credential(1), APP));
        assert!(!token.has_valid_mac(&key(1), credential(2), APP), "the password was changed");
        for origin in ["https://app.example:8443", "http://app.example", "https://app.example.", ""] {
            assert!(!token.has_valid_mac(&key(1), credential(1), origin), "{origin}");
        }
        let other = HostToken { session: SessionId::from_bytes([8; 16]), ..token.clone() };
        assert!(!other.has_valid_mac(&key(1), credential(1), APP));
        assert!(token.has_expired(NOON) && !token.has_expired(NOON - Duration::from_millis(1)));
        let later = HostToken { expires_at: NOON + Duration::from_secs(1), ..token };
        assert!(!later.has_valid_mac(&key(1), credential(1), APP), "its end is authentic");
    }

    #[test]
    fn a_code_is_bound_to_the_browser_the_host_and_the_target() {
        let states = [LoginState([1; 16]), LoginState([2; 16])];
        let binding = CodeBinding { state: &states[0], origin: APP, target: "/orders" };
        let bound = (ID, credential(1));
        let lifetime = (BrowserPersistence::Lifetime, NOON + CODE_LIFETIME);
        let code = HostLoginCode::generate(&key(1), bound, binding, lifetime, NOON);
        let text = code.unwrap().to_string();
        let code: HostLoginCode = text.parse().unwrap();

        assert!(code.has_valid_mac(&key(1), credential(1), binding));
        assert!(!code.has_valid_mac(&key(2), credential(1), binding));
        assert!(!code.has_valid_mac(&key(1), credential(2), binding));
        for other in [
            CodeBinding { state: &states[1], ..binding },
            CodeBinding { origin: "https://other.example", ..binding },
            CodeBinding { target: "/other", ..binding },
            CodeBinding { origin: "https://app.example/orders", target: "", ..binding },
        ] {
            assert!(!code.has_valid_mac(&key(1), credential(1), other), "{other:?}");
        }
        assert!(!code.has_expired(NOON + CODE_LIFETIME - Duration::from_millis(1)));
        assert!(code.has_expired(NOON + CODE_LIFETIME));
        let later = HostLoginCode { expires_at: code.expires_at + CODE_LIFETIME, ..code.clone() };
        assert!(!later.has_valid_mac(&key(1), credential(1), binding), "its end is authentic");
        let kept = HostLoginCode { persistence: BrowserPersistence::UntilClosed, ..code.clone() };
        assert!(!kept.has_valid_mac(&key(1), credential(1), binding));
        let longer = HostLoginCode { token_expires_at: NOON + 2 * CODE_LIFETIME, ..code.clone() };
        assert!(!longer.has_valid_mac(&key(1), credential(1), binding));
        assert_ne!(later.digest(), code.digest());
    }

    #[test]
    fn only_the_canonical_text_parses() {
        let token = HostToken::new(&key(1), (ID, credential(1)), NOON, APP).to_string();
        assert_eq!(token.parse::<HostToken>().unwrap().to_string(), token);
        for bad in ["", "cfh_", "cfs_", &token[4..], &format!("{token}."), &format!("{token}A"), &token[1..]]
        {
            assert!(bad.parse::<HostToken>().is_err(), "{bad}");
        }
        for bad in ["", "AAAA", &"A".repeat(129), &"_".repeat(130), &"A".repeat(131)] {
            assert!(bad.parse::<HostLoginCode>().is_err(), "{bad}");
            assert!(bad.parse::<LoginState>().is_err(), "{bad}");
        }
    }
}
