//! TLS: the certificate of the server is verified, and an error says what is wrong with it.

use std::error::Error as _;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use counterfoil_core::store::Store;
use counterfoil_postgres::{OpenError, PostgresStore};
use counterfoil_test_support::{CertificateAuthority, PostgresServer, ServerCertificate, skip};

use crate::fixture::open;

/// A server whose certificate is for `localhost`.
#[track_caller]
fn server(authority: &CertificateAuthority) -> Option<PostgresServer> {
    let server = PostgresServer::with_tls(&authority.certificate("localhost"));
    if server.is_none() {
        skip("PostgreSQL is not installed");
    }
    server
}

fn trusting(url: &str, file: &Path) -> String {
    format!("{url}?sslmode=verify-full&sslrootcert={}", file.display())
}

/// What an operator reads about a store that was not opened: the error with its causes, and the hint.
async fn refusal(url: &str) -> String {
    let error = PostgresStore::open(&url.parse().unwrap()).await.unwrap_err();
    assert!(matches!(error, OpenError::Unreachable { .. }), "{url}: {error:?}");
    let cause = error.source().unwrap();
    let causes = cause.source().map_or_else(String::new, |source| format!(": {source}"));
    format!("{error}: {cause}{causes}; {}", error.hint())
}

/// The refusal, as soon as the server has read its configuration again.
async fn refusal_with(url: &str, expected: &str) -> String {
    for _ in 0..200 {
        if PostgresStore::open(&url.parse().unwrap()).await.is_err() {
            let text = refusal(url).await;
            if text.contains(expected) {
                return text;
            }
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("not within ten seconds: {expected}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_is_accepted_only_with_a_certificate_for_its_name_that_is_trusted() {
    let authority = CertificateAuthority::new();
    let Some(server) = server(&authority) else { return };
    let url = server.tls_url("localhost", "postgres");

    let store = open(&trusting(&url, &authority.file())).await;

    let encrypted = "SELECT bool_and(ssl) FROM pg_stat_ssl JOIN pg_stat_activity USING (pid)
                     WHERE application_name = 'counterfoil'";
    assert_eq!(server.sql("postgres", encrypted), "t");
    store.close().await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_error_says_what_is_wrong_with_the_certificate_and_what_to_do() {
    let authority = CertificateAuthority::new();
    let Some(server) = server(&authority) else { return };
    let url = server.tls_url("localhost", "postgres");
    let trusted = trusting(&url, &authority.file());
    let unknown = "no trusted authority has signed the certificate of the server; name a file with the certificate of its \
                   authority: `sslrootcert=FILE`";

    // Trusted is what the operating system trusts, or another authority of the same name.
    for url in [format!("{url}?sslmode=require"), trusting(&url, &CertificateAuthority::new().file())] {
        let text = refusal(&url).await;
        assert!(text.contains(unknown), "{text}");
    }
    let by_address = trusting(&server.tls_url("127.0.0.1", "postgres"), &authority.file());
    let text = refusal(&by_address).await;
    assert!(text.contains("is for another host name") && text.contains("localhost"), "{text}");
    assert!(text.contains("write a host into the URL that is in the certificate"), "{text}");
    let text = refusal(&trusting(&url, Path::new("/nowhere/root.pem"))).await;
    assert!(
        text.contains("the trusted certificates in /nowhere/root.pem cannot be used: No such file"),
        "{text}"
    );
    assert!(text.contains("which this user can read"), "{text}");

    server.replace_certificate(&authority.expired_certificate("localhost"));
    let text = refusal_with(&trusted, "expired").await;
    assert!(text.contains("the certificate of the server has expired; renew it, and reload"), "{text}");
    server.replace_certificate(&authority.future_certificate("localhost"));
    let text = refusal_with(&trusted, "not valid yet").await;
    assert!(text.contains("is not valid yet; correct the clock"), "{text}");
    let own = self_signed();
    server.replace_certificate(&own.1);
    let text = refusal_with(&trusting(&url, &own.1.certificate), "authority").await;
    assert!(
        text.contains("is one of an authority; make a certificate with `basicConstraints=CA:FALSE`"),
        "{text}"
    );

    server.sql("postgres", "ALTER SYSTEM SET ssl = off");
    server.sql("postgres", "SELECT pg_reload_conf()");
    let text = refusal_with(&trusted, "offer").await;
    assert!(text.contains("the server does not offer TLS; set `ssl = on` at the server"), "{text}");
}

/// A certificate as `openssl` makes it by itself, which is one of an authority.
fn self_signed() -> (tempfile::TempDir, ServerCertificate) {
    let dir = tempfile::tempdir().unwrap();
    let files =
        ServerCertificate { certificate: dir.path().join("own.crt"), key: dir.path().join("own.key") };
    let made = Command::new("openssl")
        .args([
            "req",
            "-x509",
            "-newkey",
            "ec",
            "-pkeyopt",
            "ec_paramgen_curve:P-256",
            "-nodes",
            "-days",
            "2",
        ])
        .args(["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost"])
        .arg("-keyout")
        .arg(&files.key)
        .arg("-out")
        .arg(&files.certificate)
        .output()
        .unwrap();
    assert!(made.status.success(), "{made:?}");
    (dir, files)
}
