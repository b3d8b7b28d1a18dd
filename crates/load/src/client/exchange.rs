//! Single requests over a connection, whose bytes are counted.

use std::io::{self, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use crate::client::response::Response;
use crate::error::LoadError;

/// How long a response may take.
const TIMEOUT: Duration = Duration::from_secs(30);

/// A response with everything that was sent and received for it.
#[derive(Debug, Clone)]
pub struct Exchange {
    /// The bytes that were sent.
    pub sent: usize,
    /// The bytes that were received.
    pub received: usize,
    /// The status.
    pub status: u16,
    /// The status line and the headers.
    pub head: String,
    /// The body.
    pub body: String,
}

impl Exchange {
    /// The bytes in both directions.
    #[must_use]
    pub const fn bytes(&self) -> usize {
        self.sent + self.received
    }

    /// The string member `name` of the JSON body; empty without one.
    #[must_use]
    pub fn text(&self, name: &str) -> &str {
        crate::client::response::json_string(self.body.as_bytes(), name).unwrap_or_default()
    }

    /// The number in the member `name` of the JSON body.
    #[must_use]
    pub fn number(&self, name: &str) -> Option<u64> {
        serde_json::from_str::<serde_json::Value>(&self.body).ok()?.get(name)?.as_u64()
    }

    /// The exchange, if it has this status.
    ///
    /// # Errors
    ///
    /// If it has another one.
    pub fn expect(self, status: u16, request: &str) -> Result<Self, LoadError> {
        match self.status == status {
            true => Ok(self),
            false => Err(LoadError::UnexpectedResponse {
                request: request.to_owned(),
                status: self.status,
                body: self.body,
            }),
        }
    }
}

/// A keep-alive connection that waits for each response.
pub struct BlockingConnection {
    stream: TcpStream,
    buffer: Vec<u8>,
}

impl BlockingConnection {
    /// Connects.
    ///
    /// # Errors
    ///
    /// If the server cannot be reached.
    pub fn open(address: SocketAddr) -> io::Result<Self> {
        let stream = TcpStream::connect(address)?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(TIMEOUT))?;
        Ok(Self { stream, buffer: vec![0; 64 * 1024] })
    }

    /// Sends a request and reads its response.
    ///
    /// # Errors
    ///
    /// If the connection ends before that.
    pub fn send(&mut self, request: &[u8]) -> io::Result<Exchange> {
        self.stream.write_all(request)?;
        let mut filled = 0;
        loop {
            filled += match self.stream.read(&mut self.buffer[filled..])? {
                0 => return Err(io::ErrorKind::UnexpectedEof.into()),
                count => count,
            };
            let Some(response) = Response::parse(&self.buffer[..filled]) else { continue };
            let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
            let head = filled - response.body.len();
            return Ok(Exchange {
                sent: request.len(),
                received: filled,
                status: response.status,
                head: text(&self.buffer[..head]),
                body: text(response.body),
            });
        }
    }
}

/// Sends one request over a connection of its own.
///
/// # Errors
///
/// If the server cannot be reached, or does not answer.
pub fn send_once(address: SocketAddr, request: &[u8]) -> io::Result<Exchange> {
    BlockingConnection::open(address)?.send(request)
}
