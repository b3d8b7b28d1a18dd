//! The records of the golden database.

use std::borrow::Cow;
use std::net::IpAddr;
use std::time::Duration;

use counterfoil_core::credentials::admin_key::{AdminKeyHash, AdminKeyId};
use counterfoil_core::credentials::password::PasswordHash;
use counterfoil_core::credentials::refresh_token::{RefreshTokenKeyId, Salt};
use counterfoil_core::credentials::session_token::TokenHash;
use counterfoil_core::model::admin_key::{AdminKeyRecord, KeyCreator};
use counterfoil_core::model::audit_event::{Actor, AuditEvent, AuditEventKind};
use counterfoil_core::model::client::{Client, Lifetimes};
use counterfoil_core::model::key::{KeyPurpose, KeyRecord, KeyState};
use counterfoil_core::model::session::{ClientInfo, EndReason, Mode, Session, SessionCredential, SessionEnd};
use counterfoil_core::model::user::User;
use counterfoil_core::store::{CounterKey, CounterValue};
use counterfoil_jose::Time;
use counterfoil_verify::{
    ClientId, RevocationEntry, RevocationLogId, RevocationPosition, RevocationSubject, SessionId, TokenId,
    UserId,
};

pub(crate) const NOON: Time = Time::from_unix_seconds(1_764_000_000);
pub(crate) const MINUTE: Duration = Duration::from_secs(60);
pub(crate) const DAY: Duration = Duration::from_secs(86_400);

/// The newest time of all records.
pub(crate) fn newest_time() -> Time {
    NOON + 10 * MINUTE
}

pub(crate) fn revocation_log_id() -> RevocationLogId {
    RevocationLogId::from_bytes([9; 16])
}

/// The position before the first entry of the golden revocation log.
pub(crate) fn start_position() -> RevocationPosition {
    RevocationPosition::new(1_900_000_000_000)
}

/// The position `steps` after the start.
pub(crate) fn position(steps: u64) -> RevocationPosition {
    RevocationPosition::new(start_position().number() + steps)
}

fn client_info() -> ClientInfo {
    ClientInfo { ip: Some("2001:db8::7".parse::<IpAddr>().unwrap()), user_agent: Some("Mozilla/5.0".into()) }
}

pub(crate) fn user_id(number: u8) -> UserId {
    UserId::from_bytes([number; 16])
}

/// An administrator with a password and a verified email address, and a disabled user without them.
pub(crate) fn users() -> [User; 2] {
    let ada = User {
        id: user_id(1),
        username: "Ada".parse().unwrap(),
        external_id: None,
        application_epoch: None,
        // `v1.db` has `Ada@example.org`; the first start gives it its canonical form.
        email: Some("ada@example.org".into()),
        email_verified: true,
        password: Some(PasswordHash::from_stored("$argon2id$v=19$m=19456,t=2,p=1$c2FsdHNhbHQ$aGFzaA".into())),
        password_change_required: false,
        roles: vec!["admin".into(), "editor".into()],
        disabled_at: None,
        epoch: 3,
        cutoff: RevocationPosition::new(1_763_000_000_001),
        created_at: NOON,
        revision: 5,
    };
    let bob = User {
        id: user_id(2),
        username: "Bob".parse().unwrap(),
        external_id: None,
        application_epoch: None,
        email: None,
        email_verified: false,
        password: None,
        password_change_required: false,
        roles: Vec::new(),
        disabled_at: Some(NOON + MINUTE),
        epoch: 0,
        cutoff: RevocationPosition::START,
        created_at: NOON,
        revision: 0,
    };
    [ada, bob]
}

pub(crate) fn client_id() -> ClientId {
    "shop".parse().unwrap()
}

/// A client with restrictions. The other client is the default one.
pub(crate) fn client() -> Client {
    Client {
        id: client_id(),
        name: "The shop".into(),
        modes: vec![Mode::Session, Mode::Jwt, Mode::Hybrid],
        audiences: Some(vec!["https://shop.example".into()]),
        scopes: Some(vec!["orders:read".into(), "orders:write".into()]),
        lifetimes: Lifetimes {
            session_idle: 11,
            session_absolute: 12,
            jwt: 13,
            access: 14,
            refresh_idle: 15,
            refresh_absolute: 16,
        },
        enabled: false,
        cutoff: RevocationPosition::new(1_763_000_000_002),
        revision: 7,
    }
}

/// A key in each state, and for each purpose.
pub(crate) fn keys() -> Vec<KeyRecord> {
    let states = [KeyState::Next, KeyState::Current, KeyState::Retired, KeyState::Removed, KeyState::Revoked];
    let of_state = |(number, state): (u64, KeyState)| KeyRecord {
        id: format!("key-{number}").parse().unwrap(),
        purpose: if number % 2 == 0 { KeyPurpose::Signing } else { KeyPurpose::RefreshToken },
        algorithm: if number % 2 == 0 { "ES256" } else { "HS256" }.into(),
        sealed: if number < 3 { vec![number as u8; 40] } else { Vec::new() },
        state,
        created_at: NOON + Duration::from_secs(number),
        changed_at: NOON + MINUTE,
        activated_at: (number != 4).then_some(NOON + 2 * MINUTE),
        revision: number,
    };
    (0..).zip(states).map(of_state).collect()
}

