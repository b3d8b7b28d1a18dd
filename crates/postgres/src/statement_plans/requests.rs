//! Uses every path of requests, lists and jobs.

use std::num::{NonZeroU32, NonZeroU64};
use std::time::Duration;

use counterfoil_core::model::audit_event::{AuditEvent, AuditEventKind};
use counterfoil_core::model::external_id::ExternalId;
use counterfoil_core::model::session::{ClientInfo, EndReason, Session, SessionEnd};
use counterfoil_core::model::user::User;
use counterfoil_core::store::conformance::{NOON, cookie_session};
use counterfoil_core::store::{
    AuditEventQuery, AuditRetention, Change, CounterIncrement, CounterKey, CutoffScope, Expectation,
    ExpiryEvents, LastSeen, LoginName, NodeRegistry as _, NodeRenewal, Page, SessionDataPatch, SessionEnding,
    SessionQuery, StatusIndexRequest, Store, Transaction, complete_all_session_ends,
};
use counterfoil_jose::Time;
use counterfoil_verify::{ClientId, RevocationPosition, SessionId, UserId};

use crate::store::PostgresStore;

const DAY: Duration = Duration::from_secs(86_400);

/// How often each read is repeated: PostgreSQL uses a plan without the parameters from the sixth time on, if that is cheaper.
const REPETITIONS: usize = 7;

/// Joins, renews, looks at the other nodes and leaves.
pub(super) async fn use_node_registry(store: &PostgresStore) {
    let lease = Duration::from_secs(2);
    let last_change = store.join("a", lease).await.unwrap();
    let start = RevocationPosition::START;
    let renewal = NodeRenewal { applied: start, confirmed: start, last_change };
    store.renew(&renewal).await.unwrap().unwrap();
    store.promise(lease).await.unwrap();
    store.wait_until_applied().await.unwrap();
    let other = store.nodes().await.unwrap().remove(0);
    store.remove(other.id, other.renewals + 1).await.unwrap();
    store.leave().await.unwrap();
}

/// Everything that a request, a list or a job does on a filled store.
pub(super) async fn use_every_path(store: &PostgresStore) {
    let ada = store.user_by_login(&LoginName::Username("user7".into())).await.unwrap().unwrap();
    let first = store.sessions_of(ada.id, page(None), NOON).await.unwrap().remove(0);
    for _ in 0..REPETITIONS {
        read(store, &ada, &first).await;
        list(store, ada.id, first.id).await;
    }
    for number in 0..REPETITIONS {
        change(store, ada.id, u8::try_from(number).unwrap()).await;
    }
    use_node_registry(store).await;
    for days in [0, 20, 100, 200] {
        run_jobs(store, NOON + DAY * days).await;
    }
}

fn page<C>(after: Option<C>) -> Page<C> {
    Page { after, limit: 101 }
}

async fn read(store: &PostgresStore, user: &User, session: &Session) {
    store.session(session.id).await.unwrap().unwrap();
    store.session_context(session.id).await.unwrap().unwrap();
    store.session_data(session.id).await.unwrap();
    store.has_sessions_to_end(user.id, Some(session.id)).await.unwrap();
    store.user(user.id).await.unwrap().unwrap();
    store.usernames(&[user.id, session.user]).await.unwrap();
    for login in [LoginName::Username("user8".into()), LoginName::Email("user8@mail.example".into())] {
        store.user_by_login(&login).await.unwrap().unwrap();
    }
    store.user_by_skeletons(&user.username.skeletons()).await.unwrap().unwrap();
    store.user_by_external_id(&ExternalId::from_stored("\"10\"").unwrap()).await.unwrap().unwrap();
    store.counters(&[CounterKey("counter9".into()), CounterKey("absent".into())], NOON).await.unwrap();
    let (middle, limit) = (RevocationPosition::new(10_000), NonZeroU32::new(100).unwrap());
    for after in [RevocationPosition::START, middle] {
        store.revocation_log_after(after, limit).await.unwrap();
        store.status_revocations_after(after, limit).await.unwrap();
    }
    store.revocation_log_head().await.unwrap();
    store.newest_time().await.unwrap();
}

