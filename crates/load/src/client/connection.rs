//! A keep-alive connection of a load generator, with one request in flight.

use std::io::{self, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::time::Instant;

use rustix::event::epoll::{self, EventData, EventFlags};
use rustix::fd::OwnedFd;

use crate::client::requests::RequestSource;
use crate::client::response::Response;
use crate::error::LoadError;

/// A connection that does not block.
pub(crate) struct Connection {
    stream: TcpStream,
    buffer: Vec<u8>,
    filled: usize,
    /// The moment from which the response time is measured.
    pub(crate) since: Instant,
}

impl Connection {
    /// Connects, and adds the connection to `poll` with its `index`.
    pub(crate) fn open(address: SocketAddr, poll: &OwnedFd, index: usize) -> Result<Self, LoadError> {
        let open = || {
            let stream = TcpStream::connect(address)?;
            stream.set_nodelay(true)?;
            stream.set_nonblocking(true)?;
            epoll::add(poll, &stream, EventData::new_u64(index as u64), EventFlags::IN)?;
            Ok(Self { stream, buffer: vec![0; 16 * 1024], filled: 0, since: Instant::now() })
        };
        open().map_err(LoadError::io("connect to the measured server"))
    }

    /// Sends the next request, whose response time is measured from `since`; `false` if no request is left. A request
    /// fits the empty buffer of the socket, so the write does not block.
    pub(crate) fn send(
        &mut self,
        index: usize,
        since: Instant,
        requests: &mut impl RequestSource,
    ) -> Result<bool, LoadError> {
        let Some(request) = requests.next(index) else { return Ok(false) };
        self.since = since;
        self.stream.write_all(request).map_err(LoadError::io("send a request"))?;
        Ok(true)
    }

    /// Reads what has arrived; `true` once the response is complete.
    pub(crate) fn receive(
        &mut self,
        index: usize,
        requests: &mut impl RequestSource,
    ) -> Result<bool, LoadError> {
        let read = match self.stream.read(&mut self.buffer[self.filled..]) {
            Ok(0) => Err(io::ErrorKind::UnexpectedEof.into()),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(false),
            read => read,
        };
        self.filled += read.map_err(LoadError::io("read a response"))?;
        let Some(response) = Response::parse(&self.buffer[..self.filled]) else { return Ok(false) };
        if !requests.is_expected(index, &response) {
            return Err(LoadError::UnexpectedResponse {
                request: "a request of the load".to_owned(),
                status: response.status,
                body: String::from_utf8_lossy(response.body).into_owned(),
            });
        }
        self.filled = 0;
        Ok(true)
    }
}
