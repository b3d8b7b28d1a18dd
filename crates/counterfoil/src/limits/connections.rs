//! Limits the number of open connections: in total and per client IP.

use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use counterfoil_core::services::login_rate_limiter::client_ip_key;
use prometheus_client::metrics::counter::Counter;
use tokio::task::AbortHandle;

use crate::limits::connection_activity::{ConnectionActivity, ConnectionPlace};
use crate::limits::connection_table::{ConnectionTable, Phase};
use crate::limits::quota::IpKey;
use crate::settings::Settings;
use crate::settings::ip_network::Network;
use crate::settings::limits::Limits;
use crate::settings::loopback::is_loopback_ip;

/// How many of the largest client IPs are asked for a connection that can be closed.
const MAX_SOURCES_EXAMINED: usize = 4;

/// The number of connections that may be open.
///
/// If a limit is reached, a new connection takes the place of one without a request in progress: of the same client IP
/// at a limit per IP, and of the IP with the most connections at the total limit. So a client that connects and stays
/// silent, as often as it likes, takes no connection from others.
///
/// The limit per client IP does not apply to trusted proxies, which carry the connections of many clients, and not to
/// loopback, where the peer is a proxy or the operator. The limit of connections without a request applies to loopback
/// too, since any program on the machine may connect; a trusted proxy has no reason to stay silent.
#[derive(Debug, Clone)]
pub(crate) struct ConnectionLimiter {
    limits: Limits,
    ipv6_prefix: u8,
    trusted_proxies: Vec<Network>,
    open: OpenConnections,
}

/// The open connections of a listener, and how many were closed to make room for others.
#[derive(Debug, Clone, Default)]
struct OpenConnections {
    table: Arc<Mutex<ConnectionTable>>,
    closed: Counter,
}

/// A connection that counts as open until this is dropped.
#[derive(Debug)]
#[must_use]
pub(crate) struct ConnectionPermit {
    activity: Arc<ConnectionActivity>,
    open: OpenConnections,
    ip: IpKey,
    id: u64,
}

/// The entry of one connection in the table.
#[derive(Debug)]
struct ConnectionEntry {
    open: OpenConnections,
    ip: IpKey,
    id: u64,
    /// How many connections of its client IP may be pending.
    max_pending: usize,
}

impl ConnectionLimiter {
    /// Uses the connection limits in `limits`, at least one connection each.
    pub(crate) fn new(limits: Limits, ipv6_prefix: u8, trusted_proxies: Vec<Network>) -> Self {
        Self { limits, ipv6_prefix, trusted_proxies, open: OpenConnections::default() }
    }

    /// Uses the connection limits in `settings`.
    pub(crate) fn for_settings(settings: &Settings) -> Self {
        Self::new(settings.limits, settings.rate_limits.ipv6_prefix, settings.trusted_proxies.clone())
    }

    /// Counts the connections that are closed to make room for others in `closed`.
    #[must_use]
    pub(crate) fn with_counter(mut self, closed: Counter) -> Self {
        self.open.closed = closed;
        self
    }

    /// Lowers the total limit to `max_connections`. Returns the limit that applies.
    pub(crate) fn limit_total(&mut self, max_connections: usize) -> usize {
        let limit = self.limits.max_connections.min(max_connections).max(1);
        self.limits.max_connections = limit;
        limit
    }

    /// A permit for one connection from `peer`, or `None` if a limit is reached and no other connection can be closed
    /// for it. Drop the permit when the connection ends.
    pub(crate) fn acquire(&self, peer: IpAddr) -> Option<ConnectionPermit> {
        let ip = client_ip_key(peer, self.ipv6_prefix);
        let (max_per_ip, max_pending) =
            (self.limits.max_connections_per_ip.max(1), self.limits.max_pending_connections_per_ip.max(1));
        if self.is_trusted_proxy(peer) {
            return self.acquire_within(ip, usize::MAX, usize::MAX);
        }
        let max_per_ip = if is_loopback_ip(peer) { usize::MAX } else { max_per_ip };
        self.acquire_within(ip, max_per_ip, max_pending)
    }