async fn list(store: &PostgresStore, user: UserId, session: SessionId) {
    store.sessions_of(user, page(None), NOON).await.unwrap();
    for user in [None, Some(user)] {
        let query = SessionQuery { user, ..SessionQuery::default() };
        let found = store.sessions(&query, page(None), NOON).await.unwrap();
        store.sessions(&query, page(found.next), NOON).await.unwrap();
    }
    let counted = store.count_sessions_by_mode(page(None), NOON).await.unwrap();
    store.count_sessions_by_mode(page(counted.next), NOON).await.unwrap();
    store.count_users(page(Some("user5".into()))).await.unwrap();
    store.users(page(None)).await.unwrap();
    store.users(page(Some("user5".into()))).await.unwrap();
    store.users_before("user5", 100).await.unwrap();
    for (user, session) in
        [(None, None), (Some(user), None), (None, Some(session)), (Some(user), Some(session))]
    {
        let query = AuditEventQuery { user, session, limit: 50, ..AuditEventQuery::default() };
        store.audit_events(&query).await.unwrap();
        let rare = AuditEventQuery { kinds: vec![AuditEventKind::Restored], ..query };
        store.audit_events(&rare).await.unwrap();
        store.audit_events(&AuditEventQuery { after: Some(30_000), ..rare }).await.unwrap();
    }
    store
        .audit_events(&AuditEventQuery { cutoffs_only: true, limit: 50, ..AuditEventQuery::default() })
        .await
        .unwrap();
    store.pending_session_ends(100).await.unwrap();
    store.status_indexes_below(None, RevocationPosition::new(5), Some(session)).await.unwrap();
}

async fn commit(store: &PostgresStore, changes: impl Into<Vec<Change>>) {
    commit_if(store, Vec::new(), changes).await;
}

async fn commit_if(store: &PostgresStore, expected: Vec<Expectation>, changes: impl Into<Vec<Change>>) {
    let transaction = Transaction::new(changes.into()).expecting(expected);
    let _ = store.commit(&transaction).await.unwrap().applied().unwrap();
}

/// A registration, a login, a use, data, a logout, and what administrators do.
async fn change(store: &PostgresStore, user: UserId, number: u8) {
    let increment = |while_previous_at_most| CounterIncrement {
        key: CounterKey(format!("counter{number}")),
        amount: 1,
        window: DAY,
        while_previous_at_most,
    };
    store.increment_counters(&[increment(None), increment(Some(9))], NOON).await.unwrap();
    let new = User::new(UserId::from_bytes([number; 16]), format!("new{number}").parse().unwrap(), NOON);
    let (id, skeletons) = (new.id, new.username.skeletons());
    commit_if(store, vec![Expectation::NoLookAlike(skeletons)], [Change::insert_user(new.clone())]).await;
    let reason = |reason| SessionEnding { end: SessionEnd { at: NOON, reason }, remember_until: NOON + DAY };
    let login = cookie_session(SessionId::from_bytes([number; 16]), user);
    let event = AuditEvent::by_user(AuditEventKind::LoginSucceeded, user, &ClientInfo::default(), NOON);
    let epoch = store.user(user).await.unwrap().unwrap().epoch;
    let status =
        StatusIndexRequest { session: login.id, replaces: None, now: NOON, freed_before: NOON + DAY };
    commit_if(
        store,
        vec![Expectation::Epoch(user, epoch)],
        [
            Change::insert_session(login.clone()),
            Change::assign_status_index(status),
            Change::end_oldest_sessions_of(user, login.id, 99, reason(EndReason::SessionLimit)),
            Change::record_event(event.clone().with_session(login.id, ClientId::default())),
        ],
    )
    .await;
    store.record_last_seen(&[LastSeen { session: login.id, at: NOON + DAY / 2 }]).await.unwrap();
    let patch = SessionDataPatch {
        session: login.id,
        patch: serde_json::from_str(&format!("{{\"a\":\"{}\"}}", "b".repeat(2_000))).unwrap(),
        expected_revision: None,
        max_bytes: 1 << 20,
        max_bytes_of_user: NonZeroU64::new(1 << 20),
        now: NOON,
    };
    commit_if(store, vec![Expectation::ActiveSession(login.id, NOON)], [Change::merge_data(patch)]).await;
    commit(
        store,
        [
            Change::end_session(login.id, reason(EndReason::Logout)),
            Change::record_session_ends(AuditEvent { kind: AuditEventKind::SessionEnded, ..event }),
        ],
    )
    .await;
    commit(store, [Change::refresh_positions_of(user), Change::set_cutoff(CutoffScope::User(user))]).await;
    commit(store, [Change::end_sessions_of(user, None, reason(EndReason::ByUser))]).await;
    commit(store, [Change::replace_user(User { revision: 1, roles: vec!["editor".into()], ..new })]).await;
    commit(store, [Change::remove_user(id)]).await;
}

/// What the background jobs do at `now`.
async fn run_jobs(store: &PostgresStore, now: Time) {
    complete_all_session_ends(store).await.unwrap();
    for _ in 0..3 {
        store.purge(now, 256, ExpiryEvents::Record).await.unwrap();
    }
    let retention = AuditRetention { max_age: DAY * 90, max_events: NonZeroU64::new(1_000) };
    store.purge_audit_log(retention, now, 256).await.unwrap();
}
