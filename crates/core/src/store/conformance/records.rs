//! Cases about single records: every field is read back as it was written.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;

use counterfoil_jose::Time;
use counterfoil_verify::{ClientId, KeyId, RevocationPosition, SessionId, UserId};

use crate::credentials::admin_key::{AdminKeyHash, AdminKeyId};
use crate::credentials::password::PasswordHash;
use crate::credentials::refresh_token::{RefreshTokenKeyId, Salt};
use crate::credentials::session_token::TokenHash;
use crate::model::admin_key::{AdminKeyRecord, KeyCreator};
use crate::model::audit_event::{Actor, AuditEvent, AuditEventKind};
use crate::model::client::{Client, Lifetimes};
use crate::model::external_id::ExternalId;
use crate::model::key::{KeyPurpose, KeyRecord, KeyState};
use crate::model::session::{ClientInfo, EndReason, Mode, Session, SessionCredential, SessionEnd};
use crate::model::status_index::StatusIndex;
use crate::model::user::{User, Username};
use crate::store::conformance::fixture::{
    NOON, TestRng, answer, applied, conflict, holds, session, session_id, user, user_id,
};
use crate::store::{AuditEventQuery, Change, Expectation, Page, Store};

const ROUNDS: u16 = 100;

pub(super) async fn a_new_store_has_the_default_client_and_nothing_else(store: Arc<dyn Store>) {
    let default = answer(store.client(&ClientId::default()).await);

    assert_eq!(default, Some(Client::default_client()));
    assert!(answer(store.users(Page { after: None, limit: 10 }).await).is_empty());
    assert!(answer(store.keys().await).is_empty());
    assert!(
        answer(store.audit_events(&AuditEventQuery { limit: 10, ..AuditEventQuery::default() }).await)
            .rows
            .is_empty()
    );
    assert_eq!(answer(store.revocation_log_head().await), RevocationPosition::START);
    assert_eq!(answer(store.metadata("log_id").await), None);
}

pub(super) async fn every_field_of_a_user_is_stored(store: Arc<dyn Store>) {
    for number in 0..ROUNDS {
        let mut rng = TestRng::new(u64::from(number));
        let stored = any_user(number, &mut rng);
        let _ = applied(&store, &[Change::insert_user(stored.clone())]).await;
        assert_eq!(answer(store.user(stored.id).await), Some(stored.clone()));

        let (cutoff, revision) =
            (stored.cutoff.max(RevocationPosition::new(rng.count())), stored.revision + 1);
        let next = User { cutoff, revision, id: stored.id, ..any_user(number, &mut rng) };
        let _ = applied(&store, &[Change::replace_user(next.clone())]).await;
        assert_eq!(answer(store.user(stored.id).await), Some(next));
    }
}

fn any_user(number: u16, rng: &mut TestRng) -> User {
    let text = format!("{}{number}", rng.text());
    User {
        id: user_id(number),
        username: Username::from_stored(text.clone(), text),
        external_id: any_external_id(number, rng),
        // An application may use all 64 bits.
        application_epoch: rng.maybe(|rng| u64::MAX - rng.count()),
        email: rng.maybe(|rng| format!("{}@{number}.example", rng.text())),
        email_verified: rng.below(2) == 0,
        password: rng.maybe(|rng| PasswordHash::from_stored(rng.text())),
        password_change_required: rng.below(2) == 0,
        roles: (0..rng.below(3)).map(|_| rng.text()).collect(),
        disabled_at: rng.maybe(TestRng::time),
        epoch: rng.count(),
        cutoff: RevocationPosition::new(rng.count()),
        created_at: rng.time(),
        revision: rng.count() / 2,
    }
}

/// A number or the same number as text, or none.
fn any_external_id(number: u16, rng: &mut TestRng) -> Option<ExternalId> {
    let values = [Value::from(number), Value::from(number.to_string()), Value::from(format!("ü\"{number}"))];
    rng.maybe(|rng| ExternalId::from_json(&rng.one_of(&values)).expect("a valid id"))
}

pub(super) async fn every_field_of_a_session_is_stored(store: Arc<dyn Store>) {
    let users: Vec<_> = (0..3).map(|number| Change::insert_user(user(number))).collect();
    let _ = applied(&store, &users).await;
    for number in 0..ROUNDS {
        let mut rng = TestRng::new(u64::from(number));
        let stored = Session { ended: None, ..any_session(number, &mut rng) };
        let _ = applied(&store, &[Change::insert_session(stored.clone())]).await;
        assert_eq!(answer(store.session(stored.id).await), Some(stored.clone()));

        let next = Session {
            user: stored.user,
            authenticated_at: stored.authenticated_at,
            amr: stored.amr.clone(),
            acr: stored.acr.clone(),
            audience: stored.audience.clone(),
            status_index: stored.status_index,
            revision: stored.revision + 1,
            ..any_session(number, &mut rng)
        };
        let _ = applied(&store, &[Change::replace_session(next.clone())]).await;
        assert_eq!(answer(store.session(stored.id).await), Some(next.clone()));
        let session_context =
            answer(store.session_context(stored.id).await).expect("its user and its client exist");
        assert_eq!(session_context.session, next);
    }
}

