//! Test of what statements cost on large tables: none reads a table from its start to its end.

mod requests;

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use serde_json::Value;
use tokio_postgres::{Client, NoTls, SimpleQueryMessage};

use counterfoil_core::store::Store;
use counterfoil_test_support::{PostgresServer, skip};

use crate::store::PostgresStore;
use crate::url::PostgresUrl;

/// The tables whose size grows with the number of users.
const LARGE: [&str; 8] = [
    "users",
    "sessions",
    "session_data",
    "audit_events",
    "revocation_log",
    "counters",
    "node_changes",
    "free_status_indexes",
];

/// The users in a large store. With fewer rows the planner may find a whole table cheaper than its index.
const USERS: u32 = 20_000;

/// The statements that may read a whole table or index, and why.
const MAY_READ_ALL: [(&str, &str); 2] = [
    (
        "SELECT count(*) FROM sessions",
        "only before an operator revokes everything; with a connection of lists",
    ),
    ("strpos(roles,", "only if an administrator is taken away, and not by another one; in portions"),
];

/// Every statement that this process has made.
static STATEMENTS: Mutex<BTreeSet<&'static str>> = Mutex::new(BTreeSet::new());

/// Notes a statement.
pub(crate) fn record(sql: &'static str) {
    STATEMENTS.lock().unwrap_or_else(PoisonError::into_inner).insert(sql);
}

async fn open(url: &str) -> Arc<PostgresStore> {
    PostgresStore::open(&url.parse().unwrap()).await.unwrap()
}

/// Fills a store that was opened, by a connection of its own.
async fn fill(url: &str) -> Client {
    let url: PostgresUrl = url.parse().unwrap();
    let (client, connection) = url.config.connect(NoTls).await.unwrap();
    tokio::spawn(connection);
    client.batch_execute(&format!("SET test.users = '{USERS}'")).await.unwrap();
    client.batch_execute(include_str!("large_store.sql")).await.unwrap();
    client.batch_execute("SELECT pg_stat_force_next_flush()").await.unwrap();
    client
}

/// The steps of the plan that PostgreSQL makes for a statement without knowing its parameters.
async fn plan(client: &Client, sql: &str) -> Value {
    client.batch_execute(&format!("PREPARE planned AS {sql}")).await.unwrap();
    let count = "SELECT cardinality(parameter_types) FROM pg_prepared_statements WHERE name = 'planned'";
    let parameters: i32 = client.query_one(count, &[]).await.unwrap().get(0);
    let parameters = vec!["NULL"; usize::try_from(parameters).unwrap()].join(", ");
    let arguments = if parameters.is_empty() { String::new() } else { format!("({parameters})") };
    let explain = format!("EXPLAIN (FORMAT JSON) EXECUTE planned{arguments}");
    let rows = client.simple_query(&explain).await.unwrap();
    client.batch_execute("DEALLOCATE planned").await.unwrap();
    let text: String = rows
        .iter()
        .filter_map(|row| match row {
            SimpleQueryMessage::Row(row) => row.get(0),
            _ => None,
        })
        .collect();
    serde_json::from_str::<Value>(&text).unwrap()[0]["Plan"].clone()
}

/// Adds the steps that read a whole large table or index. A `Limit` above a walk over an index ends it.
fn whole_reads(step: &Value, is_limited: bool, found: &mut Vec<String>) {
    let text = |name: &str| step[name].as_str().unwrap_or_default();
    let (kind, table, index) = (text("Node Type"), text("Relation Name"), text("Index Name"));
    let reads_all = match kind {
        "Seq Scan" => LARGE.contains(&table),
        "Index Scan" | "Index Only Scan" | "Bitmap Index Scan" => step["Index Cond"].is_null() && !is_limited,
        _ => false,
    };
    if reads_all {
        found.push(format!("{kind} {table} {index}"));
    }
    let is_limited = match kind {
        "Limit" => true,
        // These read everything below them first.
        "Sort" | "Aggregate" | "Hash" | "Materialize" => false,
        _ => is_limited,
    };
    for child in step["Plans"].as_array().into_iter().flatten() {
        whole_reads(child, is_limited, found);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn requests_lists_and_jobs_read_large_tables_by_their_indexes_only() {
    let Some(server) = PostgresServer::shared() else { return skip("PostgreSQL is not installed") };
    let url = server.new_database();
    let store = open(&url).await;
    let client = fill(&url).await;
    let before = rows_of_whole_reads(&client).await;
    requests::use_every_path(&store).await;
    store.close().await.unwrap();

    // With the plans for the real parameters. The processes of the closed connections report when they end.
    let started = Instant::now();
    while started.elapsed() < Duration::from_millis(1_500) {
        assert_eq!(rows_of_whole_reads(&client).await, before, "rows that were read without an index");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }

    // With the plans for any parameters, which PostgreSQL uses if they seem no dearer.
    client.batch_execute("SET plan_cache_mode = force_generic_plan; SET jit = off").await.unwrap();
    let statements = STATEMENTS.lock().unwrap().clone();
    assert!(statements.len() > 80, "{} statements were made", statements.len());
    let mut wrong = Vec::new();
    for sql in statements {
        let mut found = Vec::new();
        whole_reads(&plan(&client, sql).await, false, &mut found);
        if !found.is_empty() && !MAY_READ_ALL.iter().any(|(part, _)| sql.contains(part)) {
            wrong.push(format!("{sql}\n  {}", found.join("\n  ")));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// The number of rows of each large table that were read without an index.
async fn rows_of_whole_reads(client: &Client) -> Vec<(String, i64)> {
    let select = "SELECT relname::text, seq_tup_read FROM pg_stat_user_tables ORDER BY relname";
    let rows = client.query(select, &[]).await.unwrap();
    let rows = rows.iter().map(|row| (row.get::<_, String>(0), row.get(1)));
    rows.filter(|(table, _)| LARGE.contains(&table.as_str())).collect()
}
