//! Load generation: many asynchronous clients on one low-priority thread.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use anyhow::Result;
use rustix::process::{getpriority_process, setpriority_process};
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{TcpSocket, TcpStream};
use tokio::time::sleep;

use crate::http::{Request, Response};

/// The niceness of the load-generating thread. In production clients run on other machines; here they must
/// not take processor time from the server or from the clients that measure it. All clients share one thread
/// for the same reason: the scheduler would give each of a thousand runnable threads as much time as one
/// thread of the server.
const NICENESS: i32 = 10;

/// Runs `work` on a low-priority thread of its own.
///
/// # Errors
///
/// If the thread's runtime cannot be created.
///
/// # Panics
///
/// If `work` panics.
pub fn run_low_priority<T: Send>(work: impl Future<Output = T> + Send) -> Result<T> {
    let thread_body = || {
        // On Linux this sets the priority of the calling thread. If it fails, the server has less time.
        let niceness = getpriority_process(None).unwrap_or_default();
        let _ = setpriority_process(None, niceness.max(NICENESS));
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        anyhow::Ok(runtime.block_on(work))
    };
    std::thread::scope(|scope| scope.spawn(thread_body).join().expect("load generation does not panic"))
}

/// An asynchronous keep-alive connection that is opened on first use and reopened after an error.
#[derive(Debug)]
pub struct AsyncConnection {
    source: Ipv4Addr,
    address: SocketAddr,
    stream: Option<BufReader<TcpStream>>,
}

impl AsyncConnection {
    /// A connection to the server at `address`, not opened yet.
    pub fn new(address: SocketAddr) -> Self {
        Self::from_source(Ipv4Addr::UNSPECIFIED, address)
    }

    /// A connection from the address `source`, not opened yet.
    pub fn from_source(source: Ipv4Addr, address: SocketAddr) -> Self {
        Self { source, address, stream: None }
    }

    /// Closes the connection; the next request opens a new one.
    pub fn close(&mut self) {
        self.stream = None;
    }

    /// Sends a request and reads the whole response.
    ///
    /// # Errors
    ///
    /// If there is no complete response. The server may have carried out the request.
    pub async fn send(&mut self, request: &Request) -> io::Result<Response> {
        let mut stream = match self.stream.take() {
            Some(stream) => stream,
            None => BufReader::new(connect_from(self.source, self.address).await?),
        };
        let response = exchange(&mut stream, request).await?;
        if !response.header("connection").is_some_and(|value| value.eq_ignore_ascii_case("close")) {
            self.stream = Some(stream);
        }
        Ok(response)
    }
}

/// Connects from `source`; from any address if it is unspecified.
///
/// # Errors
///
/// If the connection cannot be opened.
pub async fn connect_from(source: Ipv4Addr, address: SocketAddr) -> io::Result<TcpStream> {
    if source.is_unspecified() {
        return TcpStream::connect(address).await;
    }
    let socket = TcpSocket::new_v4()?;
    socket.bind((source, 0).into())?;
    let stream = socket.connect(address).await?;
    stream.set_nodelay(true)?;
    Ok(stream)
}

async fn exchange(stream: &mut BufReader<TcpStream>, request: &Request) -> io::Result<Response> {
    stream.write_all(&request.to_bytes()).await?;
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        if stream.read_line(&mut head).await? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
    }
    let mut response = Response::from_head(head)?;
    stream.read_exact(&mut response.body).await?;
    Ok(response)
}

/// Waits for the `Retry-After` of a response (one second if it has none) and then for `jitter`, so that
/// clients which were answered at the same moment do not retry at the same moment.
pub async fn wait_retry_after(response: &Response, jitter: Duration) {
    let seconds = response.header("retry-after").and_then(|seconds| seconds.parse().ok());
    sleep(Duration::from_secs(seconds.unwrap_or(1)) + jitter).await;
}