fn any_session(number: u16, rng: &mut TestRng) -> Session {
    let credentials = [
        SessionCredential::Cookie(TokenHash::from_bytes([rng.below(256) as u8; 32])),
        SessionCredential::AccessOnly,
        SessionCredential::Refresh {
            key_id: RefreshTokenKeyId::from_bytes([rng.below(256) as u8; 8]),
            salt: Salt::from_bytes([rng.below(256) as u8; 16]),
            counter: rng.count(),
            rotated_at: rng.time(),
        },
    ];
    Session {
        credential: rng.one_of(&credentials),
        authenticated_at: rng.time(),
        amr: (0..rng.below(3)).map(|_| rng.text()).collect(),
        acr: rng.maybe(TestRng::text),
        seen_at: rng.time(),
        idle: Duration::from_millis(rng.count()),
        expires_at: rng.time(),
        pos: RevocationPosition::new(rng.count()),
        scope: rng.maybe(TestRng::text),
        audience: rng.maybe(TestRng::text),
        client_info: any_client_info(rng),
        label: rng.maybe(TestRng::text),
        status_index: rng.maybe(|rng| StatusIndex::new(rng.count())),
        ended: rng.maybe(|rng| SessionEnd { at: rng.time(), reason: rng.one_of(&EndReason::ALL) }),
        revision: rng.count() / 2,
        ..session(number, rng.below(3) as u16)
    }
}

fn any_client_info(rng: &mut TestRng) -> ClientInfo {
    let addresses = ["127.0.0.1", "255.255.255.255", "::1", "2001:db8::ff00:42:8329", "::ffff:192.0.2.1"]
        .map(|text| text.parse::<IpAddr>().expect("an address"));
    ClientInfo { ip: rng.maybe(|rng| rng.one_of(&addresses)), user_agent: rng.maybe(TestRng::text) }
}

pub(super) async fn every_field_of_a_client_is_stored(store: Arc<dyn Store>) {
    for number in 0..ROUNDS {
        let mut rng = TestRng::new(u64::from(number));
        let stored = any_client(number, &mut rng);
        let _ = applied(&store, &[Change::insert_client(stored.clone())]).await;
        assert_eq!(answer(store.client(&stored.id).await), Some(stored.clone()));

        let (cutoff, revision) =
            (stored.cutoff.max(RevocationPosition::new(rng.count())), stored.revision + 1);
        let next = Client { cutoff, revision, ..any_client(number, &mut rng) };
        let _ = applied(&store, &[Change::replace_client(next.clone())]).await;
        assert_eq!(answer(store.client(&stored.id).await), Some(next));
    }
}

fn any_client(number: u16, rng: &mut TestRng) -> Client {
    let modes = [Mode::Session, Mode::Jwt, Mode::Hybrid];
    Client {
        id: format!("client-{number}").parse().expect("a name"),
        name: rng.text(),
        modes: (0..rng.below(4)).map(|_| rng.one_of(&modes)).collect(),
        audiences: rng.maybe(|rng| (0..rng.below(3)).map(|_| rng.text()).collect()),
        scopes: rng.maybe(|rng| (0..rng.below(3)).map(|_| rng.text()).collect()),
        lifetimes: Lifetimes {
            session_idle: rng.count(),
            session_absolute: rng.count(),
            jwt: rng.count(),
            access: rng.count(),
            refresh_idle: rng.count(),
            refresh_absolute: rng.count(),
        },
        enabled: rng.below(2) == 0,
        cutoff: RevocationPosition::new(rng.count()),
        revision: rng.count() / 2,
    }
}

pub(super) async fn every_field_of_a_key_is_stored(store: Arc<dyn Store>) {
    let mut expected = Vec::new();
    for number in 0..ROUNDS {
        let mut rng = TestRng::new(u64::from(number));
        let stored = any_key(number, &mut rng);
        let _ = applied(&store, &[Change::insert_key(stored.clone())]).await;
        let next = KeyRecord { revision: stored.revision + 1, ..any_key(number, &mut rng) };
        let _ = applied(&store, &[Change::replace_key(next.clone())]).await;
        expected.push(next);
    }
    let mut found = answer(store.keys().await);

    expected.sort_by(|a, b| a.id.cmp(&b.id));
    found.sort_by(|a, b| a.id.cmp(&b.id));
    assert_eq!(found, expected);
}

