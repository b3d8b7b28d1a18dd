//! The form of a session in Redis: its key, and a value of some 70 bytes with a MAC.
//!
//! ```text
//!   key    cf: + the first 11 bytes of HMAC-SHA256(session id)
//!   value  revision (3 bytes, big endian, which the script compares) + fields + the first 14 bytes of a MAC
//!   mark   revision (3 bytes): values below it are not stored; the highest one: the session has ended
//! ```
//!
//! The MAC is over the session id, the hash of the token's secret and the value, under a key that is derived from the master key
//! of the installation. An attacker who can write to Redis can neither make a value nor move one to another session or secret,
//! and one who can read it learns names and roles, but nothing of a token. 112 bits are the strength that NIST SP 800-57 asks for,
//! and a value can be tried only by a request. With a key of 14 bytes and a value of up to 76, a session takes less than 200 bytes
//! of Redis: the allocator gives out multiples of 16.

use counterfoil_core::credentials::session_token::{SessionToken, TokenHash};
use counterfoil_core::model::external_id::ExternalId;
use counterfoil_core::model::session::{ClientInfo, Session, SessionCredential};
use counterfoil_core::store::session_cache::shared::{CachedSession, CachedUser};
use counterfoil_jose::{HmacKey, Time, constant_time};
use counterfoil_verify::{ClientId, RevocationPosition, SessionId, UserId};

use crate::value_bytes::{ValueReader, ValueWriter};

/// What each key begins with: an ACL of Redis can be limited to `~cf:*`.
const KEY_PREFIX: &[u8] = b"cf:";

/// Together with the prefix, 14 bytes: with its header and terminator the key fits into 16.
const KEY_HASH: usize = 11;

/// The length of a revision in a value.
const REVISION: usize = 3;

/// The length of a MAC in a value.
const MAC: usize = 14;

/// Values above this length are neither stored nor read: a user may have many roles.
const MAX_VALUE: usize = 2048;

/// The revision of the mark of an ended session. No session reaches it.
const ENDED: u32 = 0xff_ffff;

const KEY_CONTEXT: &[u8] = b"counterfoil session key 1\0";
const VALUE_CONTEXT: &[u8] = b"counterfoil session value 1\0";

/// Almost every session was opened with a password alone (`amr`, RFC 8176).
const PASSWORD_ONLY: &str = "pwd";

const OTHER_CLIENT: u8 = 1;
const OTHER_AMR: u8 = 1 << 1;
const ROLES: u8 = 1 << 2;
const SCOPE: u8 = 1 << 3;
const ACR: u8 = 1 << 4;
const EXTERNAL_ID: u8 = 1 << 5;
const EMAIL: u8 = 1 << 6;

/// What Redis has under a key.
#[derive(Debug)]
pub(crate) enum StoredValue {
    /// A session for the presented token.
    Session(Box<CachedSession>),
    /// The mark of a session that has ended or changed.
    Mark,
    /// Something else.
    Unverified,
}

/// Makes and reads keys and values.
pub(crate) struct ValueCodec(HmacKey);

impl ValueCodec {
    /// With the key of the installation.
    pub(crate) fn new(key: HmacKey) -> Self {
        Self(key)
    }

    /// The key of a session.
    pub(crate) fn key(&self, session: SessionId) -> Vec<u8> {
        let mac = self.0.mac(&[KEY_CONTEXT, session.as_bytes()]);
        [KEY_PREFIX, &mac[..KEY_HASH]].concat()
    }

    /// The mark of a session: values below this revision are not stored; with `None`, none is.
    pub(crate) fn mark(revision: Option<u64>) -> [u8; REVISION] {
        revision_bytes(revision.and_then(stored_revision).unwrap_or(ENDED))
    }

    /// The value of a session. `None` if it is too long, or holds a time that no clock shows.
    pub(crate) fn encode(&self, cached: &CachedSession) -> Option<Vec<u8>> {
        let SessionCredential::Cookie(token_hash) = cached.session.credential else { return None };
        let mut value = encode_fields(cached)?;
        let mac = self.mac(cached.session.id, &token_hash, &value);
        value.extend_from_slice(&mac);
        (value.len() <= MAX_VALUE).then_some(value)
    }

    /// Reads a value for this token.
    pub(crate) fn decode(&self, value: &[u8], presented: &SessionToken) -> StoredValue {
        if value.len() == REVISION {
            return StoredValue::Mark;
        }
        let found = self.decode_session(value, presented);
        found.map_or(StoredValue::Unverified, |session| StoredValue::Session(Box::new(session)))
    }

    fn decode_session(&self, value: &[u8], presented: &SessionToken) -> Option<CachedSession> {
        if value.len() > MAX_VALUE {
            return None;
        }
        let (fields, mac) = value.split_at_checked(value.len().checked_sub(MAC)?)?;
        let token_hash = presented.hash();
        // No field is read before this line.
        if !constant_time::equal(mac, &self.mac(presented.session(), &token_hash, fields)) {
            return None;
        }
        decode_fields(fields, presented.session(), token_hash)
    }

