//! SQLite is held to the laws of every store.

use std::sync::Arc;

use counterfoil_core::store::Store;
use counterfoil_core::store::conformance::holds_every_law;
use counterfoil_sqlite::SqliteStore;

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn holds_every_law_of_a_store() {
    holds_every_law(async || SqliteStore::in_memory().expect("a temporary directory") as Arc<dyn Store>)
        .await;
}