fn any_key(number: u16, rng: &mut TestRng) -> KeyRecord {
    use KeyState::{Current, Next, Removed, Retired, Revoked};

    KeyRecord {
        id: format!("key-{number}").parse::<KeyId>().expect("a name"),
        purpose: rng.one_of(&[KeyPurpose::Signing, KeyPurpose::RefreshToken]),
        algorithm: rng.text(),
        sealed: (0..rng.below(100)).map(|_| rng.below(256) as u8).collect(),
        state: rng.one_of(&[Next, Current, Retired, Removed, Revoked]),
        created_at: rng.time(),
        changed_at: rng.time(),
        activated_at: rng.maybe(TestRng::time),
        revision: rng.count() / 2,
    }
}

pub(super) async fn every_field_of_an_audit_event_is_stored(store: Arc<dyn Store>) {
    let mut expected = Vec::new();
    for number in 0..ROUNDS {
        let mut rng = TestRng::new(u64::from(number));
        let event = any_event(number, &mut rng);
        let _ = applied(&store, &[Change::record_event(event.clone())]).await;
        expected.push(event);
    }
    let found =
        answer(store.audit_events(&AuditEventQuery { limit: 1000, ..AuditEventQuery::default() }).await).rows;

    expected.reverse();
    assert_eq!(found.into_iter().map(|(_, event)| event).collect::<Vec<_>>(), expected);
}

fn any_event(number: u16, rng: &mut TestRng) -> AuditEvent {
    let kinds =
        [AuditEventKind::LoginSucceeded, AuditEventKind::RefreshReuseDetected, AuditEventKind::ClockAccepted];
    let admin_key = Actor::AdminKey(AdminKeyId::from_bytes([7; 16]));
    let actors = [Actor::Anonymous, Actor::User(user_id(number)), admin_key, Actor::Operator, Actor::System];
    AuditEvent {
        at: NOON,
        kind: rng.one_of(&kinds),
        user: rng.maybe(|_| UserId::from_bytes([3; 16])),
        session: rng.maybe(|_| SessionId::from_bytes(*session_id(number).as_bytes())),
        client: rng.maybe(|_| ClientId::default()),
        actor: rng.one_of(&actors),
        reason: rng.maybe(|rng| rng.one_of(&EndReason::ALL)),
        client_info: any_client_info(rng),
        detail: rng.maybe(|rng| rng.text().into()),
    }
}

pub(super) async fn metadata_has_the_value_that_was_last_set(store: Arc<dyn Store>) {
    for value in [&b""[..], b"\0\xff", b"later"] {
        let _ = applied(&store, &[Change::set_metadata("log_id", value.to_vec())]).await;
        assert_eq!(answer(store.metadata("log_id").await).as_deref(), Some(value));
    }
    assert_eq!(answer(store.metadata("LOG_ID").await), None);
}

pub(super) async fn metadata_is_found_by_the_beginning_of_its_key_until_it_is_removed(store: Arc<dyn Store>) {
    // Characters that a pattern would match with others, and keys around those that are wanted.
    let keys =
        ["mark:", "mark:a", "mark:b%", "mark:b_", "mark;", "mark", "Mark:a", "marks:a", "mark:\u{10ffff}z"];
    let changes = keys.map(|key| Change::set_metadata(key, key.as_bytes().to_vec()));
    let _ = applied(&store, &changes).await;
    let found = async |prefix: &str| -> Vec<String> {
        let values = answer(store.metadata_with_prefix(prefix).await);
        assert!(values.iter().all(|(key, value)| key.as_bytes() == value));
        values.into_iter().map(|(key, _)| key).collect()
    };
    assert_eq!(found("mark:").await, ["mark:", "mark:a", "mark:b%", "mark:b_", "mark:\u{10ffff}z"]);
    assert_eq!(found("mark:b_").await, ["mark:b_"]);
    assert_eq!(found("mark:c").await, [""; 0]);

    let _ = applied(&store, &[Change::remove_metadata("mark:a"), Change::remove_metadata("absent")]).await;

    assert_eq!(answer(store.metadata("mark:a").await), None);
    assert_eq!(found("mark:").await, ["mark:", "mark:b%", "mark:b_", "mark:\u{10ffff}z"]);
}

pub(super) async fn clients_are_listed_once_in_the_order_of_their_ids(store: Arc<dyn Store>) {
    let mut rng = TestRng::new(1);
    let mut expected: Vec<Client> = (0..10).map(|number| any_client(number, &mut rng)).collect();
    let changes: Vec<_> = expected.iter().cloned().map(Change::insert_client).collect();
    let _ = applied(&store, &changes).await;
    let (mut found, mut after) = (Vec::new(), None);
    loop {
        let page = answer(store.clients(Page { after, limit: 3 }).await);
        assert!(page.len() <= 3);
        let Some(last) = page.last() else { break };
        after = Some(last.id.clone());
        found.extend(page);
    }

    expected.push(Client::default_client());
    expected.sort_by(|a, b| a.id.cmp(&b.id));
    assert_eq!(found, expected);
}

