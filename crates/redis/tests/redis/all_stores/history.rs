//! Random changes of a store, and everything that it holds afterwards, as text.

use std::num::NonZeroU32;
use std::time::Duration;

use counterfoil_core::credentials::session_token::SessionToken;
use counterfoil_core::model::audit_event::{AuditEvent, AuditEventKind};
use counterfoil_core::model::client::Client;
use counterfoil_core::model::session::{ClientInfo, EndReason, Session, SessionCredential, SessionEnd};
use counterfoil_core::model::user::User;
use counterfoil_core::store::{
    AuditEventQuery, Change, CommitOutcome, CounterIncrement, CounterKey, CutoffScope, Expectation,
    NewRevocation, Page, SessionDataPatch, SessionEnding, SessionOp, StatusIndexRequest, Store, Transaction,
};
use counterfoil_jose::Time;
use counterfoil_verify::{ClientId, RevocationPosition, RevocationSubject, SessionId, TokenId, UserId};
use serde_json::json;

use crate::fixture::NOON;

const USERS: u32 = 4;
pub(super) const SESSIONS: u32 = 8;

/// A random number generator with a seed, so that a history that differs can be repeated.
pub(super) struct Rng(u64);

impl Rng {
    pub(super) fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1)
    }

    /// A number below `limit` (xorshift64*).
    pub(super) fn below(&mut self, limit: u32) -> u32 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        let high = self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 33;
        u32::try_from(high).unwrap() % limit
    }
}

fn user(number: u32) -> User {
    let mut id = [0; 16];
    id[..4].copy_from_slice(&number.to_be_bytes());
    User::new(UserId::from_bytes(id), format!("user{number:05}").parse().unwrap(), NOON)
}

pub(super) fn session_id(number: u32) -> SessionId {
    let mut id = [7; 16];
    id[12..].copy_from_slice(&number.to_be_bytes());
    SessionId::from_bytes(id)
}

fn session(rng: &mut Rng, tokens: &[SessionToken], number: u32, now: Time) -> Session {
    Session {
        id: session_id(number),
        user: user(rng.below(USERS)).id,
        client: if rng.below(9) == 0 { "shop".parse().unwrap() } else { ClientId::default() },
        credential: match rng.below(4) {
            0 => SessionCredential::AccessOnly,
            _ => SessionCredential::Cookie(tokens[number as usize].hash()),
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
async fn change(rng: &mut Rng, store: &dyn Store, tokens: &[SessionToken], now: Time) -> Change {
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
            Change::insert_session(session(rng, tokens, number, now))
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

/// What one transaction does.
pub(super) async fn transaction(
    rng: &mut Rng,
    store: &dyn Store,
    tokens: &[SessionToken],
    now: Time,
) -> Transaction {
    let mut transaction = Transaction::default();
    for _ in 0..=rng.below(3) {
        transaction.changes.push(change(rng, store, tokens, now).await);
    }
    if rng.below(4) == 0 {
        let expected = Expectation::ActiveSession(session_id(rng.below(SESSIONS)), now);
        transaction = transaction.expecting([expected]);
    }
    transaction
}

/// Increments of counters.
pub(super) fn increments(rng: &mut Rng) -> Vec<CounterIncrement> {
    let increment = |key| CounterIncrement {
        key,
        amount: rng.below(3),
        window: Duration::from_secs(u64::from(rng.below(90))),
        while_previous_at_most: (rng.below(2) == 0).then_some(2),
    };
    keys().into_iter().map(increment).collect()
}

/// The client that some of the sessions have.
pub(super) fn shop() -> Client {
    Client { id: "shop".parse().unwrap(), ..Client::default_client() }
}

/// The outcome as text. The sessions that one statement ends have no order.
pub(super) fn shown(outcome: CommitOutcome) -> String {
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
pub(super) async fn everything_in(store: &dyn Store, now: Time) -> String {
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
