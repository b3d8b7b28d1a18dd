//! Laws of single records: what was put in comes out, in every field.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use counterfoil_jose::Time;
use counterfoil_verify::{ClientId, KeyId, Position, SessionId, UserId};

use crate::credentials::admin_key::{AdminKeyHash, AdminKeyId};
use crate::credentials::password::PasswordHash;
use crate::credentials::refresh_token::{RefreshTokenKeyId, Salt};
use crate::credentials::session_token::TokenHash;
use crate::model::admin_key::{AdminKeyRecord, KeyCreator};
use crate::model::audit_event::{Actor, AuditEvent, AuditEventKind};
use crate::model::client::{Client, Lifetimes};
use crate::model::key::{KeyPurpose, KeyRecord, KeyState};
use crate::model::session::{ClientInfo, EndReason, Mode, Session, SessionCredential, SessionEnd};
use crate::model::user::{User, Username};
use crate::store::conformance::fixture::{
    Dice, NOON, answer, applied, lost, session, session_id, user, user_id,
};
use crate::store::{AuditEventQuery, Change, Page, Store};

const ROUNDS: u16 = 100;

pub(super) async fn a_new_store_has_the_default_client_and_nothing_else(store: Arc<dyn Store>) {
    let default = answer(store.client(&ClientId::default()).await);

    assert_eq!(default, Some(Client::default_client()));
    assert!(answer(store.users(Page { after: None, limit: 10 }).await).is_empty());
    assert!(answer(store.keys().await).is_empty());
    assert!(
        answer(store.events(&AuditEventQuery { limit: 10, ..AuditEventQuery::default() }).await).is_empty()
    );
    assert_eq!(answer(store.head().await), Position::START);
    assert_eq!(answer(store.fact("log_id").await), None);
}

pub(super) async fn every_field_of_a_user_comes_back(store: Arc<dyn Store>) {
    for number in 0..ROUNDS {
        let mut dice = Dice::new(u64::from(number));
        let kept = any_user(number, &mut dice);
        let _ = applied(&store, &[Change::InsertUser(Box::new(kept.clone()))]).await;
        assert_eq!(answer(store.user(kept.id).await), Some(kept.clone()));

        let (not_before, revision) = (kept.not_before.max(Position::new(dice.count())), kept.revision + 1);
        let next = User { not_before, revision, id: kept.id, ..any_user(number, &mut dice) };
        let _ = applied(&store, &[Change::ReplaceUser(Box::new(next.clone()))]).await;
        assert_eq!(answer(store.user(kept.id).await), Some(next));
    }
}

fn any_user(number: u16, dice: &mut Dice) -> User {
    let text = format!("{}{number}", dice.text());
    User {
        id: user_id(number),
        username: Username::from_kept(text.clone(), text),
        email: dice.maybe(|dice| format!("{}@{number}.example", dice.text())),
        email_verified: dice.throw(2) == 0,
        password: dice.maybe(|dice| PasswordHash::from_kept(dice.text())),
        roles: (0..dice.throw(3)).map(|_| dice.text()).collect(),
        disabled_at: dice.maybe(Dice::time),
        epoch: dice.count(),
        not_before: Position::new(dice.count()),
        created_at: dice.time(),
        revision: dice.count() / 2,
    }
}

pub(super) async fn every_field_of_a_session_comes_back(store: Arc<dyn Store>) {
    let users: Vec<_> = (0..3).map(|number| Change::InsertUser(Box::new(user(number)))).collect();
    let _ = applied(&store, &users).await;
    for number in 0..ROUNDS {
        let mut dice = Dice::new(u64::from(number));
        let kept = Session { ended: None, ..any_session(number, &mut dice) };
        let _ = applied(&store, &[Change::InsertSession(Box::new(kept.clone()))]).await;
        assert_eq!(answer(store.session(kept.id).await), Some(kept.clone()));

        let next = Session {
            user: kept.user,
            authenticated_at: kept.authenticated_at,
            amr: kept.amr.clone(),
            revision: kept.revision + 1,
            ..any_session(number, &mut dice)
        };
        let _ = applied(&store, &[Change::ReplaceSession(Box::new(next.clone()))]).await;
        assert_eq!(answer(store.session(kept.id).await), Some(next.clone()));
        let standing = answer(store.standing(kept.id).await).expect("its user and its client are there");
        assert_eq!(standing.session, next);
    }
}

