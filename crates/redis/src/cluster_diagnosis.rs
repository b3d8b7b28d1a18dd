//! Why a cluster could not be connected: the client of a cluster does not say it. The servers of the URL are connected one by
//! one, and then the nodes at the addresses that the cluster announces.

use std::time::Duration;

use redis::aio::MultiplexedConnection;
use redis::{ErrorKind, RedisError, RedisResult, Value, from_redis_value};
use tokio::time::timeout;

use crate::connect_error::{ConnectError, Progress};
use crate::connection::{check_command, open_node};
use crate::url::{RedisUrl, Topology};

/// How many nodes of a cluster are connected at most to find one that cannot be reached.
const MAX_NODES: usize = 32;

/// How long the servers of the URL and the nodes may take, one after another.
const TOTAL_TIMEOUT: Duration = Duration::from_secs(5);

/// A host and its port.
type Address = (String, u16);

/// The cause of `error`, which an attempt to connect has returned. Of one server and of sentinels it is its own cause.
///
/// No connection is tried again meanwhile, so it ends after [`TOTAL_TIMEOUT`] with what it has found.
pub(crate) async fn diagnose(url: &RedisUrl, error: RedisError) -> ConnectError {
    diagnose_within(TOTAL_TIMEOUT, url, error).await
}

async fn diagnose_within(limit: Duration, url: &RedisUrl, error: RedisError) -> ConnectError {
    let has_no_cause = matches!(error.kind(), ErrorKind::Io | ErrorKind::ClusterConnectionNotFound);
    if url.topology != Topology::Cluster || !has_no_cause {
        return ConnectError::Server(error);
    }
    let mut found = Findings { first_error: None, progress: Progress::Servers { asked: 0 } };
    match timeout(limit, examine(url, &mut found)).await {
        Ok(Some(cause)) => cause,
        Ok(None) => ConnectError::Server(found.first_error.unwrap_or(error)),
        Err(_) => {
            let error = found.first_error.unwrap_or(error);
            ConnectError::Unfinished { progress: found.progress, error }
        }
    }
}

/// What is known so far.
struct Findings {
    /// Of the servers of the URL.
    first_error: Option<RedisError>,
    progress: Progress,
}

/// The first node that does not answer. `None` if no server of the URL names the nodes, or if all nodes answer.
async fn examine(url: &RedisUrl, found: &mut Findings) -> Option<ConnectError> {
    for (asked, (host, port)) in (1..).zip(&url.hosts) {
        match announced_nodes(url, (host, *port)).await {
            // One server of the URL is enough, if the nodes that it announces can be reached.
            Ok(nodes) => {
                found.first_error = None;
                return unreachable_node(url, nodes, &mut found.progress).await;
            }
            Err(error) => {
                found.first_error.get_or_insert(error);
                found.progress = Progress::Servers { asked };
            }
        }
    }
    None
}

/// The first of these nodes that does not answer.
async fn unreachable_node(
    url: &RedisUrl,
    nodes: Vec<Address>,
    progress: &mut Progress,
) -> Option<ConnectError> {
    let of = nodes.len();
    *progress = Progress::Nodes { reached: 0, of };
    for (reached, (host, port)) in (1..).zip(nodes.into_iter().take(MAX_NODES)) {
        if let Err(error) = ask(url, (&host, port)).await {
            return Some(ConnectError::Announced { address: format!("{host}:{port}"), error });
        }
        *progress = Progress::Nodes { reached, of };
    }
    None
}

/// Waits for the answer to a first command: a connection without TLS to a port for TLS is made, and ends with it.
async fn ask(url: &RedisUrl, (host, port): (&str, u16)) -> RedisResult<()> {
    check_command().query_async(&mut open_node(url, host, port).await?).await
}

/// The addresses of the nodes, as this server of the URL announces them.
async fn announced_nodes(url: &RedisUrl, (host, port): (&str, u16)) -> RedisResult<Vec<Address>> {
    let mut connection: MultiplexedConnection = open_node(url, host, port).await?;
    let slots: Vec<Vec<Value>> = redis::cmd("CLUSTER").arg("SLOTS").query_async(&mut connection).await?;
    // A range of slots: its first one, its last one and the nodes.
    let nodes = slots.into_iter().flat_map(|range| range.into_iter().skip(2));
    let mut addresses: Vec<Address> = nodes.filter_map(|node| address(node, host)).collect();
    addresses.sort();
    addresses.dedup();
    Ok(addresses)
}

