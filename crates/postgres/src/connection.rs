//! How a connection is made: TLS, time limits, and the settings of its session.

use std::future::poll_fn;
use std::io;
use std::path::Path;
use std::pin::Pin;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use deadpool_postgres::Connect;
use futures_util::future::join_all;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::{self, PemObject as _};
use rustls::{ClientConfig, RootCertStore};
use tokio::sync::{Notify, oneshot};
use tokio::task::JoinHandle;
use tokio::time::timeout;
use tokio_postgres::error::SqlState;
use tokio_postgres::tls::MakeTlsConnect;
use tokio_postgres::{AsyncMessage, Client, Config, Socket};
use tokio_postgres_rustls::MakeRustlsConnect;

use crate::error::QueryError;
use crate::hosts::{self, CONNECT_TIMEOUT, select_primary};
use crate::statement::Connection;
use crate::timeline::Timeline;
use crate::tls_error::TlsError;
use crate::url::{PostgresUrl, Tls};

/// How often another connection is made at once if one led to a former primary. The hosts are tried in random order.
pub(crate) const FORMER_PRIMARY_RETRIES: usize = 9;

/// The time after which a connection that the other machine no longer acknowledges is given up.
const TCP_TIMEOUT: Duration = Duration::from_secs(3);

/// Has the server end the session of a machine that has gone away, within half a minute instead of two hours: until then it keeps
/// its locks, its snapshot and its transaction. No keepalives are sent while an answer is not acknowledged, so that has a limit too.
const SERVER_KEEPALIVES: &str = "SET tcp_keepalives_idle = 10; SET tcp_keepalives_interval = 5;
    SET tcp_keepalives_count = 2; SET tcp_user_timeout = 20000";

/// Returns the URL again, when the server has refused the password; `None` if it cannot be read.
pub(crate) type Reload = dyn Fn() -> Option<PostgresUrl> + Send + Sync;

/// Makes connections to one database.
#[derive(Clone)]
pub(crate) struct Connector {
    config: Arc<RwLock<Config>>,
    tls: MakeRustlsConnect,
    reload: Arc<Reload>,
    timeline: Arc<Timeline>,
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
    pub(crate) fn new(url: &PostgresUrl, reload: Arc<Reload>) -> Result<Self, QueryError> {
        let mut config = url.config.clone();
        config.application_name("counterfoil");
        config.connect_timeout(CONNECT_TIMEOUT);
        config.tcp_user_timeout(TCP_TIMEOUT);
        config.keepalives_idle(TCP_TIMEOUT);
        select_primary(&mut config);
        let tls = MakeRustlsConnect::new(tls_config(&url.tls)?);
        Ok(Self { config: Arc::new(RwLock::new(config)), tls, reload, timeline: Arc::default() })
    }

    /// Makes a connection of its own, not one of a pool. It may take locks: the server notices soon if this machine is gone.
    pub(crate) async fn connect(&self) -> Result<Connected, QueryError> {
        self.connect_running(run).await
    }

    /// As [`connect`](Self::connect), and wakes `announced` with each notification of the server.
    pub(crate) async fn connect_notifying(&self, announced: Arc<Notify>) -> Result<Connected, QueryError> {
        self.connect_running(|connection| run_notifying(connection, Arc::clone(&announced))).await
    }

    async fn connect_running<R>(&self, run: impl Fn(ServerConnection) -> R) -> Result<Connected, QueryError>
    where
        R: Future<Output = ()> + Send + 'static,
    {
        for _ in 0..FORMER_PRIMARY_RETRIES {
            match self.connect_once(&run).await {
                Err(QueryError::FormerPrimary) => {}
                connected => return connected,
            }
        }
        self.connect_once(&run).await
    }

    async fn connect_once<R>(&self, run: impl Fn(ServerConnection) -> R) -> Result<Connected, QueryError>
    where
        R: Future<Output = ()> + Send + 'static,
    {
        let connect = self.connect_with_current_password();
        let connected = timeout(self.connect_timeout(), connect).await.map_err(|_| QueryError::TimedOut)?;
        let (client, connection) = connected.map_err(connect_error)?;
        let (signal, ended) = oneshot::channel();
        let running = run(connection);
        let task = tokio::spawn(async move {
            running.await;
            let _ = signal.send(());
        });
        let connection = Connection::new(client, task);
        let setup = async {
            connection.batch_execute(SERVER_KEEPALIVES).await?;
            self.timeline.check(&connection).await
        };
        timeout(CONNECT_TIMEOUT, setup).await.map_err(|_| QueryError::TimedOut)??;
        Ok(Connected { connection, ended })
    }

    /// The time within which a connection must be made.
    pub(crate) fn connect_timeout(&self) -> Duration {
        hosts::connect_timeout(&self.config())
    }

    /// Whether the URL names several hosts, of which one is the primary.
    pub(crate) fn has_several_hosts(&self) -> bool {
        self.config().get_hosts().len() > 1
    }

    /// The highest timeline that a connection of this connector has seen.
    pub(crate) fn timeline(&self) -> &Arc<Timeline> {
        &self.timeline
    }

    /// Learns the timelines of all hosts that accept writes. After a start this process knows of no promotion, and a former
    /// primary that came back accepts it as well as the new one.
    pub(crate) async fn survey_hosts(&self) {
        let configs = hosts::each_host(&self.config());
        let surveys = configs.into_iter().map(async |config| {
            let connected = timeout(CONNECT_TIMEOUT, config.connect(self.tls.clone())).await;
            let Ok(Ok((client, connection))) = connected else { return };
            let connection = Connection::new(client, tokio::spawn(run(connection)));
            // Whether it is a former primary counts when it is used.
            let _ = timeout(CONNECT_TIMEOUT, self.timeline.check(&connection)).await;
        });
        join_all(surveys).await;
    }

