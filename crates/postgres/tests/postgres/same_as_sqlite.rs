//! One random history on SQLite and on PostgreSQL: both give the same outcomes and hold the same records.

use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use counterfoil_core::credentials::session_token::TokenHash;
use counterfoil_core::model::audit_event::{AuditEvent, AuditEventKind};
use counterfoil_core::model::client::Client;
use counterfoil_core::model::session::{ClientInfo, EndReason, Session, SessionCredential, SessionEnd};
use counterfoil_core::store::{
    AuditEventQuery, Change, CommitOutcome, CounterIncrement, CounterKey, CutoffScope, Expectation,
    ExpiryEvents, LastSeen, NewRevocation, Page, SessionDataPatch, SessionEnding, SessionOp,
    StatusIndexRequest, Store, Transaction,
};
use counterfoil_jose::Time;
use counterfoil_sqlite::SqliteStore;
use counterfoil_verify::{ClientId, RevocationPosition, RevocationSubject, SessionId, TokenId, UserId};
use serde_json::json;

use crate::fixture::{NOON, open, server, user};

/// The number of steps of a history.
const STEPS: u32 = 400;

const USERS: u32 = 4;
const SESSIONS: u32 = 8;

/// A random number generator with a seed, so that a history that differs can be repeated.
struct Rng(u64);

impl Rng {
    /// A number below `limit` (xorshift64*).
    fn below(&mut self, limit: u32) -> u32 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        let high = self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 33;
        u32::try_from(high).unwrap() % limit
    }
}

fn session_id(number: u32) -> SessionId {
    let mut id = [7; 16];
    id[12..].copy_from_slice(&number.to_be_bytes());
    SessionId::from_bytes(id)
}

fn session(rng: &mut Rng, number: u32, now: Time) -> Session {
    Session {
        id: session_id(number),
        user: user(rng.below(USERS)).id,
        client: if rng.below(9) == 0 { "shop".parse().unwrap() } else { ClientId::default() },
        credential: match rng.below(2) {
            0 => SessionCredential::Cookie(TokenHash::from_bytes([3; 32])),
            _ => SessionCredential::AccessOnly,
        },
        authenticated_at: now,
        amr: vec!["pwd".into()],
        acr: (rng.below(2) == 0).then(|| "urn:\\high".into()),
        seen_at: now,
        idle: Duration::from_secs(u64::from(rng.below(600)) + 1),
        expires_at: now + Duration::from_secs(3600),
        pos: RevocationPosition::new(now.unix_ms()),
        scope: None,
        audience: None,
        client_info: ClientInfo::default(),
        label: Some("a\\b".into()),
        ended: None,
        status_index: None,
        revision: 0,
    }
}

/// A change of random records, with a revision that is right most of the time.
async fn change(rng: &mut Rng, store: &dyn Store, now: Time) -> Change {
    let (of_user, of_session) = (user(rng.below(USERS)).id, session_id(rng.below(SESSIONS)));
    let end = SessionEnd { at: now, reason: EndReason::ByUser };
    let ending = SessionEnding { end, remember_until: now + Duration::from_secs(60) };
    match rng.below(16) {
        0 | 1 => Change::insert_user(user(rng.below(USERS))),
        2 => match store.user(of_user).await.unwrap() {
            Some(user) => Change::replace_user(user.next_epoch()),
            None => Change::remove_user(of_user),
        },
        3 if rng.below(4) == 0 => Change::remove_user(of_user),
        3..=5 => {
            let number = rng.below(SESSIONS);
            Change::insert_session(session(rng, number, now))
        }
        6 => match store.session(of_session).await.unwrap() {
            Some(session) => {
                let next = session.revision + u64::from(rng.below(5) > 0);
                Change::replace_session(Session { seen_at: now, revision: next, ..session })
            }
            None => Change::refresh_position(of_session),
        },
        7 => Change::end_session(of_session, ending),
        8 => Change::end_sessions_of(of_user, (rng.below(2) == 0).then_some(of_session), ending),
        9 => Change::end_oldest_sessions_of(of_user, of_session, rng.below(3), ending),
        10 => Change::merge_data(SessionDataPatch {
            session: of_session,
            patch: json!({ "a\u{0}": rng.below(3), "b": { "c": [1.5e300, null] }, "d": null })
                .as_object()
                .unwrap()
                .clone(),
            expected_revision: None,
            max_bytes: 1000,
            max_bytes_of_user: None,
            now,
        }),
        11 => Change::append_revocation(NewRevocation {
            subject: RevocationSubject::Token(TokenId::from_bytes([1; 16])),
            reason: EndReason::ByAdmin,
            at: now,
            remember_until: Some(now + Duration::from_secs(30)),
            status_index: None,
        }),
        12 => Change::set_cutoff(match rng.below(6) {
            0 => CutoffScope::Everyone,
            1 => CutoffScope::Client(ClientId::default()),
            _ => CutoffScope::User(of_user),
        }),
        13 => Change::refresh_positions_of(of_user),
        14 => Change::Session(SessionOp::AssignStatusIndex(StatusIndexRequest {
            session: of_session,
            replaces: None,
            now,
            freed_before: now,
        })),
        _ => Change::record_session_ends(event(of_user, now)),
    }
}

fn event(user: UserId, at: Time) -> AuditEvent {
    AuditEvent::by_user(AuditEventKind::SessionEnded, user, &ClientInfo::default(), at).with_detail("\0\\")
}