    /// All parts but the last have a fixed length.
    fn mac(&self, session: SessionId, token_hash: &TokenHash, fields: &[u8]) -> [u8; MAC] {
        let mac = self.0.mac(&[VALUE_CONTEXT, session.as_bytes(), token_hash.as_bytes(), fields]);
        std::array::from_fn(|index| mac[index])
    }
}

/// A revision as the script compares it. `None` if it is too high: a session is changed about once a minute, so none is.
fn stored_revision(revision: u64) -> Option<u32> {
    u32::try_from(revision).ok().filter(|revision| *revision < ENDED)
}

fn revision_bytes(revision: u32) -> [u8; REVISION] {
    let [_, a, b, c] = revision.to_be_bytes();
    [a, b, c]
}

fn encode_fields(cached: &CachedSession) -> Option<Vec<u8>> {
    let CachedSession { session, user, log_head, read_at } = cached;
    let has_other_amr = session.amr != [PASSWORD_ONLY];
    let flags = [
        (session.client != ClientId::default(), OTHER_CLIENT),
        (has_other_amr, OTHER_AMR),
        (!user.roles.is_empty(), ROLES),
        (session.scope.is_some(), SCOPE),
        (session.acr.is_some(), ACR),
        (user.external_id.is_some(), EXTERNAL_ID),
        (user.verified_email.is_some(), EMAIL),
    ];
    let flags = flags.iter().filter(|(is_set, _)| *is_set).fold(0, |flags, (_, flag)| flags | flag);

    let mut writer = ValueWriter::default();
    writer.bytes(&revision_bytes(stored_revision(session.revision)?));
    writer.bytes(&[flags]);
    writer.bytes(session.user.as_bytes());
    writer.number(read_at.unix_ms());
    // Positions are Unix milliseconds, as long as they grow no faster.
    writer.difference(read_at.unix_ms(), log_head.number());
    writer.difference(log_head.number(), session.pos.number());
    writer.difference(read_at.unix_ms(), session.seen_at.unix_ms());
    writer.difference(session.seen_at.unix_ms(), session.authenticated_at.unix_ms());
    writer.duration(session.idle)?;
    if session.expires_at < session.authenticated_at {
        return None;
    }
    writer.duration(session.expires_at.since(session.authenticated_at))?;
    writer.text(&user.username);
    if flags & OTHER_CLIENT != 0 {
        writer.text(session.client.as_str());
    }
    if has_other_amr {
        writer.texts(&session.amr);
    }
    if !user.roles.is_empty() {
        writer.texts(&user.roles);
    }
    session.scope.iter().chain(&session.acr).for_each(|text| writer.text(text));
    user.external_id.iter().for_each(|id| writer.text(&id.to_stored()));
    user.verified_email.iter().for_each(|email| writer.text(email));
    Some(writer.0)
}

