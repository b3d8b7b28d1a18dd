//! Tests of what statements cost: none scans a table, and none visits what has ended in proportion.

use std::collections::{BTreeMap, HashMap};
use std::num::NonZeroU32;
use std::sync::{Arc, Mutex, PoisonError};

use rusqlite::trace::{TraceEvent, TraceEventCodes};
use rusqlite::{Connection, StatementStatus, params};

use counterfoil_core::model::audit_event::{AuditEvent, AuditEventKind};
use counterfoil_core::model::session::{ClientInfo, EndReason, Session, SessionEnd};
use counterfoil_core::model::user::User;
use counterfoil_core::store::conformance::{NOON, cookie_session, run_conformance_suite};
use counterfoil_core::store::{
    AuditEventQuery, Change, CutoffScope, ExpiryEvents, Page, SessionEnding, SessionQuery, Store,
    complete_all_session_ends,
};
use counterfoil_verify::{ClientId, RevocationPosition, SessionId, UserId};

use crate::schema;
use crate::store::SqliteStore;

/// Every statement that a connection of this process has run, with the most steps of the virtual machine that one run took.
/// Steps do not depend on the speed of the machine: a row that is visited takes five to thirty.
static STEPS: Mutex<BTreeMap<String, i32>> = Mutex::new(BTreeMap::new());

/// Records the steps of each statement that the connection runs.
pub(crate) fn observe(mut connection: Connection) -> rusqlite::Result<Connection> {
    // SQLite counts the steps of all runs of a prepared statement.
    let mut totals: HashMap<String, i32> = HashMap::new();
    let observer = move |event: TraceEvent<'_>| {
        let TraceEvent::Profile(statement, _) = event else { return };
        let (sql, total) = (statement.sql().into_owned(), statement.get_status(StatementStatus::VmStep));
        let before = totals.insert(sql.clone(), total).unwrap_or(0);
        let steps = if total >= before { total - before } else { total };
        let mut all = STEPS.lock().unwrap_or_else(PoisonError::into_inner);
        let most = all.entry(sql).or_default();
        *most = steps.max(*most);
    };
    connection.trace_v2(TraceEventCodes::SQLITE_TRACE_PROFILE, Some(observer))?;
    Ok(connection)
}

/// The statements that may visit a whole table or index, and why.
const MAY_SCAN: [(&str, &str); 8] = [
    ("FROM keys ORDER BY", "a handful of keys, which only administrators and the schedule add"),
    ("credential = 'cookie' AND ended_at", "only `restore`, in a database that no server has open"),
    ("SELECT 1 FROM job_locks LIMIT 1", "one row for each job, and only at the start"),
    ("FROM pending_session_ends ORDER BY", "in the order of the primary key, up to its limit"),
    (
        "SELECT number FROM audit_events ORDER BY number LIMIT",
        "in the order of the primary key, up to its limit",
    ),
    ("SELECT count(*) FROM sessions", "only before an operator revokes everything; in the lane of lists"),
    ("instr(roles,", "only if an administrator is taken away, and not by another one; in the lane of lists"),
    ("users INDEXED BY removed_users", "the index has removed users only, and the first one is taken"),
];