/// The address in the description of a node. Without a host it is that of the server that was asked.
fn address(node: Value, asked: &str) -> Option<Address> {
    let mut members = from_redis_value::<Vec<Value>>(node).ok()?.into_iter();
    let host: Option<String> = from_redis_value(members.next()?).ok()?;
    let port = from_redis_value(members.next()?).ok()?;
    Some((host.filter(|host| !host.is_empty()).unwrap_or_else(|| asked.to_owned()), port))
}

#[cfg(test)]
mod tests {
    use std::io;

    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    use tokio::net::TcpListener;
    use tokio::time::{Instant, sleep};

    use super::*;

    /// The error of the client of a cluster.
    fn without_cause() -> RedisError {
        io::Error::from(io::ErrorKind::TimedOut).into()
    }

    async fn listen(count: usize) -> (Vec<TcpListener>, Vec<u16>) {
        let mut listeners = Vec::new();
        for _ in 0..count {
            listeners.push(TcpListener::bind("127.0.0.1:0").await.unwrap());
        }
        let ports = listeners.iter().map(|listener| listener.local_addr().unwrap().port()).collect();
        (listeners, ports)
    }

    fn url_of(ports: &[u16]) -> RedisUrl {
        let hosts: Vec<_> = ports.iter().map(|port| format!("127.0.0.1:{port}")).collect();
        format!("redis+cluster://{}", hosts.join(",")).parse().unwrap()
    }

    /// Answers `CLUSTER SLOTS` with these nodes, and each other command after a while.
    async fn serve_slowly(listener: TcpListener, nodes: Vec<u16>) {
        let node = |port: &u16| format!("*3\r\n:{port}\r\n:{port}\r\n*2\r\n$9\r\n127.0.0.1\r\n:{port}\r\n");
        let slots: String = nodes.iter().map(node).collect();
        let slots = format!("*{}\r\n{slots}", nodes.len());
        while let Ok((mut client, _)) = listener.accept().await {
            let slots = slots.clone();
            tokio::spawn(async move {
                let mut command = [0; 4096];
                while let Ok(count @ 1..) = client.read(&mut command).await {
                    if command[..count].windows(5).any(|word| word == b"SLOTS") {
                        let _ = client.write_all(slots.as_bytes()).await;
                    } else {
                        sleep(Duration::from_millis(300)).await;
                        let _ = client.write_all(b"$11\r\ncounterfoil\r\n").await;
                    }
                }
            });
        }
    }

    /// Each of them takes a second.
    #[tokio::test]
    async fn servers_of_the_url_that_do_not_answer_are_not_asked_for_longer_than_allowed() {
        let (_silent, ports) = listen(8).await;
        let (url, started) = (url_of(&ports), Instant::now());

        let cause = diagnose_within(Duration::from_millis(2_500), &url, without_cause()).await;

        assert!(started.elapsed() < Duration::from_secs(6), "{:?}", started.elapsed());
        let ConnectError::Unfinished { progress: Progress::Servers { asked: 1..8 }, .. } = &cause else {
            panic!("{cause:?}")
        };
        let reason = cause.reason(&url);
        assert!(reason.contains("of the 8 servers of the URL"), "{reason}");
    }

    #[tokio::test]
    async fn nodes_that_answer_slowly_are_not_asked_for_longer_than_allowed() {
        let (listeners, ports) = listen(16).await;
        for listener in listeners {
            tokio::spawn(serve_slowly(listener, ports.clone()));
        }
        let (url, started) = (url_of(&ports[..1]), Instant::now());

        let cause = diagnose_within(Duration::from_millis(1_500), &url, without_cause()).await;

        assert!(started.elapsed() < Duration::from_secs(4), "{:?}", started.elapsed());
        let ConnectError::Unfinished { progress: Progress::Nodes { reached: 0..16, of: 16 }, .. } = &cause
        else {
            panic!("{cause:?}")
        };
        let reason = cause.reason(&url);
        assert!(reason.contains("of the 16 nodes of the cluster"), "{reason}");
    }
}