fn decode_fields(fields: &[u8], id: SessionId, token_hash: TokenHash) -> Option<CachedSession> {
    let mut reader = ValueReader(fields);
    let [a, b, c] = reader.array()?;
    let revision = u32::from_be_bytes([0, a, b, c]);
    let [flags] = reader.array()?;
    let has = |flag| flags & flag != 0;
    let user = UserId::from_bytes(reader.array()?);
    let read_at = reader.number()?;
    let log_head = reader.difference(read_at)?;
    let pos = reader.difference(log_head)?;
    let seen_at = reader.difference(read_at)?;
    let authenticated_at = Time::from_unix_ms(reader.difference(seen_at)?);
    let idle = reader.duration()?;
    let expires_at = authenticated_at + reader.duration()?;
    let username = reader.text()?;
    let client = if has(OTHER_CLIENT) { reader.text()?.parse().ok()? } else { ClientId::default() };
    let amr = if has(OTHER_AMR) { reader.texts()? } else { vec![PASSWORD_ONLY.to_owned()] };
    let roles = if has(ROLES) { reader.texts()? } else { Vec::new() };
    let scope = if has(SCOPE) { Some(reader.text()?) } else { None };
    let acr = if has(ACR) { Some(reader.text()?) } else { None };
    let external_id = if has(EXTERNAL_ID) { Some(ExternalId::from_stored(&reader.text()?)?) } else { None };
    let verified_email = if has(EMAIL) { Some(reader.text()?) } else { None };
    let session = Session {
        id,
        user,
        client,
        credential: SessionCredential::Cookie(token_hash),
        authenticated_at,
        amr,
        acr,
        seen_at: Time::from_unix_ms(seen_at),
        idle,
        expires_at,
        pos: RevocationPosition::new(pos),
        scope,
        audience: None,
        client_info: ClientInfo::default(),
        label: None,
        status_index: None,
        ended: None,
        revision: revision.into(),
    };
    reader.0.is_empty().then_some(CachedSession {
        session,
        user: CachedUser { username, roles, external_id, verified_email },
        log_head: RevocationPosition::new(log_head),
        read_at: Time::from_unix_ms(read_at),
    })
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use counterfoil_core::store::conformance::{NOON, cookie_session};
    use proptest::prelude::*;

    use super::*;

    const ID: SessionId = SessionId::from_bytes([9; 16]);

    fn codec() -> ValueCodec {
        ValueCodec::new(HmacKey::new(&[7; 32]))
    }

    fn usual(token: &SessionToken) -> CachedSession {
        let session = Session {
            credential: SessionCredential::Cookie(token.hash()),
            authenticated_at: NOON - Duration::from_millis(20 * 86_400_000 + 123),
            seen_at: NOON - Duration::from_millis(59_321),
            expires_at: NOON - Duration::from_millis(20 * 86_400_000 + 123)
                + Duration::from_secs(30 * 86_400),
            pos: RevocationPosition::new(NOON.unix_ms() - 21 * 86_400_000),
            revision: 1234,
            ..cookie_session(token.session(), UserId::from_bytes([8; 16]))
        };
        let user = CachedUser {
            username: "lovelace".into(),
            roles: vec!["editor".into()],
            external_id: None,
            verified_email: None,
        };
        let log_head = RevocationPosition::new(NOON.unix_ms() - 40_000);
        CachedSession { session, user, log_head, read_at: NOON }
    }

    fn decoded(codec: &ValueCodec, value: &[u8], token: &SessionToken) -> Option<CachedSession> {
        match codec.decode(value, token) {
            StoredValue::Session(session) => Some(*session),
            StoredValue::Mark | StoredValue::Unverified => None,
        }
    }

    #[test]
    fn a_usual_session_takes_a_key_of_14_bytes_and_a_value_of_76_at_most() {
        let token = SessionToken::generate(ID).unwrap();
        let value = codec().encode(&usual(&token)).unwrap();

        assert_eq!(codec().key(ID).len(), 14);
        assert!(value.len() <= 76, "{}", value.len());
        assert_eq!(decoded(&codec(), &value, &token), Some(usual(&token)));
    }

    #[test]
    fn a_changed_value_or_one_of_another_session_secret_or_installation_is_refused() {
        let token = SessionToken::generate(ID).unwrap();
        let value = codec().encode(&usual(&token)).unwrap();

        for index in 0..value.len() {
            let mut changed = value.clone();
            changed[index] ^= 1;
            assert!(decoded(&codec(), &changed, &token).is_none(), "byte {index}");
            assert!(decoded(&codec(), &value[..index], &token).is_none(), "{index} bytes");
        }
        for other in [ID, SessionId::from_bytes([1; 16])] {
            let other = SessionToken::generate(other).unwrap();
            assert!(decoded(&codec(), &value, &other).is_none());
        }
        let foreign = ValueCodec::new(HmacKey::new(&[6; 32]));
        assert!(decoded(&foreign, &value, &token).is_none());
        assert_ne!(foreign.key(ID), codec().key(ID));
    }

    #[test]
    fn a_mark_is_no_session_and_the_one_of_an_end_is_above_every_revision() {
        let token = SessionToken::generate(ID).unwrap();
        assert!(matches!(codec().decode(&ValueCodec::mark(None), &token), StoredValue::Mark));
        assert!(ValueCodec::mark(None) > ValueCodec::mark(Some(u64::from(ENDED) - 1)));
        let unreachable = CachedSession {
            session: Session { revision: u64::from(ENDED), ..usual(&token).session },
            ..usual(&token)
        };
        assert_eq!(codec().encode(&unreachable), None);
    }

    proptest! {
        #[test]
        fn every_session_is_read_as_it_was_written(
            (times, texts) in (any::<[u32; 6]>(), any::<[Option<String>; 4]>()),
            (roles, amr, name) in (any::<Vec<String>>(), any::<Vec<String>>(), ".{1,60}"),
            client in "[a-z]{1,128}",
            (revision, pos) in (0..ENDED, any::<u64>()),
        ) {
            let token = SessionToken::generate(ID).unwrap();
            let time = |index: usize| Time::from_unix_ms(times[index].into());
            let duration = |index: usize| Duration::from_millis(times[index].into());
            let [scope, acr, external_id, email] = texts;
            let session = Session {
                client: client.parse().unwrap(),
                authenticated_at: time(0),
                amr,
                acr,
                seen_at: time(1),
                idle: duration(2),
                expires_at: time(0) + duration(3),
                pos: RevocationPosition::new(pos),
                scope,
                revision: revision.into(),
                ..usual(&token).session
            };
            let external_id = external_id.and_then(|id| ExternalId::from_stored(&format!("{:?}", id.len())));
            let verified_email = email;
            let user = CachedUser { username: name, roles, external_id, verified_email };
            let log_head = RevocationPosition::new(times[4].into());
            let cached = CachedSession { session, user, log_head, read_at: time(5) };

            match codec().encode(&cached) {
                Some(value) => prop_assert_eq!(decoded(&codec(), &value, &token), Some(cached)),
                None => prop_assert!(cached.user.roles.len() + cached.session.amr.len() > 4, "too long"),
            }
        }

        #[test]
        fn any_bytes_are_read_without_a_panic(bytes: Vec<u8>) {
            let token = SessionToken::generate(ID).unwrap();
            prop_assert!(decoded(&codec(), &bytes, &token).is_none());
            let _ = decode_fields(&bytes, ID, token.hash());
        }
    }
}