fn any_session(number: u16, dice: &mut Dice) -> Session {
    let stubs = [
        SessionCredential::Cookie(TokenHash::from_bytes([dice.throw(256) as u8; 32])),
        SessionCredential::AccessOnly,
        SessionCredential::Refresh {
            pepper: RefreshTokenKeyId::from_bytes([dice.throw(256) as u8; 8]),
            salt: Salt::from_bytes([dice.throw(256) as u8; 16]),
            turn: dice.count(),
            since: dice.time(),
        },
    ];
    Session {
        stub: dice.one_of(&stubs),
        authenticated_at: dice.time(),
        amr: (0..dice.throw(3)).map(|_| dice.text()).collect(),
        seen_at: dice.time(),
        idle: Duration::from_millis(dice.count()),
        expires_at: dice.time(),
        pos: Position::new(dice.count()),
        scope: dice.maybe(Dice::text),
        from: any_circumstances(dice),
        label: dice.maybe(Dice::text),
        ended: dice.maybe(|dice| SessionEnd { at: dice.time(), cause: dice.one_of(&EndReason::ALL) }),
        revision: dice.count() / 2,
        ..session(number, dice.throw(3) as u16)
    }
}

fn any_circumstances(dice: &mut Dice) -> ClientInfo {
    let addresses = ["127.0.0.1", "255.255.255.255", "::1", "2001:db8::ff00:42:8329", "::ffff:192.0.2.1"]
        .map(|text| text.parse::<IpAddr>().expect("an address"));
    ClientInfo { ip: dice.maybe(|dice| dice.one_of(&addresses)), user_agent: dice.maybe(Dice::text) }
}

pub(super) async fn every_field_of_a_client_comes_back(store: Arc<dyn Store>) {
    for number in 0..ROUNDS {
        let mut dice = Dice::new(u64::from(number));
        let kept = any_client(number, &mut dice);
        let _ = applied(&store, &[Change::InsertClient(Box::new(kept.clone()))]).await;
        assert_eq!(answer(store.client(&kept.id).await), Some(kept.clone()));

        let (not_before, revision) = (kept.not_before.max(Position::new(dice.count())), kept.revision + 1);
        let next = Client { not_before, revision, ..any_client(number, &mut dice) };
        let _ = applied(&store, &[Change::ReplaceClient(Box::new(next.clone()))]).await;
        assert_eq!(answer(store.client(&kept.id).await), Some(next));
    }
}

fn any_client(number: u16, dice: &mut Dice) -> Client {
    let modes = [Mode::Session, Mode::Jwt, Mode::Hybrid];
    Client {
        id: format!("client-{number}").parse().expect("a name"),
        name: dice.text(),
        modes: (0..dice.throw(4)).map(|_| dice.one_of(&modes)).collect(),
        audiences: dice.maybe(|dice| (0..dice.throw(3)).map(|_| dice.text()).collect()),
        scopes: dice.maybe(|dice| (0..dice.throw(3)).map(|_| dice.text()).collect()),
        lifetimes: Lifetimes {
            session_idle: dice.count(),
            session_absolute: dice.count(),
            jwt: dice.count(),
            access: dice.count(),
            refresh_idle: dice.count(),
            refresh_absolute: dice.count(),
        },
        enabled: dice.throw(2) == 0,
        not_before: Position::new(dice.count()),
        revision: dice.count() / 2,
    }
}

pub(super) async fn every_field_of_a_key_comes_back(store: Arc<dyn Store>) {
    let mut expected = Vec::new();
    for number in 0..ROUNDS {
        let mut dice = Dice::new(u64::from(number));
        let kept = any_key(number, &mut dice);
        let _ = applied(&store, &[Change::InsertKey(Box::new(kept.clone()))]).await;
        let next = KeyRecord { revision: kept.revision + 1, ..any_key(number, &mut dice) };
        let _ = applied(&store, &[Change::ReplaceKey(Box::new(next.clone()))]).await;
        expected.push(next);
    }
    let mut found = answer(store.keys().await);

    expected.sort_by(|a, b| a.id.cmp(&b.id));
    found.sort_by(|a, b| a.id.cmp(&b.id));
    assert_eq!(found, expected);
}

