//! The conformance suite for stores, run on PostgreSQL.

use std::sync::Arc;

use counterfoil_core::store::Store;
use counterfoil_core::store::conformance::run_conformance_suite;

use crate::fixture::{open, server};

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn postgresql_passes_the_conformance_suite() {
    let Some(server) = server() else { return };
    let database = server.new_database();
    // A schema is made faster than a database.
    run_conformance_suite(async || open(&server.new_schema(&database)).await as Arc<dyn Store>).await;
}