pub(super) async fn an_admin_key_is_found_until_it_is_removed(store: Arc<dyn Store>) {
    let mut rng = TestRng::new(2);
    let _ = applied(&store, &[Change::insert_user(user(1))]).await;
    let creators = [KeyCreator::Operator, KeyCreator::User(user_id(1))];
    let any = |number: u8, rng: &mut TestRng| AdminKeyRecord {
        name: rng.text(),
        ..admin_key(number, rng.one_of(&creators))
    };
    let stored: Vec<_> = (0..10).map(|number| any(number, &mut rng)).collect();
    for key in &stored {
        let _ = applied(&store, &[Change::insert_admin_key(key.clone())]).await;
        assert_eq!(answer(store.admin_key(key.id).await).as_ref(), Some(key));
    }
    assert_eq!(answer(store.admin_keys(Page { after: None, limit: 100 }).await), stored);

    let again = AdminKeyRecord { name: "thief".into(), ..stored[0].clone() };
    assert_eq!(conflict(&store, &[Change::insert_admin_key(again)]).await, 0);
    let _ = applied(&store, &[Change::remove_admin_key(stored[0].id)]).await;

    assert_eq!(answer(store.admin_key(stored[0].id).await), None);
    assert_eq!(answer(store.admin_keys(Page { after: None, limit: 100 }).await), stored[1..]);
    assert_eq!(conflict(&store, &[Change::remove_admin_key(stored[0].id)]).await, 0);
}

pub(super) async fn an_admin_key_needs_its_user_and_is_removed_with_them(store: Arc<dyn Store>) {
    let (users_key, operators_key) =
        (admin_key(1, KeyCreator::User(user_id(1))), admin_key(2, KeyCreator::Operator));
    let insert = |key: &AdminKeyRecord| Change::insert_admin_key(key.clone());
    assert_eq!(
        conflict(&store, &[insert(&operators_key), insert(&users_key)]).await,
        1,
        "its creator does not exist"
    );

    let _ =
        applied(&store, &[Change::insert_user(user(1)), insert(&users_key), insert(&operators_key)]).await;
    for key in [&users_key, &operators_key] {
        assert!(holds(&store, Expectation::AdminKey(key.id)).await);
    }
    let _ = applied(&store, &[Change::remove_user(user_id(1))]).await;

    assert_eq!(answer(store.admin_keys(Page { after: None, limit: 100 }).await), [operators_key]);
    assert!(!holds(&store, Expectation::AdminKey(users_key.id)).await);
}

pub(super) async fn all_admin_keys_of_a_user_are_removed_and_recorded(store: Arc<dyn Store>) {
    let users = [1, 2].map(|number| Change::insert_user(user(number)));
    let _ = applied(&store, &users).await;
    let creators = [
        KeyCreator::User(user_id(1)),
        KeyCreator::Operator,
        KeyCreator::User(user_id(2)),
        KeyCreator::User(user_id(1)),
    ];
    let stored: Vec<_> = (0..4).zip(creators).map(|(number, creator)| admin_key(number, creator)).collect();
    let _ = applied(&store, &stored.iter().cloned().map(Change::insert_admin_key).collect::<Vec<_>>()).await;
    let event =
        AuditEvent::by_actor(AuditEventKind::AdminKeyRemoved, Actor::System, &ClientInfo::default(), NOON);
    let remove = || Change::remove_admin_keys_of(user_id(1), event.clone().with_user(user_id(1)));

    assert_eq!(conflict(&store, &[remove(), Change::insert_user(user(1))]).await, 1);
    assert_eq!(
        answer(store.admin_keys(Page { after: None, limit: 100 }).await).len(),
        4,
        "a commit that conflicts removes nothing"
    );
    let _ = applied(&store, &[remove()]).await;
    let _ = applied(&store, &[remove()]).await;

    assert_eq!(answer(store.admin_keys(Page { after: None, limit: 100 }).await), stored[1..3]);
    let events =
        answer(store.audit_events(&AuditEventQuery { limit: 10, ..AuditEventQuery::default() }).await).rows;
    let mut reported: Vec<_> = events.into_iter().filter_map(|(_, event)| event.detail).collect();
    reported.sort();
    let mut gone = [stored[0].id.to_string(), stored[3].id.to_string()];
    gone.sort();
    assert_eq!(reported, gone);
}

fn admin_key(number: u8, created_by: KeyCreator) -> AdminKeyRecord {
    AdminKeyRecord {
        id: AdminKeyId::from_bytes([number; 16]),
        name: format!("key {number}"),
        key_hash: AdminKeyHash::from_bytes([number; 32]),
        created_by,
        created_at: Time::from_unix_seconds(u64::from(number)),
    }
}