pub(crate) fn admin_keys() -> Vec<AdminKeyRecord> {
    let key = |number: u8, created_by| AdminKeyRecord {
        id: AdminKeyId::from_bytes([number; 16]),
        name: format!("key {number}"),
        key_hash: AdminKeyHash::from_bytes([number; 32]),
        created_by,
        created_at: NOON + Duration::from_secs(number.into()),
    };
    vec![key(1, KeyCreator::User(user_id(1))), key(2, KeyCreator::Operator)]
}

fn session(number: u8, credential: SessionCredential) -> Session {
    Session {
        id: SessionId::from_bytes([number; 16]),
        user: user_id(1),
        client: client_id(),
        credential,
        authenticated_at: NOON + Duration::from_secs(number.into()),
        amr: vec!["pwd".into()],
        acr: None,
        seen_at: NOON + MINUTE,
        idle: DAY,
        expires_at: NOON + 30 * DAY,
        pos: RevocationPosition::new(1_950_000_000_000),
        scope: Some("orders:read".into()),
        audience: None,
        client_info: client_info(),
        label: Some("Laptop".into()),
        status_index: None,
        ended: None,
        revision: 4,
    }
}

/// A session of each mode.
pub(crate) fn active_sessions() -> [Session; 3] {
    let refresh = SessionCredential::Refresh {
        key_id: RefreshTokenKeyId::from_bytes([6; 8]),
        salt: Salt::from_bytes([5; 16]),
        counter: 42,
        rotated_at: NOON + MINUTE,
    };
    let anonymous = ClientInfo { ip: None, user_agent: None };
    let jwt = Session {
        scope: None,
        label: None,
        client_info: anonymous,
        ..session(2, SessionCredential::AccessOnly)
    };
    [session(1, SessionCredential::Cookie(TokenHash::from_bytes([8; 32]))), jwt, session(3, refresh)]
}

/// A session that ended for each reason.
pub(crate) fn ended_sessions() -> Vec<Session> {
    let of_reason = |(number, reason)| Session {
        ended: Some(SessionEnd { at: NOON + 5 * MINUTE, reason }),
        ..session(number, SessionCredential::AccessOnly)
    };
    (100..).zip(end_reasons()).map(of_reason).collect()
}

/// Every reason of schema version 1.
fn end_reasons() -> impl Iterator<Item = EndReason> {
    let is_of_version_1 = |reason: &EndReason| *reason != EndReason::UserChanged && !reason.is_expiry();
    EndReason::ALL.into_iter().filter(is_of_version_1)
}

/// The members of the data of the first session.
pub(crate) fn session_data() -> serde_json::Map<String, serde_json::Value> {
    let data = serde_json::json!({ "cart": [1, 2.5, { "sku": "ü" }], "": true });
    data.as_object().unwrap().clone()
}

/// An entry of the revocation log for each kind of subject, with its reason.
pub(crate) fn revocations() -> Vec<(RevocationEntry, EndReason)> {
    let subjects = [
        RevocationSubject::Session(SessionId::from_bytes([100; 16])),
        RevocationSubject::User(user_id(2)),
        RevocationSubject::Token(TokenId::from_bytes([7; 16])),
        RevocationSubject::Client(client_id()),
        RevocationSubject::Key("key-4".parse().unwrap()),
        RevocationSubject::Everyone,
    ];
    let entry = |(step, subject): (u64, RevocationSubject)| {
        let until = (!matches!(subject, RevocationSubject::Key(_))).then_some(NOON + DAY);
        RevocationEntry { position: position(step), subject, until }
    };
    (1..).zip(subjects).map(entry).zip(end_reasons()).collect()
}

/// An event of each kind of schema version 1, the oldest first, with each kind of actor.
pub(crate) fn audit_events() -> Vec<AuditEvent> {
    let actors = [
        Actor::Anonymous,
        Actor::User(user_id(1)),
        Actor::AdminKey(AdminKeyId::from_bytes([2; 16])),
        Actor::Operator,
        Actor::System,
    ];
    let event = |(index, (kind, actor)): (usize, (&AuditEventKind, &Actor))| AuditEvent {
        at: NOON + 10 * MINUTE,
        kind: *kind,
        user: (index % 2 == 0).then(|| user_id(1)),
        session: (index % 3 == 0).then(|| SessionId::from_bytes([1; 16])),
        client: (index % 4 == 0).then(client_id),
        actor: actor.clone(),
        reason: end_reasons().nth(index),
        client_info: if index % 2 == 0 { client_info() } else { ClientInfo::default() },
        detail: (index % 5 == 0).then_some(Cow::Borrowed("a detail")),
    };
    let later = [
        AuditEventKind::ExternalIdChanged,
        AuditEventKind::RateLimitReleased,
        AuditEventKind::SessionExpired,
        AuditEventKind::VerifierKeyCreated,
        AuditEventKind::VerifierKeyRemoved,
    ];
    let kinds = AuditEventKind::ALL.iter().filter(|kind| !later.contains(kind));
    kinds.zip(actors.iter().cycle()).enumerate().map(event).collect()
}

pub(crate) fn counter() -> (CounterKey, CounterValue) {
    (CounterKey("a counter".into()), CounterValue { count: 17, resets_at: NOON + DAY })
}

/// The name and the value of an entry of the metadata.
pub(crate) const METADATA: (&str, &[u8]) = ("golden", &[0, 1, 255]);
