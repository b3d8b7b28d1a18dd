//! The load generator: one thread, many connections, one request in flight on each.

use std::io::{self, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use rustix::buffer::spare_capacity;
use rustix::event::epoll::{self, CreateFlags, EventData, EventFlags};
use rustix::fd::OwnedFd;

use crate::requests::RequestSource;
use crate::response::Response;

/// The number of connections for all requests except logins.
pub(crate) const CONNECTIONS: usize = 64;

/// The result of one run.
pub(crate) struct LoadResult {
    pub(crate) responses: usize,
    pub(crate) elapsed: Duration,
    /// The 99th percentile of the response times.
    pub(crate) p99: Duration,
}

/// Sends requests over `connections` connections until `limit` has passed or `requests` has no more.
///
/// # Errors
///
/// If a connection breaks or a response is wrong: a rate of error responses would be meaningless.
pub(crate) fn send_requests(
    address: SocketAddr,
    connections: usize,
    limit: Duration,
    requests: &mut impl RequestSource,
) -> Result<LoadResult> {
    let poll = epoll::create(CreateFlags::CLOEXEC)?;
    let connect = |index| Connection::open(address, &poll, index);
    let mut open: Vec<Connection> = (0..connections).map(connect).collect::<Result<_>>()?;
    let started = Instant::now();
    let mut times = Vec::new();
    let mut busy = 0;
    for (index, connection) in open.iter_mut().enumerate() {
        busy += usize::from(connection.send(index, requests)?);
    }
    let mut ready = Vec::with_capacity(connections);
    while busy > 0 {
        epoll::wait(&poll, spare_capacity(&mut ready), None)?;
        for event in ready.drain(..) {
            let index = usize::try_from(event.data.u64())?;
            let connection = &mut open[index];
            if !connection.receive(index, requests)? {
                continue;
            }
            times.push(connection.sent_at.elapsed());
            if started.elapsed() >= limit || !connection.send(index, requests)? {
                busy -= 1;
            }
        }
    }
    Ok(LoadResult { responses: times.len(), elapsed: started.elapsed(), p99: p99(&mut times) })
}

fn p99(times: &mut [Duration]) -> Duration {
    times.sort_unstable();
    times.get(times.len() * 99 / 100).copied().unwrap_or_default()
}

struct Connection {
    stream: TcpStream,
    buffer: Vec<u8>,
    filled: usize,
    sent_at: Instant,
}

impl Connection {
    fn open(address: SocketAddr, poll: &OwnedFd, index: usize) -> Result<Self> {
        let stream = TcpStream::connect(address)?;
        stream.set_nodelay(true)?;
        stream.set_nonblocking(true)?;
        epoll::add(poll, &stream, EventData::new_u64(u64::try_from(index)?), EventFlags::IN)?;
        Ok(Self { stream, buffer: vec![0; 16 * 1024], filled: 0, sent_at: Instant::now() })
    }

    /// Sends the next request; `false` if no request is left. A request fits the empty buffer of the
    /// socket, so the write does not block.
    fn send(&mut self, index: usize, requests: &mut impl RequestSource) -> Result<bool> {
        let Some(request) = requests.next(index) else { return Ok(false) };
        self.sent_at = Instant::now();
        self.stream.write_all(request)?;
        Ok(true)
    }

    /// Reads what has arrived; `true` once the response is complete.
    fn receive(&mut self, index: usize, requests: &mut impl RequestSource) -> Result<bool> {
        match self.stream.read(&mut self.buffer[self.filled..]) {
            Ok(0) => return Err(io::Error::from(io::ErrorKind::UnexpectedEof).into()),
            Ok(count) => self.filled += count,
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(false),
            Err(error) => return Err(error.into()),
        }
        let Some(response) = Response::parse(&self.buffer[..self.filled]) else { return Ok(false) };
        let is_expected = requests.is_expected(index, &response);
        let body = String::from_utf8_lossy(response.body);
        ensure!(is_expected, "unexpected response {}: {body}", response.status);
        self.filled = 0;
        Ok(true)
    }
}
