//! The client: one thread, many connections, one request in flight on each.

use std::io::{self, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use rustix::buffer::spare_capacity;
use rustix::event::epoll::{self, CreateFlags, EventData, EventFlags};
use rustix::fd::OwnedFd;

use crate::answer::Answer;
use crate::requests::Requests;

/// Connections for everything that is not a login.
pub(crate) const CONNECTIONS: usize = 64;

/// What came of it.
pub(crate) struct Driven {
    pub(crate) answered: usize,
    pub(crate) elapsed: Duration,
    /// Of a hundred answers the slowest but one took this long.
    pub(crate) p99: Duration,
}

/// Asks `requests` over so many connections until `limit` is over or there is nothing more to ask.
///
/// # Errors
///
/// If a connection breaks, or any answer is not the right one: a rate of refusals says nothing.
pub(crate) fn drive(
    address: SocketAddr,
    connections: usize,
    limit: Duration,
    requests: &mut impl Requests,
) -> Result<Driven> {
    let poll = epoll::create(CreateFlags::CLOEXEC)?;
    let connect = |index| Connection::open(address, &poll, index);
    let mut open: Vec<Connection> = (0..connections).map(connect).collect::<Result<_>>()?;
    let begin = Instant::now();
    let mut times = Vec::new();
    let mut busy = 0;
    for (index, connection) in open.iter_mut().enumerate() {
        busy += usize::from(connection.ask(index, requests)?);
    }
    let mut ready = Vec::with_capacity(connections);
    while busy > 0 {
        epoll::wait(&poll, spare_capacity(&mut ready), None)?;
        for event in ready.drain(..) {
            let index = usize::try_from(event.data.u64())?;
            let connection = &mut open[index];
            if !connection.read_answer(index, requests)? {
                continue;
            }
            times.push(connection.asked.elapsed());
            if begin.elapsed() >= limit || !connection.ask(index, requests)? {
                busy -= 1;
            }
        }
    }
    Ok(Driven { answered: times.len(), elapsed: begin.elapsed(), p99: p99(&mut times) })
}

fn p99(times: &mut [Duration]) -> Duration {
    times.sort_unstable();
    times.get(times.len() * 99 / 100).copied().unwrap_or_default()
}

struct Connection {
    stream: TcpStream,
    bytes: Vec<u8>,
    filled: usize,
    asked: Instant,
}

impl Connection {
    fn open(address: SocketAddr, poll: &OwnedFd, index: usize) -> Result<Self> {
        let stream = TcpStream::connect(address)?;
        stream.set_nodelay(true)?;
        stream.set_nonblocking(true)?;
        epoll::add(poll, &stream, EventData::new_u64(u64::try_from(index)?), EventFlags::IN)?;
        Ok(Self { stream, bytes: vec![0; 16 * 1024], filled: 0, asked: Instant::now() })
    }

    /// Sends the next request; false if there is none. A request is smaller than the socket's buffer, which is
    /// empty.
    fn ask(&mut self, index: usize, requests: &mut impl Requests) -> Result<bool> {
        let Some(request) = requests.next(index) else { return Ok(false) };
        self.asked = Instant::now();
        self.stream.write_all(request)?;
        Ok(true)
    }

    /// Reads what has come; true once the answer is whole.
    fn read_answer(&mut self, index: usize, requests: &mut impl Requests) -> Result<bool> {
        match self.stream.read(&mut self.bytes[self.filled..]) {
            Ok(0) => return Err(io::Error::from(io::ErrorKind::UnexpectedEof).into()),
            Ok(count) => self.filled += count,
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(false),
            Err(error) => return Err(error.into()),
        }
        let Some(answer) = Answer::read(&self.bytes[..self.filled]) else { return Ok(false) };
        let is_right = requests.answered(index, &answer);
        ensure!(is_right, "wrong answer {}: {}", answer.status, String::from_utf8_lossy(answer.body));
        self.filled = 0;
        Ok(true)
    }
}
