//! The conformance suite for stores, run on PostgreSQL: one process, behind the session cache, and two processes in turn.

use std::sync::Arc;

use counterfoil_core::store::Store;
use counterfoil_core::store::conformance::{
    AlternatingStore, run_conformance_suite, run_conformance_suite_on_several_processes,
};
use counterfoil_core::store::session_cache::MemorySessionCache;
use counterfoil_verify::Revocations;

use crate::fixture::{open, server};

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn postgresql_passes_the_conformance_suite() {
    let Some(server) = server() else { return };
    let database = server.new_database();
    // A schema is made faster than a database.
    run_conformance_suite(async || open(&server.new_schema(&database)).await as Arc<dyn Store>).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn postgresql_behind_the_session_cache_passes_the_conformance_suite() {
    let Some(server) = server() else { return };
    let database = server.new_database();
    run_conformance_suite(async || {
        let store = open(&server.new_schema(&database)).await as Arc<dyn Store>;
        store.subscribe(Arc::new(MemorySessionCache::new(100, Arc::new(Revocations::new()))));
        store
    })
    .await;
}

/// What one commits, the other sees as the law requires.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn two_processes_on_one_database_pass_the_conformance_suite_in_turn() {
    let Some(server) = server() else { return };
    let database = server.new_database();
    run_conformance_suite_on_several_processes(async || {
        let url = server.new_schema(&database);
        Arc::new(AlternatingStore::new([open(&url).await as _, open(&url).await as _])) as Arc<dyn Store>
    })
    .await;
}