    /// Connects. If the server refuses the password, and there is another one now, it connects with that.
    async fn connect_with_current_password(
        &self,
    ) -> Result<(Client, ServerConnection), tokio_postgres::Error> {
        let config = self.config();
        let error = match config.connect(self.tls.clone()).await {
            Err(error) if is_password_refused(&error) => error,
            connected => return connected,
        };
        match (self.reload)() {
            Some(url) if url.config.get_password() != config.get_password() => {
                let mut config = config;
                config.password(url.config.get_password().unwrap_or_default());
                let connected = config.connect(self.tls.clone()).await?;
                tracing::info!("the database is connected with another password");
                *self.config.write().unwrap_or_else(PoisonError::into_inner) = config;
                Ok(connected)
            }
            _ => Err(error),
        }
    }

    fn config(&self) -> Config {
        self.config.read().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// The pool of readers connects in the same way.
impl Connect for Connector {
    fn connect(
        &self,
        _: &Config,
    ) -> Pin<Box<dyn Future<Output = Result<(Client, JoinHandle<()>), tokio_postgres::Error>> + Send + '_>>
    {
        Box::pin(async {
            let (client, connection) = self.connect_with_current_password().await?;
            Ok((client, tokio::spawn(run(connection))))
        })
    }
}

type ServerConnection =
    tokio_postgres::Connection<Socket, <MakeRustlsConnect as MakeTlsConnect<Socket>>::Stream>;

/// Serves a connection until it ends.
async fn run(connection: ServerConnection) {
    if let Err(error) = connection.await {
        tracing::debug!(%error, "a connection to the database has ended");
    }
}

/// As [`run`], and wakes `announced` with each notification.
async fn run_notifying(mut connection: ServerConnection, announced: Arc<Notify>) {
    loop {
        match poll_fn(|context| connection.poll_message(context)).await {
            Some(Ok(AsyncMessage::Notification(_))) => announced.notify_one(),
            Some(Ok(_)) => {}
            Some(Err(error)) => {
                tracing::debug!(%error, "a connection to the database has ended");
                break;
            }
            None => break,
        }
    }
    // The next renewal makes another connection, and reads what was not announced.
    announced.notify_one();
}

fn is_password_refused(error: &tokio_postgres::Error) -> bool {
    error.code().is_some_and(|code| {
        *code == SqlState::INVALID_PASSWORD || *code == SqlState::INVALID_AUTHORIZATION_SPECIFICATION
    })
}

/// The error of a connection that could not be made.
fn connect_error(error: tokio_postgres::Error) -> QueryError {
    TlsError::of(&error).map_or_else(|| error.into(), QueryError::Tls)
}

fn tls_config(tls: &Tls) -> Result<ClientConfig, TlsError> {
    let mut roots = RootCertStore::empty();
    match tls {
        Tls::Off => {}
        Tls::Verify { roots: Some(file) } => {
            roots = trusted_certificates(file)
                .map_err(|source| TlsError::TrustedCertificates { file: file.clone(), source })?;
        }
        Tls::Verify { roots: None } => {
            // A certificate of the system that cannot be read is left out.
            roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        }
    }
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| TlsError::Handshake(error.to_string()))?;
    Ok(config.with_root_certificates(roots).with_no_client_auth())
}

/// The certificates in a file.
fn trusted_certificates(file: &Path) -> io::Result<RootCertStore> {
    let mut roots = RootCertStore::empty();
    let unreadable = |error| match error {
        pem::Error::Io(error) => error,
        other => io::Error::other(other),
    };
    for certificate in CertificateDer::pem_file_iter(file).map_err(unreadable)? {
        roots.add(certificate.map_err(unreadable)?).map_err(io::Error::other)?;
    }
    if roots.is_empty() {
        return Err(io::Error::other("it has none"));
    }
    Ok(roots)
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

#[cfg(test)]
mod tests {
    use counterfoil_test_support::{CertificateAuthority, PostgresServer, skip};

    use super::*;
    use crate::check::PostgresInspection;
    use crate::copy::{Existence, PostgresTables};

    /// The settings do nothing, and are zero, on a Unix socket.
    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn the_server_notices_soon_that_the_machine_of_a_connection_outside_of_the_pools_is_gone() {
        let authority = CertificateAuthority::new();
        let Some(server) = PostgresServer::with_tls(&authority.certificate("localhost")) else {
            return skip("PostgreSQL is not installed");
        };
        let (address, certificate) = (server.tls_url("localhost", "postgres"), authority.file());
        let url: PostgresUrl = format!("{address}?sslrootcert={}", certificate.display()).parse().unwrap();
        let read = async |connection: &Connection| {
            let select = "SELECT concat_ws(' ', current_setting('tcp_keepalives_idle'),
                current_setting('tcp_keepalives_interval'), current_setting('tcp_keepalives_count'),
                current_setting('tcp_user_timeout'))";
            connection.query_one(select, &[]).await.unwrap().get::<_, String>(0)
        };

        let connector = Connector::new(&url, Arc::new(|| None)).unwrap();
        assert_eq!(read(&connector.connect().await.unwrap().connection).await, "10 5 2 20000");
        let copied = PostgresTables::open(&url, Existence::CreateIfMissing).await.unwrap();
        assert_eq!(read(copied.connection()).await, "10 5 2 20000");
        drop(copied);
        let inspected = PostgresInspection::open(&url).await.unwrap();
        assert_eq!(read(inspected.connection()).await, "10 5 2 20000");
    }
}
