//! The load generator of rates: one thread, many connections, one request in flight on each.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use rustix::buffer::spare_capacity;
use rustix::event::epoll::{self, CreateFlags};

use crate::client::connection::Connection;
use crate::client::requests::RequestSource;
use crate::error::LoadError;

/// The number of connections for all requests except logins.
pub const CONNECTIONS: usize = 64;

/// The result of one run.
#[derive(Debug)]
pub struct LoadResult {
    /// How long it took.
    pub elapsed: Duration,
    /// The response times.
    pub times: Vec<Duration>,
}

impl LoadResult {
    /// The number of responses.
    #[must_use]
    pub fn responses(&self) -> usize {
        self.times.len()
    }

    /// Responses per second.
    #[must_use]
    pub fn rate(&self) -> f64 {
        self.times.len() as f64 / self.elapsed.as_secs_f64()
    }
}

/// Sends requests over `connections` connections until `limit` has passed or `requests` has no more.
///
/// # Errors
///
/// If a connection breaks or a response is wrong: a rate of error responses would be meaningless.
pub fn send_requests(
    address: SocketAddr,
    connections: usize,
    limit: Duration,
    requests: &mut impl RequestSource,
) -> Result<LoadResult, LoadError> {
    let poll = epoll::create(CreateFlags::CLOEXEC)
        .map_err(|error| LoadError::io("wait for responses")(error.into()))?;
    let connect = |index| Connection::open(address, &poll, index);
    let mut open: Vec<Connection> = (0..connections).map(connect).collect::<Result<_, _>>()?;
    let started = Instant::now();
    let mut times = Vec::new();
    let mut busy = 0;
    for (index, connection) in open.iter_mut().enumerate() {
        busy += usize::from(connection.send(index, Instant::now(), requests)?);
    }
    let mut ready = Vec::with_capacity(connections);
    while busy > 0 {
        let waited = epoll::wait(&poll, spare_capacity(&mut ready), None);
        waited.map_err(|error| LoadError::io("wait for responses")(error.into()))?;
        for event in ready.drain(..) {
            let index = event.data.u64() as usize;
            let connection = &mut open[index];
            if !connection.receive(index, requests)? {
                continue;
            }
            times.push(connection.since.elapsed());
            if started.elapsed() >= limit || !connection.send(index, Instant::now(), requests)? {
                busy -= 1;
            }
        }
    }
    Ok(LoadResult { elapsed: started.elapsed(), times })
}
