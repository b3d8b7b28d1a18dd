//! TLS: the certificate of the server is verified.

use counterfoil_core::store::Store;
use counterfoil_postgres::{OpenError, PostgresStore};
use counterfoil_test_support::{PostgresServer, skip};

use crate::fixture::open;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_is_accepted_only_with_a_certificate_for_its_name_that_is_trusted() {
    let Some(server) = PostgresServer::with_tls() else { return skip("PostgreSQL is not installed") };
    let (url, certificate) = server.tls_url("localhost", "postgres");
    let trusted = format!("sslmode=verify-full&sslrootcert={}", certificate.display());

    let store = open(&format!("{url}?{trusted}")).await;

    let encrypted = "SELECT bool_and(ssl) FROM pg_stat_ssl JOIN pg_stat_activity USING (pid)
                     WHERE application_name = 'counterfoil'";
    assert_eq!(server.sql("postgres", encrypted), "t");
    store.close().await.unwrap();
    let (by_address, _) = server.tls_url("127.0.0.1", "postgres");
    let untrusted = [
        // No authority of the operating system has signed it.
        format!("{url}?sslmode=require"),
        // It is for another name.
        format!("{by_address}?{trusted}"),
    ];
    for url in untrusted {
        let error = PostgresStore::open(&url.parse().unwrap()).await.unwrap_err();
        assert!(matches!(error, OpenError::Unreachable { .. }), "{url}: {error:?}");
    }
    let absent = format!("{url}?sslrootcert=/nowhere/root.pem");
    assert!(PostgresStore::open(&absent.parse().unwrap()).await.is_err());
}
