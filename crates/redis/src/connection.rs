//! Connects to the servers of a URL.

use std::io;
use std::time::Duration;

use redis::aio::MultiplexedConnection;
use redis::cluster::ClusterClient;
use redis::cluster_async::ClusterConnection;
use redis::sentinel::{SentinelClientBuilder, SentinelServerType};
use redis::{
    AsyncConnectionConfig, Client, Cmd, ConnectionAddr, ConnectionInfo, ErrorKind, FromRedisValue,
    IntoConnectionInfo as _, RedisConnectionInfo, RedisError, RedisResult, ServerErrorKind, TlsCertificates,
    TlsMode,
};

use crate::url::{RedisUrl, Topology};

/// How long one connection, and each answer while it is made, may take.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(1);

/// How long everything may take that leads to a connection: sentinels and cluster nodes are asked one after another.
const TOTAL_CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// How many calls of one connection may wait for an answer. Further ones wait for a place, and for no longer than their
/// time-out.
const MAX_CALLS: usize = 1024;

/// A connection that many calls share.
#[derive(Clone)]
pub(crate) enum Connection {
    /// To one server.
    Single(MultiplexedConnection),
    /// To the nodes of a cluster. It replaces lost connections by itself.
    Cluster(ClusterConnection),
}

/// What a failed call says about its connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Health {
    /// The server has answered.
    Answered,
    /// The call has failed, and the next one may succeed.
    Doubtful,
    /// The connection is lost, or leads to a server that is no longer the right one.
    Lost,
}

impl Connection {
    /// Connects, and waits for the answer to a first command.
    pub(crate) async fn open(url: &RedisUrl) -> RedisResult<Self> {
        let opening = async {
            let connection = match &url.topology {
                Topology::Single => Self::Single(open_single(url).await?),
                Topology::Sentinel(master) => Self::Single(open_by_sentinels(url, master).await?),
                Topology::Cluster => Self::Cluster(open_cluster(url).await?),
            };
            connection.clone().call::<()>(&check_command()).await?;
            Ok(connection)
        };
        let timed_out = |_| io::Error::new(io::ErrorKind::TimedOut, "it did not answer in time");
        tokio::time::timeout(TOTAL_CONNECT_TIMEOUT, opening).await.map_err(timed_out)?
    }

    /// Sends one command.
    pub(crate) async fn call<T: FromRedisValue>(self, command: &Cmd) -> RedisResult<T> {
        match self {
            Self::Single(mut connection) => command.query_async(&mut connection).await,
            Self::Cluster(mut connection) => command.query_async(&mut connection).await,
        }
    }

    /// What this error of a call says about the connection.
    pub(crate) fn health_after(&self, error: &RedisError) -> Health {
        match (self, error.kind()) {
            // A former master, after a failover.
            (_, ErrorKind::Server(ServerErrorKind::ReadOnly)) | (_, ErrorKind::AuthenticationFailed) => {
                Health::Lost
            }
            (Self::Cluster(_), ErrorKind::Io | ErrorKind::ClusterConnectionNotFound) => Health::Doubtful,
            (Self::Cluster(_), ErrorKind::Server(ServerErrorKind::ClusterDown)) => Health::Doubtful,
            (Self::Single(_), ErrorKind::Io | ErrorKind::Parse) => Health::Lost,
            // The user was deleted, or has another password.
            _ if matches!(error.code(), Some("NOAUTH" | "WRONGPASS")) => Health::Lost,
            _ => Health::Answered,
        }
    }
}

/// A command that any server answers. In a cluster `PING` is sent to all nodes, and fails if one of them is gone.
pub(crate) fn check_command() -> Cmd {
    let mut command = redis::cmd("ECHO");
    command.arg("counterfoil");
    command
}

async fn open_single(url: &RedisUrl) -> RedisResult<MultiplexedConnection> {
    let (host, port) = url.hosts.first().ok_or_else(no_host)?;
    open_node(url, host, *port).await
}

