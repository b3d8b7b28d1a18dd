//! An application that trusts the headers of its proxy, and answers with what it got.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};

/// A running application. It stops with the runtime of the test.
pub(crate) struct Application {
    pub(crate) address: SocketAddr,
    requests: Arc<AtomicUsize>,
}

impl Application {
    pub(crate) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let (address, requests) = (listener.local_addr().unwrap(), Arc::new(AtomicUsize::new(0)));
        let counted = Arc::clone(&requests);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(answer(stream, Arc::clone(&counted)));
            }
        });
        Self { address, requests }
    }

    /// How many requests have reached it.
    pub(crate) fn requests(&self) -> usize {
        self.requests.load(Ordering::SeqCst)
    }
}

/// Answers one request with its line and its headers, in order.
async fn answer(stream: TcpStream, requests: Arc<AtomicUsize>) {
    let mut lines = BufReader::new(stream).lines();
    let Ok(Some(first)) = lines.next_line().await else { return };
    requests.fetch_add(1, Ordering::SeqCst);
    let mut headers = Vec::new();
    while let Ok(Some(line)) = lines.next_line().await
        && let Some((name, value)) = line.split_once(':')
    {
        headers.push(json!([name.to_ascii_lowercase(), value.trim()]));
    }
    let body = json!({ "line": first, "headers": Value::Array(headers) }).to_string();
    let head = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\nconnection: close\r\n\r\n", body.len());
    let mut stream = lines.into_inner();
    let _ = stream.write_all((head + &body).as_bytes()).await;
    let _ = stream.shutdown().await;
}
