//! The conformance suite for stores, run on SQLite.

use std::sync::Arc;

use counterfoil_core::store::Store;
use counterfoil_core::store::conformance::run_conformance_suite;
use counterfoil_sqlite::SqliteStore;

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn sqlite_passes_the_conformance_suite() {
    run_conformance_suite(async || {
        SqliteStore::in_memory().expect("a temporary directory") as Arc<dyn Store>
    })
    .await;
}
