//! Many clients on one thread, less urgent than the server: they would be elsewhere.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use anyhow::Result;
use rustix::process::{getpriority_process, setpriority_process};
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::TcpStream;
use tokio::time::sleep;

use crate::http::{Answer, Request};

/// How much less urgent than the server and whoever measures it a crowd is (`nice`): its clients do not take the
/// processor from it. For the same reason they share one thread: of a thousand threads that are ready to run the
/// scheduler would give each as much as one of the server.
const AFAR: i32 = 10;

/// Does what a crowd does, on a thread of its own.
///
/// # Errors
///
/// If the system gives no thread.
///
/// # Panics
///
/// If `work` does.
pub fn far_away<T: Send>(work: impl Future<Output = T> + Send) -> Result<T> {
    let on_its_thread = || {
        // Of this thread, on Linux; where it is not so, the crowd is only harder to serve.
        let urgency = getpriority_process(None).unwrap_or_default();
        let _ = setpriority_process(None, urgency.max(AFAR));
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        anyhow::Ok(runtime.block_on(work))
    };
    std::thread::scope(|scope| scope.spawn(on_its_thread).join().expect("a crowd does not panic"))
}

/// A connection that is opened when it is needed, and again after it broke.
#[derive(Debug)]
pub struct Line {
    at: SocketAddr,
    open: Option<BufReader<TcpStream>>,
}

impl Line {
    /// To the server at `at`.
    pub fn to(at: SocketAddr) -> Self {
        Self { at, open: None }
    }

    /// Closes the connection: whoever goes away for a while does not keep it.
    pub fn hang_up(&mut self) {
        self.open = None;
    }

    /// Asks, and waits for the whole answer.
    ///
    /// # Errors
    ///
    /// If there is none. It may have been carried out.
    pub async fn ask(&mut self, request: &Request) -> io::Result<Answer> {
        let mut stream = match self.open.take() {
            Some(stream) => stream,
            None => BufReader::new(TcpStream::connect(self.at).await?),
        };
        let answer = talk(&mut stream, request).await?;
        self.open = Some(stream);
        Ok(answer)
    }
}

async fn talk(stream: &mut BufReader<TcpStream>, request: &Request) -> io::Result<Answer> {
    stream.write_all(&request.to_bytes()).await?;
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        if stream.read_line(&mut head).await? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
    }
    let mut answer = Answer::begun(head)?;
    stream.read_exact(&mut answer.body).await?;
    Ok(answer)
}

/// Waits as long as an answer says that one should, and `apart` more: who was answered at one moment does not keep
/// step from then on. Without a word about it, a second.
pub async fn come_back(answer: &Answer, apart: Duration) {
    let told = answer.header("retry-after").and_then(|seconds| seconds.parse().ok());
    sleep(Duration::from_secs(told.unwrap_or(1)) + apart).await;
}
