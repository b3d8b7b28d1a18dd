//! How a connection is made: TLS, time limits, and the settings of its session.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use rustls::{ClientConfig, RootCertStore};
use tokio::sync::oneshot;
use tokio::time::timeout;
use tokio_postgres::Config;
use tokio_postgres_rustls::MakeRustlsConnect;

use crate::error::QueryError;
use crate::statement::Connection;
use crate::url::{PostgresUrl, Tls};

/// The time within which a connection must be made.
pub(crate) const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);

/// The time after which a connection that the other machine no longer acknowledges is given up.
const TCP_TIMEOUT: Duration = Duration::from_secs(3);

/// Makes connections to one database.
#[derive(Clone)]
pub(crate) struct Connector {
    config: Config,
    tls: MakeRustlsConnect,
}

/// A connection, and a signal of its end.
pub(crate) struct Connected {
    pub(crate) connection: Connection,
    /// Answered, or dropped, when the connection has ended.
    pub(crate) ended: oneshot::Receiver<()>,
}

impl Connector {
    /// # Errors
    ///
    /// If the trusted certificates cannot be read.
    pub(crate) fn new(url: &PostgresUrl) -> io::Result<Self> {
        let mut config = url.config.clone();
        config.application_name("counterfoil");
        config.connect_timeout(CONNECT_TIMEOUT);
        config.tcp_user_timeout(TCP_TIMEOUT);
        config.keepalives_idle(TCP_TIMEOUT);
        Ok(Self { config, tls: MakeRustlsConnect::new(tls_config(&url.tls)?) })
    }

    /// What the pool of readers connects with.
    pub(crate) fn parts(&self) -> (Config, MakeRustlsConnect) {
        (self.config.clone(), self.tls.clone())
    }

    /// Makes a connection of its own, not one of a pool.
    pub(crate) async fn connect(&self) -> Result<Connected, QueryError> {
        let connect = self.config.connect(self.tls.clone());
        let (client, connection) =
            timeout(CONNECT_TIMEOUT, connect).await.map_err(|_| QueryError::TimedOut)??;
        let (signal, ended) = oneshot::channel();
        let task = tokio::spawn(async move {
            if let Err(error) = connection.await {
                tracing::debug!(%error, "a connection to the database has ended");
            }
            let _ = signal.send(());
        });
        Ok(Connected { connection: Connection::new(client, task), ended })
    }
}

fn tls_config(tls: &Tls) -> io::Result<ClientConfig> {
    let mut roots = RootCertStore::empty();
    match tls {
        Tls::Off => {}
        Tls::Verify { roots: Some(file) } => {
            let certificates = CertificateDer::pem_file_iter(file).map_err(io::Error::other)?;
            for certificate in certificates {
                let certificate = certificate.map_err(io::Error::other)?;
                roots.add(certificate).map_err(io::Error::other)?;
            }
            if roots.is_empty() {
                return Err(io::Error::other("the file of trusted certificates has none"));
            }
        }
        Tls::Verify { roots: None } => {
            // A certificate of the system that cannot be read is left out.
            roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        }
    }
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(io::Error::other)?;
    Ok(config.with_root_certificates(roots).with_no_client_auth())
}

/// The settings of every session. A statement that takes longer than `limit`, or that waits half of it for a lock that
/// another program holds, fails, so that no caller waits for long.
pub(crate) fn session_settings(limit: Duration) -> String {
    format!(
        "SET statement_timeout = {}; SET lock_timeout = {}; SET idle_in_transaction_session_timeout = 10000;
         SET default_transaction_isolation = 'read committed'; SET jit = off",
        limit.as_millis(),
        limit.as_millis() / 2
    )
}