/// The outcome as text. The sessions that one statement ends have no order.
fn shown(outcome: CommitOutcome) -> String {
    match outcome {
        CommitOutcome::Conflict(part) => format!("{part:?}"),
        CommitOutcome::Applied(applied) => {
            let mut ended = applied.ended_sessions;
            ended.sort_by_key(|id| *id.as_bytes());
            let positions: Vec<_> = applied.entries.iter().map(|entry| entry.position).collect();
            format!(
                "{ended:?} {positions:?} {:?} {} {:?}",
                applied.end_reasons,
                applied.derived_events.len(),
                applied.session_data
            )
        }
    }
}

/// Everything that a store returns, as text.
async fn everything_in(store: &dyn Store, now: Time) -> String {
    let mut text = format!(
        "{:?} {:?} {:?} {:?} {:?}",
        store.users(Page { after: None, limit: 100 }).await.unwrap(),
        store.clients(Page { after: None, limit: 100 }).await.unwrap(),
        store.newest_time().await.unwrap(),
        store.count_active_sessions(None, now).await.unwrap(),
        store.counters(&keys(), now).await.unwrap(),
    );
    for number in 0..SESSIONS {
        text += &format!("\n{:?}", store.session(session_id(number)).await.unwrap());
        text += &format!("\n{:?}", store.session_data(session_id(number)).await.unwrap());
    }
    for number in 0..USERS {
        let page = Page { after: None, limit: 100 };
        let sessions = store.sessions_of(user(number).id, page, now).await.unwrap();
        text += &format!("\n{:?}", sessions.iter().map(|session| session.id).collect::<Vec<_>>());
    }
    let log = store.revocation_log_after(RevocationPosition::START, NonZeroU32::MAX).await.unwrap();
    let mut subjects: Vec<_> =
        log.entries.iter().map(|entry| (entry.subject.to_string(), entry.until)).collect();
    subjects.sort();
    let events = AuditEventQuery { limit: 5000, ..AuditEventQuery::default() };
    let mut events: Vec<_> = store.audit_events(&events).await.unwrap().rows.into_iter().collect();
    events.sort_by_key(|(_, event)| (event.at, event.session.map(|id| *id.as_bytes())));
    let events: Vec<_> = events.into_iter().map(|(_, event)| event).collect();
    text + &format!("\n{subjects:?} {:?}\n{events:?}", log.head)
}

fn keys() -> Vec<CounterKey> {
    (0..3).map(|number| CounterKey(format!("key\\{number}\0"))).collect()
}

/// Does one random thing to both stores, and compares what they answer. Returns whether a transaction was applied.
async fn step(rng: &mut Rng, [sqlite, postgres]: [&Arc<dyn Store>; 2], now: Time, what: &str) -> bool {
    match rng.below(12) {
        0 => {
            let one = sqlite.purge(now, 1000, ExpiryEvents::Record).await.unwrap();
            assert_eq!(one, postgres.purge(now, 1000, ExpiryEvents::Record).await.unwrap(), "{what}");
        }
        1 => {
            let uses = [LastSeen { session: session_id(rng.below(SESSIONS)), at: now }; 2];
            sqlite.record_last_seen(&uses).await.unwrap();
            postgres.record_last_seen(&uses).await.unwrap();
        }
        2 => {
            let increments: Vec<_> = keys()
                .into_iter()
                .map(|key| CounterIncrement {
                    key,
                    amount: rng.below(3),
                    window: Duration::from_secs(u64::from(rng.below(90))),
                    while_previous_at_most: (rng.below(2) == 0).then_some(2),
                })
                .collect();
            let one = sqlite.increment_counters(&increments, now).await.unwrap();
            assert_eq!(one, postgres.increment_counters(&increments, now).await.unwrap(), "{what}");
        }
        _ => {
            let mut transaction = Transaction::default();
            for _ in 0..=rng.below(3) {
                transaction.changes.push(change(rng, &**sqlite, now).await);
            }
            if rng.below(4) == 0 {
                let expected = Expectation::ActiveSession(session_id(rng.below(SESSIONS)), now);
                transaction = transaction.expecting([expected]);
            }
            let outcome = sqlite.commit(&transaction).await.unwrap();
            let is_applied = matches!(outcome, CommitOutcome::Applied(_));
            let other = shown(postgres.commit(&transaction).await.unwrap());
            assert_eq!(shown(outcome), other, "{what}: {transaction:?}");
            return is_applied;
        }
    }
    false
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_random_history_has_the_same_outcomes_on_both_stores() {
    let Some(server) = server() else { return };
    let database = server.new_database();
    for seed in 1..=3 {
        let mut rng = Rng(0x9E37_79B9_7F4A_7C15_u64.wrapping_mul(seed));
        let sqlite = SqliteStore::in_memory().unwrap() as Arc<dyn Store>;
        let postgres = open(&server.new_schema(&database)).await as Arc<dyn Store>;
        let shop = Transaction::new([Change::insert_client(Client {
            id: "shop".parse().unwrap(),
            ..Client::default_client()
        })]);
        for store in [&sqlite, &postgres] {
            assert!(matches!(store.commit(&shop).await.unwrap(), CommitOutcome::Applied(_)));
        }
        let (mut now, mut applied) = (NOON, 0);
        for number in 0..STEPS {
            let what = format!("seed {seed}, step {number}");
            applied += u32::from(step(&mut rng, [&sqlite, &postgres], now, &what).await);
            now = now + Duration::from_secs(u64::from(rng.below(40)));
            if number % 10 == 0 {
                let one = everything_in(&*sqlite, now).await;
                assert_eq!(one, everything_in(&*postgres, now).await, "{what}");
            }
        }
        assert!((STEPS / 8..STEPS * 3 / 4).contains(&applied), "{applied} transactions were applied");
        sqlite.close().await.unwrap();
        postgres.close().await.unwrap();
    }
}
