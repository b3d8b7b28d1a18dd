//! The conformance suite for stores on PostgreSQL, behind the caches.

use std::sync::Arc;

use counterfoil_core::store::Store;
use counterfoil_core::store::conformance::run_conformance_suite;
use counterfoil_core::store::session_cache::MemorySessionCache;
use counterfoil_postgres::PostgresStore;
use counterfoil_test_support::{PostgresServer, skip};
use counterfoil_verify::Revocations;

use crate::fixture::{Node, TestClock, server};

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn postgresql_behind_the_caches_passes_the_conformance_suite() {
    let Some(postgres) = PostgresServer::own() else { return skip("PostgreSQL is not installed") };
    let Some(redis) = server("") else { return };
    let database = postgres.new_database();
    let open = async || {
        let url = postgres.new_schema(&database).parse().unwrap();
        let store = PostgresStore::open(&url).await.unwrap() as Arc<dyn Store>;
        let node = Node::start(&store, &redis.url(), &TestClock::new(), crate::fixture::key());
        store.subscribe(Arc::clone(&node.shared) as _);
        store.subscribe(Arc::new(MemorySessionCache::new(100, Arc::new(Revocations::new()))));
        store
    };
    run_conformance_suite(open).await;
}