    /// A permit for one connection from a process of this user to a local socket, like [`Self::acquire`].
    pub(crate) fn acquire_local(&self, uid: u32) -> Option<ConnectionPermit> {
        let mut key = [0; 17];
        key[..4].copy_from_slice(&uid.to_be_bytes());
        self.acquire_within(key, usize::MAX, usize::MAX)
    }

    fn acquire_within(&self, ip: IpKey, max_per_ip: usize, max_pending: usize) -> Option<ConnectionPermit> {
        let mut table = self.open.lock();
        if table.count(&ip) >= max_per_ip && !self.open.close_own(&mut table, ip) {
            return None;
        }
        if table.total() >= self.limits.max_connections.max(1) && !self.make_room_for(&mut table, ip) {
            return None;
        }
        let id = table.take_id();
        let entry = ConnectionEntry { open: self.open.clone(), ip, id, max_pending };
        let activity = Arc::new(ConnectionActivity::new(Box::new(entry)));
        table.insert(ip, id, Arc::clone(&activity));
        Some(ConnectionPermit { activity, open: self.open.clone(), ip, id })
    }

    /// Closes a connection without a request in progress, of the client IP with the most connections. Returns false if
    /// none can be closed. It is for a process without a free file descriptor.
    pub(crate) fn make_room(&self) -> bool {
        let mut table = self.open.lock();
        let largest: Vec<_> = table.largest().take(MAX_SOURCES_EXAMINED).collect();
        largest.into_iter().any(|(_, ip)| self.open.close_own(&mut table, ip))
    }

    /// Closes a connection in favor of a new one from `ip`. A client IP loses a connection with a request in progress
    /// only if it keeps at least as many as the new client has.
    fn make_room_for(&self, table: &mut ConnectionTable, ip: IpKey) -> bool {
        let own = table.count(&ip);
        let larger = table.largest().take(MAX_SOURCES_EXAMINED).take_while(|(count, _)| *count > own);
        let larger: Vec<_> = larger.collect();
        let of_larger = larger.iter().any(|(_, larger)| self.open.close_idle(table, *larger));
        of_larger
            || self.open.close_own(table, ip)
            || larger.iter().any(|(count, larger)| {
                *count > own + 1 && !self.is_trusted_key(larger) && self.open.close_oldest(table, *larger)
            })
    }

    fn is_trusted_proxy(&self, peer: IpAddr) -> bool {
        self.trusted_proxies.iter().any(|proxy| proxy.contains(peer))
    }

    /// Whether the connections of this client IP carry the requests of other clients.
    fn is_trusted_key(&self, ip: &IpKey) -> bool {
        self.trusted_proxies.iter().any(|proxy| {
            let [_, address @ ..] = ip;
            proxy.contains(IpAddr::from(*address).to_canonical())
        })
    }
}

impl OpenConnections {
    fn lock(&self) -> MutexGuard<'_, ConnectionTable> {
        // The table is consistent after each of its methods, so a poisoned lock is safe to use.
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Closes a connection without a request in progress in favor of a new one of the same client IP. In a burst, whose
    /// connections have not had time to send a request, the clients that are already served keep their connections.
    fn close_own(&self, table: &mut ConnectionTable, ip: IpKey) -> bool {
        self.count(table.close_oldest_pending(ip) || (!table.has_arriving(&ip) && table.close_idle(ip)))
    }

    fn close_idle(&self, table: &mut ConnectionTable, ip: IpKey) -> bool {
        self.count(table.close_idle(ip))
    }

    fn close_oldest(&self, table: &mut ConnectionTable, ip: IpKey) -> bool {
        self.count(table.close_oldest(ip))
    }

    fn count(&self, is_closed: bool) -> bool {
        self.closed.inc_by(is_closed.into());
        is_closed
    }
}

impl ConnectionPermit {
    /// The requests of the connection.
    pub(crate) fn activity(&self) -> Arc<ConnectionActivity> {
        Arc::clone(&self.activity)
    }
}