fn any_key(number: u16, dice: &mut Dice) -> KeyRecord {
    use KeyState::{Current, Next, Removed, Retired, Revoked};

    KeyRecord {
        id: format!("key-{number}").parse::<KeyId>().expect("a name"),
        purpose: dice.one_of(&[KeyPurpose::Signing, KeyPurpose::RefreshToken]),
        algorithm: dice.text(),
        sealed: (0..dice.throw(100)).map(|_| dice.throw(256) as u8).collect(),
        state: dice.one_of(&[Next, Current, Retired, Removed, Revoked]),
        created_at: dice.time(),
        changed_at: dice.time(),
        used_from: dice.maybe(Dice::time),
        revision: dice.count() / 2,
    }
}

pub(super) async fn every_field_of_a_line_of_the_journal_comes_back(store: Arc<dyn Store>) {
    let mut expected = Vec::new();
    for number in 0..ROUNDS {
        let mut dice = Dice::new(u64::from(number));
        let event = any_event(number, &mut dice);
        let _ = applied(&store, &[Change::Record(Box::new(event.clone()))]).await;
        expected.push(event);
    }
    let found = answer(store.events(&AuditEventQuery { limit: 1000, ..AuditEventQuery::default() }).await);

    expected.reverse();
    assert_eq!(found.into_iter().map(|(_, event)| event).collect::<Vec<_>>(), expected);
}

fn any_event(number: u16, dice: &mut Dice) -> AuditEvent {
    let kinds = [AuditEventKind::SignedIn, AuditEventKind::RefreshReplayed, AuditEventKind::ClockAccepted];
    let admin_key = Actor::AdminKey(AdminKeyId::from_bytes([7; 16]));
    let actors = [Actor::Anonymous, Actor::User(user_id(number)), admin_key, Actor::Operator, Actor::System];
    AuditEvent {
        at: NOON,
        kind: dice.one_of(&kinds),
        user: dice.maybe(|_| UserId::from_bytes([3; 16])),
        session: dice.maybe(|_| SessionId::from_bytes(*session_id(number).as_bytes())),
        client: dice.maybe(|_| ClientId::default()),
        actor: dice.one_of(&actors),
        cause: dice.maybe(|dice| dice.one_of(&EndReason::ALL)),
        from: any_circumstances(dice),
        detail: dice.maybe(|dice| dice.text().into()),
    }
}

pub(super) async fn a_fact_is_what_it_was_last_set_to(store: Arc<dyn Store>) {
    for value in [&b""[..], b"\0\xff", b"later"] {
        let _ = applied(&store, &[Change::SetMetadata("log_id", value.to_vec())]).await;
        assert_eq!(answer(store.fact("log_id").await).as_deref(), Some(value));
    }
    assert_eq!(answer(store.fact("LOG_ID").await), None);
}

