//! The probe: a short-lived credential with which a program asks a server what it sees of the program's own requests.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use counterfoil_jose::random::{self, RandomUnavailable};
use counterfoil_jose::{Secret, Time, base64url, constant_time};

use crate::credentials::MalformedCredential;
use crate::credentials::refresh_token::RefreshTokenKey;

/// How long a probe can be used.
pub const PROBE_LIFETIME: Duration = Duration::from_secs(600);

/// `cfd_<end, random bytes and mac>`: lets its holder ask what the server sees of the holder's own requests.
///
/// What a server sees has the addresses of its proxies, so not every client gets it. A deployment that is examined may send
/// requests to a wrong place, so the credential for it does nothing else and ends after ten minutes: an admin key would be
/// a loss. The MAC is HMAC-SHA256 with a refresh token key: nothing is stored, and every node accepts it.
#[derive(Clone)]
pub struct DoctorProbe {
    expires_at: Time,
    id: [u8; 8],
    mac: Secret<[u8; 32]>,
}

impl DoctorProbe {
    /// The prefix of every probe.
    pub const PREFIX: &'static str = "cfd_";

    /// Generates a probe that can be used for [`PROBE_LIFETIME`].
    ///
    /// # Errors
    ///
    /// If the operating system provides no randomness.
    pub fn generate(key: &RefreshTokenKey, now: Time) -> Result<Self, RandomUnavailable> {
        let unsigned =
            Self { expires_at: now + PROBE_LIFETIME, id: random::bytes()?, mac: Secret::new([0; 32]) };
        let mac = Secret::new(unsigned.compute_mac(key));
        Ok(Self { mac, ..unsigned })
    }

    /// When it ends.
    pub fn expires_at(&self) -> Time {
        self.expires_at
    }

    /// Whether it can be used now. The MAC is compared in the same time either way.
    pub fn is_valid<'a>(&self, keys: impl IntoIterator<Item = &'a RefreshTokenKey>, now: Time) -> bool {
        let is_authentic =
            |key: &RefreshTokenKey| constant_time::equal(self.mac.expose(), &self.compute_mac(key));
        now < self.expires_at && keys.into_iter().any(is_authentic)
    }

    fn compute_mac(&self, key: &RefreshTokenKey) -> [u8; 32] {
        key.mac_of(b"cfd1", &[&self.expires_at.unix_ms().to_be_bytes(), &self.id])
    }
}

impl fmt::Display for DoctorProbe {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let end = self.expires_at.unix_ms().to_be_bytes();
        let parts = [end.as_slice(), &self.id, self.mac.expose()].concat();
        write!(f, "{}{}", Self::PREFIX, base64url::encode(parts))
    }
}

impl FromStr for DoctorProbe {
    type Err = MalformedCredential;

    fn from_str(text: &str) -> Result<Self, MalformedCredential> {
        let rest = text.strip_prefix(Self::PREFIX).ok_or(MalformedCredential)?;
        let bytes: [u8; 8 + 8 + 32] = base64url::decode_exact(rest).map_err(|_| MalformedCredential)?;
        let (expires_at, rest) = bytes.split_first_chunk::<8>().ok_or(MalformedCredential)?;
        let (id, mac) = rest.split_first_chunk::<8>().ok_or(MalformedCredential)?;
        Ok(Self {
            expires_at: Time::from_unix_ms(u64::from_be_bytes(*expires_at)),
            id: *id,
            mac: Secret::new(mac.try_into().map_err(|_| MalformedCredential)?),
        })
    }
}

impl fmt::Debug for DoctorProbe {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("DoctorProbe(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::credentials::refresh_token::RefreshTokenKeyId;

    const NOON: Time = Time::from_unix_seconds(1_764_000_000);

    fn key(byte: u8) -> RefreshTokenKey {
        RefreshTokenKey::new(RefreshTokenKeyId::from_bytes([byte; 8]), &Secret::new([byte; 32]))
    }

    #[test]
    fn a_probe_is_valid_for_ten_minutes_and_with_its_own_key() {
        let (key, other) = (key(1), key(2));
        let probe: DoctorProbe = DoctorProbe::generate(&key, NOON).unwrap().to_string().parse().unwrap();

        assert!(probe.is_valid([&other, &key], NOON));
        assert!(!probe.is_valid([&other], NOON) && !probe.is_valid([], NOON));
        assert!(!probe.is_valid([&key], probe.expires_at()));
        assert_eq!(probe.expires_at(), NOON + PROBE_LIFETIME);
    }

    #[test]
    fn a_changed_probe_is_not_valid() {
        let key = key(1);
        let text = DoctorProbe::generate(&key, NOON).unwrap().to_string();

        for (at, from) in text.char_indices().skip(DoctorProbe::PREFIX.len()) {
            let to = if from == 'A' { "B" } else { "A" };
            let changed = format!("{}{to}{}", &text[..at], &text[at + 1..]);
            assert!(changed.parse::<DoctorProbe>().is_ok_and(|probe| !probe.is_valid([&key], NOON)), "{at}");
        }
        for malformed in ["", "cfd_", &text[1..], &format!("{text}A")] {
            assert!(malformed.parse::<DoctorProbe>().is_err(), "{malformed}");
        }
    }
}
