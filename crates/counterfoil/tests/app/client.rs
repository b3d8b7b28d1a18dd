//! A minimal HTTP/1.1 client that sends each request on a new connection.

use std::net::SocketAddr;

use serde_json::Value;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

/// A response.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) head: String,
    pub(crate) body: String,
}

impl Reply {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|_| panic!("the body is not JSON: {self:?}"))
    }

    /// The `name=value` pair of the `Set-Cookie` header for this cookie.
    pub(crate) fn cookie(&self, name: &str) -> String {
        let lines = self.head.lines().filter_map(|line| line.strip_prefix("set-cookie: "));
        let pair = lines.filter_map(|line| line.split(';').next()).find(|pair| pair.starts_with(name));
        pair.unwrap_or_else(|| panic!("no cookie {name}: {self:?}")).to_owned()
    }
}

/// Sends one request on a new connection. `request` is the method and the path; a body is sent as JSON, unless a
/// header says otherwise.
pub(crate) async fn send(to: SocketAddr, request: &str, headers: &[&str], body: &str) -> Reply {
    let mut text = format!("{request} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n");
    for header in headers {
        text += &format!("{header}\r\n");
    }
    if !body.is_empty() && !headers.iter().any(|header| header.starts_with("content-type:")) {
        text += "content-type: application/json\r\n";
    }
    if !body.is_empty() {
        text += &format!("content-length: {}\r\n", body.len());
    }
    let mut stream = TcpStream::connect(to).await.unwrap();
    stream.write_all(format!("{text}\r\n{body}").as_bytes()).await.unwrap();
    reply(&mut stream).await
}

/// Reads a response until the server closes the connection.
pub(crate) async fn reply(stream: &mut TcpStream) -> Reply {
    let mut bytes = Vec::new();
    stream.read_to_end(&mut bytes).await.unwrap();
    let text = String::from_utf8(bytes).unwrap();
    let (head, body) = text.split_once("\r\n\r\n").unwrap_or_else(|| panic!("no response: {text:?}"));
    let status = head.split(' ').nth(1).and_then(|word| word.parse().ok()).unwrap();
    Reply { status, head: head.to_owned(), body: body.to_owned() }
}