impl Drop for ConnectionPermit {
    fn drop(&mut self) {
        self.open.lock().remove(self.ip, self.id);
    }
}

impl ConnectionPlace for ConnectionEntry {
    /// The client IP of the connection.
    fn ip(&self) -> IpKey {
        self.ip
    }

    /// Sets the task that is ended to close the connection.
    fn set_task(&self, task: AbortHandle) {
        self.open.lock().set_task(&self.ip, self.id, task);
    }

    /// Counts the connection as pending. Above the limit of its client IP, the oldest pending connection is closed.
    fn set_pending(&self) {
        let mut table = self.open.lock();
        table.set_phase(&self.ip, self.id, Phase::Pending);
        if table.pending_count(&self.ip) > self.max_pending {
            self.open.count(table.close_oldest_pending(self.ip));
        }
    }

    /// The connection has sent its first request.
    fn set_heard(&self) {
        self.open.lock().set_phase(&self.ip, self.id, Phase::Heard);
    }
}

#[cfg(test)]
mod tests {
    use std::future::pending;

    use tokio::task::{JoinSet, yield_now};

    use super::*;

    /// The open connections of a test, each with a task that serves it forever.
    struct Connections {
        limiter: ConnectionLimiter,
        tasks: JoinSet<()>,
    }

    impl Connections {
        fn with_limits(change: impl FnOnce(&mut Limits)) -> Self {
            let issuer = "https://auth.example".parse().unwrap();
            let settings = Settings::new(issuer, "sqlite:a.db".parse().unwrap()).with(|settings| {
                settings.limits = Limits::default().with(change);
                settings.trusted_proxies = vec!["10.0.0.0/8".parse().unwrap()];
            });
            Self { limiter: ConnectionLimiter::for_settings(&settings), tasks: JoinSet::new() }
        }

        /// Opens a connection, unless a limit refuses it.
        fn open(&mut self, peer: &str) -> Option<Arc<ConnectionActivity>> {
            let permit = self.limiter.acquire(peer.parse().unwrap())?;
            let activity = permit.activity();
            activity.set_task(self.tasks.spawn(async move {
                pending::<()>().await;
                drop(permit);
            }));
            Some(activity)
        }

        /// The number of open connections of each of these peers.
        async fn count<const N: usize>(&self, peers: [&str; N]) -> [usize; N] {
            yield_now().await;
            let table = self.limiter.open.lock();
            peers.map(|peer| table.count(&client_ip_key(peer.parse().unwrap(), 64)))
        }
    }

    #[tokio::test]
    async fn one_ip_reaches_its_limit_and_others_still_connect() {
        let mut connections = Connections::with_limits(|limits| limits.max_connections_per_ip = 2);
        let first = connections.open("192.0.2.1").unwrap();
        let requests = [first.start_request(), connections.open("::ffff:192.0.2.1").unwrap().start_request()];

        assert!(connections.open("192.0.2.1").is_none(), "the limit per IP is two");
        assert!(connections.open("192.0.2.2").is_some());
        drop(requests);
        assert!(connections.open("192.0.2.1").is_some(), "it takes the place of an idle one");
        assert_eq!(connections.count(["192.0.2.1", "192.0.2.2"]).await, [2, 1]);
    }

    #[tokio::test]
    async fn one_ipv6_network_shares_one_limit() {
        let mut connections = Connections::with_limits(|limits| limits.max_connections_per_ip = 1);
        let _request = connections.open("2001:db8:1:2::1").unwrap().start_request();

        assert!(connections.open("2001:db8:1:2:ffff::9").is_none());
        assert!(connections.open("2001:db8:1:3::1").is_some());
    }

    #[tokio::test]
    async fn trusted_proxies_and_loopback_have_only_the_total_limit() {
        let mut connections = Connections::with_limits(|limits| {
            limits.max_connections = 6;
            limits.max_connections_per_ip = 1;
        });
        let peers = ["10.1.2.3", "10.1.2.3", "10.1.2.3", "127.0.0.1", "::1", "::ffff:127.0.0.1"];
        let open = peers.map(|peer| connections.open(peer).unwrap());
        let requests = open.each_ref().map(|activity| activity.start_request());

        assert!(connections.open("10.1.2.3").is_none());
        drop(requests);
        assert!(connections.open("192.0.2.1").is_some());
    }

