//! Why a cluster could not be connected: the client of a cluster does not say it. The servers of the URL are connected one by
//! one, and then the nodes at the addresses that the cluster announces.

use redis::aio::MultiplexedConnection;
use redis::{ErrorKind, RedisError, RedisResult, Value, from_redis_value};

use crate::connect_error::ConnectError;
use crate::connection::{check_command, open_node};
use crate::url::{RedisUrl, Topology};

/// How many nodes of a cluster are connected at most to find one that cannot be reached.
const MAX_NODES: usize = 32;

/// A host and its port.
type Address = (String, u16);

/// The cause of `error`, which an attempt to connect has returned. Of one server and of sentinels it is its own cause.
pub(crate) async fn diagnose(url: &RedisUrl, error: RedisError) -> ConnectError {
    let has_no_cause = matches!(error.kind(), ErrorKind::Io | ErrorKind::ClusterConnectionNotFound);
    if url.topology != Topology::Cluster || !has_no_cause {
        return ConnectError::Server(error);
    }
    let mut first_error = None;
    for (host, port) in &url.hosts {
        match announced_nodes(url, (host, *port)).await {
            // One server of the URL is enough, if the nodes that it announces can be reached.
            Ok(nodes) => return unreachable_node(url, nodes).await.unwrap_or(ConnectError::Server(error)),
            Err(error) => {
                first_error.get_or_insert(error);
            }
        }
    }
    ConnectError::Server(first_error.unwrap_or(error))
}

/// The first of these nodes that does not answer.
async fn unreachable_node(url: &RedisUrl, nodes: Vec<Address>) -> Option<ConnectError> {
    for (host, port) in nodes.into_iter().take(MAX_NODES) {
        if let Err(error) = ask(url, (&host, port)).await {
            return Some(ConnectError::Announced { address: format!("{host}:{port}"), error });
        }
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