/// Connects to one server of the URL, or to one node of its cluster.
pub(crate) async fn open_node(url: &RedisUrl, host: &str, port: u16) -> RedisResult<MultiplexedConnection> {
    let client = open_client(node(url, host, port)?, certificates(url)?)?;
    client.get_multiplexed_async_connection_with_config(&config()).await
}

async fn open_by_sentinels(url: &RedisUrl, master: &str) -> RedisResult<MultiplexedConnection> {
    let sentinels = url.hosts.iter().map(|(host, port)| address(url, host, *port));
    let mut builder = SentinelClientBuilder::new(sentinels, master, SentinelServerType::Master)?
        .set_client_to_redis_db(url.database.into());
    if let Some(user) = &url.user {
        builder = builder.set_client_to_redis_username(user);
    }
    if let Some(password) = &url.password {
        builder = builder.set_client_to_redis_password(password.expose());
    }
    if url.uses_tls {
        builder = builder.set_client_to_redis_tls_mode(TlsMode::Secure);
    }
    if let Some(certificates) = certificates(url)? {
        builder = builder
            .set_client_to_redis_certificates(certificates.clone())
            .set_client_to_sentinel_certificates(certificates);
    }
    builder.build()?.get_async_connection_with_config(&config()).await
}

async fn open_cluster(url: &RedisUrl) -> RedisResult<ClusterConnection> {
    let nodes: Vec<_> =
        url.hosts.iter().map(|(host, port)| node(url, host, *port)).collect::<RedisResult<_>>()?;
    let mut builder = ClusterClient::builder(nodes)
        .connection_timeout(CONNECT_TIMEOUT)
        .response_timeout(CONNECT_TIMEOUT)
        .connection_concurrency_limit(MAX_CALLS)
        .retries(2)
        .min_retry_wait(5)
        .max_retry_wait(20);
    if let Some(certificates) = certificates(url)? {
        builder = builder.certs(certificates);
    }
    builder.build()?.get_async_connection().await
}

fn config() -> AsyncConnectionConfig {
    AsyncConnectionConfig::new()
        .set_connection_timeout(Some(CONNECT_TIMEOUT))
        .set_response_timeout(Some(CONNECT_TIMEOUT))
        .set_concurrency_limit(MAX_CALLS)
}

fn open_client(info: ConnectionInfo, certificates: Option<TlsCertificates>) -> RedisResult<Client> {
    match certificates {
        Some(certificates) => Client::build_with_tls(info, certificates),
        None => Client::open(info),
    }
}

fn node(url: &RedisUrl, host: &str, port: u16) -> RedisResult<ConnectionInfo> {
    // Redis 7.0 does not know the command with which a client gives its name.
    let mut settings = RedisConnectionInfo::default().set_db(url.database.into()).set_skip_set_lib_name();
    if let Some(user) = &url.user {
        settings = settings.set_username(user);
    }
    if let Some(password) = &url.password {
        settings = settings.set_password(password.expose());
    }
    Ok(address(url, host, port).into_connection_info()?.set_redis_settings(settings))
}

fn address(url: &RedisUrl, host: &str, port: u16) -> ConnectionAddr {
    let host = host.to_owned();
    match url.uses_tls {
        true => ConnectionAddr::TcpTls { host, port, insecure: false, tls_params: None },
        false => ConnectionAddr::Tcp(host, port),
    }
}

/// The certificates that are trusted instead of those of the operating system.
fn certificates(url: &RedisUrl) -> RedisResult<Option<TlsCertificates>> {
    if url.uses_tls && rustls::crypto::CryptoProvider::get_default().is_none() {
        // The client asks for the default of the process. If another thread has set one meanwhile, that is used.
        let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    }
    let Some(file) = &url.ca_file else { return Ok(None) };
    let unreadable = |error: io::Error| io::Error::new(error.kind(), format!("{}: {error}", file.display()));
    let root_cert = Some(std::fs::read(file).map_err(unreadable)?);
    Ok(Some(TlsCertificates { client_tls: None, root_cert }))
}

fn no_host() -> RedisError {
    (ErrorKind::InvalidClientConfig, "the URL has no host").into()
}