    #[tokio::test]
    async fn pending_connections_are_limited_per_ip_also_on_loopback_and_the_oldest_is_closed() {
        let mut connections = Connections::with_limits(|limits| limits.max_pending_connections_per_ip = 2);
        for peer in ["127.0.0.2", "192.0.2.1", "10.0.0.1"] {
            let served = connections.open(peer).unwrap();
            let _request = served.start_request();
            served.end_admission();
            for _ in 0..5 {
                connections.open(peer).unwrap().end_admission();
            }
        }

        assert_eq!(connections.count(["127.0.0.2", "192.0.2.1", "10.0.0.1"]).await, [3, 3, 6]);
    }

    #[tokio::test]
    async fn a_first_request_makes_room_for_another_pending_connection() {
        let mut connections = Connections::with_limits(|limits| limits.max_pending_connections_per_ip = 1);
        for _ in 0..4 {
            let connection = connections.open("127.0.0.2").unwrap();
            connection.end_admission();
            drop(connection.start_request());
        }

        assert_eq!(connections.count(["127.0.0.2"]).await, [4]);
    }

    #[tokio::test]
    async fn the_ip_with_the_most_connections_loses_one_to_others() {
        let mut connections = Connections::with_limits(|limits| limits.max_connections = 6);
        for _ in 0..4 {
            connections.open("127.0.0.2").unwrap().end_admission();
        }
        let bystander = [connections.open("127.0.0.3").unwrap(), connections.open("127.0.0.3").unwrap()];
        let _requests = bystander.each_ref().map(|connection| connection.start_request());

        assert!(connections.open("127.0.0.4").is_some());
        assert!(connections.open("127.0.0.4").is_some());
        assert_eq!(connections.count(["127.0.0.2", "127.0.0.3", "127.0.0.4"]).await, [2, 2, 2]);
        assert!(connections.open("127.0.0.2").is_some(), "it takes the place of one of its own");
        assert_eq!(connections.count(["127.0.0.2", "127.0.0.3", "127.0.0.4"]).await, [2, 2, 2]);
    }

    #[tokio::test]
    async fn requests_in_progress_on_all_connections_keep_no_others_out() {
        let mut connections = Connections::with_limits(|limits| limits.max_connections = 4);
        let open = [0; 4].map(|_| connections.open("127.0.0.2").unwrap());
        let _requests = open.each_ref().map(|connection| connection.start_request());

        let _of_another = [0; 2].map(|_| connections.open("127.0.0.3").unwrap().start_request());
        assert_eq!(connections.count(["127.0.0.2", "127.0.0.3"]).await, [2, 2]);
        assert!(connections.open("127.0.0.2").is_none(), "no other IP has more than it has");
    }

    #[tokio::test]
    async fn a_burst_of_one_ip_closes_no_connection_that_is_served() {
        let mut connections = Connections::with_limits(|limits| limits.max_connections = 2);
        drop(connections.open("192.0.2.1").unwrap().start_request());
        let arriving = connections.open("192.0.2.1").unwrap();

        assert!(connections.open("192.0.2.1").is_none());
        arriving.end_admission();
        assert!(connections.open("192.0.2.1").is_some(), "it takes the place of the one that stays silent");
    }

    #[tokio::test]
    async fn without_a_descriptor_an_idle_connection_is_closed_and_none_with_a_request() {
        let mut connections = Connections::with_limits(|_| {});
        let _request = connections.open("192.0.2.1").unwrap().start_request();
        drop(connections.open("192.0.2.1").unwrap().start_request());

        assert!(connections.limiter.make_room());
        assert!(!connections.limiter.make_room());
        assert_eq!(connections.count(["192.0.2.1"]).await, [1]);
    }
}