/// Statements of the start, of the schema and of checks.
fn is_of_the_start(sql: &str) -> bool {
    let words = [
        "has_earlier_form = 1",
        "users AS one",
        "refinery_schema_history",
        "sqlite_schema",
        "sqlite_master",
        "(SELECT count(*)",
        "CREATE ",
        "ALTER ",
    ];
    let kinds = ["SELECT", "INSERT", "UPDATE", "DELETE", "WITH"];
    words.iter().any(|word| sql.contains(word))
        || !kinds.iter().any(|kind| sql.trim_start().starts_with(kind))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn no_statement_scans_a_table() {
    run_conformance_suite(async || SqliteStore::in_memory().unwrap() as Arc<dyn Store>).await;
    let mut connection = Connection::open_in_memory().unwrap();
    schema::migrate(&mut connection).unwrap();
    let statements: Vec<String> = STEPS.lock().unwrap().keys().cloned().collect();
    let statements: Vec<_> = statements.into_iter().filter(|sql| !is_of_the_start(sql)).collect();
    assert!(statements.len() > 50, "{} statements were run", statements.len());

    let mut wrong = Vec::new();
    for sql in &statements {
        let mut plan = connection.prepare(&format!("EXPLAIN QUERY PLAN {sql}")).unwrap();
        let parameters = plan.parameter_count();
        let steps: Vec<String> = plan
            .query_map(rusqlite::params_from_iter(vec![0; parameters]), |row| row.get::<_, String>(3))
            .unwrap()
            .collect::<Result<_, _>>()
            .unwrap();
        let is_excused = MAY_SCAN.iter().any(|(part, _)| sql.contains(part));
        let scans = steps.iter().any(|step| step.starts_with("SCAN ") && !step.starts_with("SCAN CONSTANT"));
        let sorts = steps.iter().any(|step| step.contains("USE TEMP B-TREE"));
        if (scans || sorts) && !is_excused {
            wrong.push(format!("{sql}\n  {}", steps.join("\n  ")));
        }
        let is_of_live_sessions =
            sql.contains("user_id = ") && sql.contains("ended_at IS NULL") && !sql.contains("+user_id");
        if is_of_live_sessions && !steps.iter().any(|step| step.contains("live_sessions_by_user")) {
            wrong.push(format!("{sql}\n  does not use the index of live sessions"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

const ADA: UserId = UserId::from_bytes([1; 16]);
const TEMPLATE: SessionId = SessionId::from_bytes([9; 16]);

/// The most steps of one statement, also of those of the other test, which runs in the same process: a whole portion of ended
/// sessions takes about 31,500. With a walk over the ended sessions it is above 200,000.
const MAX_STEPS: i32 = 50_000;

fn session(number: u8) -> Session {
    cookie_session(SessionId::from_bytes([number; 16]), ADA)
}

fn ending(reason: EndReason) -> SessionEnding {
    SessionEnding { end: SessionEnd { at: NOON, reason }, remember_until: NOON }
}

async fn applied(store: &SqliteStore, changes: impl Into<Vec<Change>>) {
    let changes: Vec<Change> = changes.into();
    let _ = store.commit(&changes.into()).await.unwrap().applied().unwrap();
}

/// A store in a file with one user and 40,000 ended sessions, audit events and revocations of that user.
async fn store_with_many_ended_sessions(directory: &std::path::Path) -> Arc<SqliteStore> {
    let path = directory.join("auth.db");
    let store = SqliteStore::open(&path).unwrap();
    let event = AuditEvent::by_user(AuditEventKind::LoginSucceeded, ADA, &ClientInfo::default(), NOON);
    applied(
        &store,
        [
            Change::insert_user(User::new(ADA, "ada".parse().unwrap(), NOON)),
            Change::insert_session(Session { id: TEMPLATE, ..session(9) }),
            Change::end_session(TEMPLATE, ending(EndReason::Logout)),
            Change::record_event(event.with_session(TEMPLATE, ClientId::default())),
        ],
    )
    .await;
    store.close().await.unwrap();
    drop(store);
    multiply(&Connection::open(&path).unwrap());
    SqliteStore::open(&path).unwrap()
}

/// Copies the only session, audit event and revocation 40,000 times, with other ids.
fn multiply(connection: &Connection) {
    let copies = [
        ("sessions", "id", "randomblob(16)"),
        ("audit_events", "number", "n + 10"),
        ("revocation_log", "position", "n"),
    ];
    for (table, key, value) in copies {
        let columns: Vec<String> = connection
            .prepare("SELECT name FROM pragma_table_info(?1) WHERE name <> ?2")
            .unwrap()
            .query_map(params![table, key], |row| row.get(0))
            .unwrap()
            .collect::<Result<_, _>>()
            .unwrap();
        let columns = columns.join(", ");
        let copy = format!(
            "WITH RECURSIVE numbers (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < 40000)
             INSERT INTO {table} ({key}, {columns}) SELECT {value}, {columns} FROM numbers, (SELECT * FROM {table} LIMIT 1)"
        );
        assert_eq!(connection.execute(&copy, []).unwrap(), 40_000);
    }
}

/// The requests of that user and about that user, and what follows from them.
async fn use_every_path(store: &SqliteStore) {
    for number in 10..14 {
        let login = session(number);
        applied(
            store,
            [
                Change::insert_session(login.clone()),
                Change::end_oldest_sessions_of(ADA, login.id, 99, ending(EndReason::SessionLimit)),
            ],
        )
        .await;
        let used = Session { seen_at: NOON + std::time::Duration::from_secs(60), revision: 1, ..login };
        applied(store, [Change::replace_session(used)]).await;
    }
    let first = SessionId::from_bytes([10; 16]);
    store.session_context(first).await.unwrap().unwrap();
    let live = store.sessions_of(ADA, Page { after: None, limit: 101 }, NOON).await.unwrap();
    assert_eq!(live.len(), 4);
    applied(store, [Change::refresh_positions_of(ADA), Change::set_cutoff(CutoffScope::User(ADA))]).await;
    applied(store, [Change::end_sessions_of(ADA, Some(first), ending(EndReason::ByUser))]).await;
    applied(store, [Change::end_sessions_of(ADA, None, ending(EndReason::ByUser))]).await;
    for (user, session) in [(None, None), (Some(ADA), None), (None, Some(first)), (Some(ADA), Some(first))] {
        let query = AuditEventQuery { user, session, limit: 50, ..AuditEventQuery::default() };
        store.audit_events(&query).await.unwrap();
        let none = AuditEventQuery { kinds: vec![AuditEventKind::Restored], ..query };
        store.audit_events(&none).await.unwrap();
        store.audit_events(&AuditEventQuery { after: Some(0), ..none }).await.unwrap();
    }
    for user in [None, Some(ADA)] {
        let query = SessionQuery { user, ..SessionQuery::default() };
        store.sessions(&query, Page { after: None, limit: 1001 }, NOON).await.unwrap();
    }
    let limit = NonZeroU32::new(100).unwrap();
    store.revocation_log_after(RevocationPosition::START, limit).await.unwrap();
    complete_all_session_ends(store).await.unwrap();
    store.purge(NOON, 256, ExpiryEvents::Record).await.unwrap();
    applied(store, [Change::remove_user(ADA)]).await;
    assert!(store.user(ADA).await.unwrap().is_none());
    assert_eq!(
        store.purge(NOON, 256, ExpiryEvents::Record).await.unwrap(),
        256,
        "sessions of the removed user"
    );
    store
        .purge(NOON + std::time::Duration::from_secs(365 * 86_400), 256, ExpiryEvents::Record)
        .await
        .unwrap();
}

#[tokio::test]
async fn with_40_000_ended_sessions_of_one_user_every_statement_is_short() {
    let directory = tempfile::tempdir().unwrap();
    let store = store_with_many_ended_sessions(directory.path()).await;

    use_every_path(&store).await;

    let all = STEPS.lock().unwrap().clone();
    let mut longest: Vec<_> = all.into_iter().filter(|(sql, _)| !is_of_the_start(sql)).collect();
    longest.sort_by_key(|(_, steps)| std::cmp::Reverse(*steps));
    for (sql, steps) in longest.iter().take(5) {
        println!("{steps} steps: {}", sql.split_whitespace().collect::<Vec<_>>().join(" "));
    }
    assert!(longest[0].1 < MAX_STEPS, "{:?}", longest[0]);
}
