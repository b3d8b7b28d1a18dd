//! The conformance suite for stores, run on SQLite: in memory and in a file, each also behind the session cache.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use counterfoil_core::store::Store;
use counterfoil_core::store::conformance::run_conformance_suite;
use counterfoil_core::store::session_cache::MemorySessionCache;
use counterfoil_sqlite::SqliteStore;
use counterfoil_verify::Revocations;

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn sqlite_in_memory_passes_the_conformance_suite() {
    run_conformance_suite(async || in_memory()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn sqlite_in_memory_behind_the_session_cache_passes_the_conformance_suite() {
    run_conformance_suite(async || behind_the_cache(in_memory())).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn an_sqlite_file_passes_the_conformance_suite() {
    let files = Files::new();
    run_conformance_suite(async || files.open_new()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn an_sqlite_file_behind_the_session_cache_passes_the_conformance_suite() {
    let files = Files::new();
    run_conformance_suite(async || behind_the_cache(files.open_new())).await;
}

fn in_memory() -> Arc<dyn Store> {
    SqliteStore::in_memory().expect("a temporary directory")
}

/// A directory with a file for each case.
struct Files {
    dir: tempfile::TempDir,
    number: AtomicU32,
}

impl Files {
    fn new() -> Self {
        Self { dir: tempfile::tempdir().expect("a temporary directory"), number: AtomicU32::new(0) }
    }

    fn open_new(&self) -> Arc<dyn Store> {
        let file = format!("{}.db", self.number.fetch_add(1, Ordering::Relaxed));
        SqliteStore::open(&self.dir.path().join(file)).expect("a new file")
    }
}

fn behind_the_cache(store: Arc<dyn Store>) -> Arc<dyn Store> {
    store.subscribe(Arc::new(MemorySessionCache::new(100, Arc::new(Revocations::new()))));
    store
}