pub(super) async fn clients_are_listed_once_in_the_order_of_their_ids(store: Arc<dyn Store>) {
    let mut dice = Dice::new(1);
    let mut expected: Vec<Client> = (0..10).map(|number| any_client(number, &mut dice)).collect();
    let changes: Vec<_> =
        expected.iter().cloned().map(|client| Change::InsertClient(Box::new(client))).collect();
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

pub(super) async fn an_admin_key_comes_back_until_it_is_removed(store: Arc<dyn Store>) {
    let mut dice = Dice::new(2);
    let _ = applied(&store, &[Change::InsertUser(Box::new(user(1)))]).await;
    let makers = [KeyCreator::Operator, KeyCreator::User(user_id(1))];
    let any = |number: u8, dice: &mut Dice| AdminKeyRecord {
        name: dice.text(),
        ..admin_key(number, dice.one_of(&makers))
    };
    let kept: Vec<_> = (0..10).map(|number| any(number, &mut dice)).collect();
    for key in &kept {
        let _ = applied(&store, &[Change::InsertAdminKey(Box::new(key.clone()))]).await;
        assert_eq!(answer(store.admin_key(key.id).await).as_ref(), Some(key));
    }
    assert_eq!(answer(store.admin_keys().await), kept);

    let again = AdminKeyRecord { name: "thief".into(), ..kept[0].clone() };
    assert_eq!(lost(&store, &[Change::InsertAdminKey(Box::new(again))]).await, 0);
    let _ = applied(&store, &[Change::RemoveAdminKey(kept[0].id)]).await;

    assert_eq!(answer(store.admin_key(kept[0].id).await), None);
    assert_eq!(answer(store.admin_keys().await), kept[1..]);
    assert_eq!(lost(&store, &[Change::RemoveAdminKey(kept[0].id)]).await, 0);
}

pub(super) async fn an_admin_key_is_of_a_user_who_is_there_and_goes_with_them(store: Arc<dyn Store>) {
    let (theirs, ours) = (admin_key(1, KeyCreator::User(user_id(1))), admin_key(2, KeyCreator::Operator));
    let insert = |key: &AdminKeyRecord| Change::InsertAdminKey(Box::new(key.clone()));
    assert_eq!(lost(&store, &[insert(&ours), insert(&theirs)]).await, 1, "nobody has made it");

    let _ = applied(&store, &[Change::InsertUser(Box::new(user(1))), insert(&theirs), insert(&ours)]).await;
    let _ = applied(&store, &[Change::ExpectAdminKey(theirs.id), Change::ExpectAdminKey(ours.id)]).await;
    let _ = applied(&store, &[Change::RemoveUser(user_id(1))]).await;

    assert_eq!(answer(store.admin_keys().await), [ours]);
    assert_eq!(lost(&store, &[Change::ExpectAdminKey(theirs.id)]).await, 0);
}

pub(super) async fn a_users_admin_keys_are_removed_and_told_together(store: Arc<dyn Store>) {
    let users = [1, 2].map(|number| Change::InsertUser(Box::new(user(number))));
    let _ = applied(&store, &users).await;
    let makers = [
        KeyCreator::User(user_id(1)),
        KeyCreator::Operator,
        KeyCreator::User(user_id(2)),
        KeyCreator::User(user_id(1)),
    ];
    let kept: Vec<_> = (0..4).zip(makers).map(|(number, maker)| admin_key(number, maker)).collect();
    let _ =
        applied(&store, &kept.iter().cloned().map(Box::new).map(Change::InsertAdminKey).collect::<Vec<_>>())
            .await;
    let line = AuditEvent::by(AuditEventKind::AdminKeyRemoved, Actor::System, &ClientInfo::default(), NOON);
    let remove = || Change::RemoveAdminKeysOf(user_id(1), Box::new(line.clone().about(user_id(1))));

    assert_eq!(lost(&store, &[remove(), Change::ExpectEpoch(user_id(1), 7)]).await, 1);
    assert_eq!(answer(store.admin_keys().await).len(), 4, "nothing is removed by a commit that was lost");
    let _ = applied(&store, &[remove()]).await;
    let _ = applied(&store, &[remove()]).await;

    assert_eq!(answer(store.admin_keys().await), kept[1..3]);
    let lines = answer(store.events(&AuditEventQuery { limit: 10, ..AuditEventQuery::default() }).await);
    let mut told: Vec<_> = lines.into_iter().filter_map(|(_, line)| line.detail).collect();
    told.sort();
    let mut gone = [kept[0].id.to_string(), kept[3].id.to_string()];
    gone.sort();
    assert_eq!(told, gone);
}

fn admin_key(number: u8, made_by: KeyCreator) -> AdminKeyRecord {
    AdminKeyRecord {
        id: AdminKeyId::from_bytes([number; 16]),
        name: format!("key {number}"),
        digest: AdminKeyHash::from_bytes([number; 32]),
        made_by,
        created_at: Time::from_unix_seconds(u64::from(number)),
    }
}
