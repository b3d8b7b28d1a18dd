//! The conformance suite for stores, run on SQLite: in memory, in a file, and behind the session cache.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use counterfoil_core::store::Store;
use counterfoil_core::store::conformance::run_conformance_suite;
use counterfoil_core::store::session_cache::MemorySessionCache;
use counterfoil_sqlite::SqliteStore;
use counterfoil_verify::Revocations;

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn sqlite_passes_the_conformance_suite() {
    run_conformance_suite(async || {
        SqliteStore::in_memory().expect("a temporary directory") as Arc<dyn Store>
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn an_sqlite_file_behind_the_session_cache_passes_the_conformance_suite() {
    let (dir, number) = (tempfile::tempdir().unwrap(), AtomicU32::new(0));
    run_conformance_suite(async || {
        let file = dir.path().join(format!("{}.db", number.fetch_add(1, Ordering::Relaxed)));
        let store = SqliteStore::open(&file).unwrap() as Arc<dyn Store>;
        store.subscribe(Arc::new(MemorySessionCache::new(100, Arc::new(Revocations::new()))));
        store
    })
    .await;
}
