//! A client of server-sent events, over HTTP/1.1 with a chunked body.

use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::test_server::TestServer;

/// Longer than any event takes, also on a busy machine.
const DEADLINE: Duration = Duration::from_secs(10);

/// An event with data.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Event {
    pub(crate) id: Option<String>,
    pub(crate) name: String,
    pub(crate) data: String,
}

/// An open stream.
pub(crate) struct EventStream {
    stream: TcpStream,
    /// What has arrived of the body, with the lengths of its chunks.
    chunked: Vec<u8>,
    /// The text that is no complete event yet.
    text: String,
    is_over: bool,
    /// The last id, with or without an event.
    pub(crate) last_id: Option<String>,
}

impl EventStream {
    /// Opens the stream at `path`, with these headers.
    pub(crate) async fn open(server: &TestServer, path: &str, headers: &[(&str, &str)]) -> Self {
        let mut stream = TcpStream::connect(server.address).await.unwrap();
        let lines: String = headers.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
        let request = format!("GET {path} HTTP/1.1\r\nhost: {}\r\n{lines}\r\n", server.address);
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut opened =
            Self { stream, chunked: Vec::new(), text: String::new(), is_over: false, last_id: None };
        let end = loop {
            let end = opened.chunked.windows(4).position(|window| window == b"\r\n\r\n");
            match end {
                Some(end) => break end,
                None => opened.receive().await,
            }
        };
        let head = String::from_utf8(opened.chunked.drain(..end + 4).collect()).unwrap();
        assert!(head.starts_with("HTTP/1.1 200") && head.contains("text/event-stream"), "{head}");
        opened.decode();
        opened
    }

    /// The next event; `None` if the stream has ended.
    pub(crate) async fn next(&mut self) -> Option<Event> {
        loop {
            while let Some((block, rest)) = self.text.split_once("\n\n") {
                let (block, rest) = (block.to_owned(), rest.to_owned());
                self.text = rest;
                let event = self.parse(&block);
                if event.is_some() {
                    return event;
                }
            }
            if self.is_over {
                return None;
            }
            self.receive().await;
            self.decode();
        }
    }

    /// The next event of this name. Others are skipped.
    pub(crate) async fn next_named(&mut self, name: &str) -> Event {
        loop {
            let event = self.next().await.unwrap_or_else(|| panic!("the stream has ended without {name}"));
            if event.name == name {
                return event;
            }
        }
    }

    async fn receive(&mut self) {
        let mut part = vec![0; 16 * 1024];
        let read = timeout(DEADLINE, self.stream.read(&mut part)).await.expect("an event in time").unwrap();
        self.is_over |= read == 0;
        self.chunked.extend_from_slice(&part[..read]);
    }

    /// Moves complete chunks to the text.
    fn decode(&mut self) {
        while let Some(end) = self.chunked.windows(2).position(|window| window == b"\r\n") {
            let length = std::str::from_utf8(&self.chunked[..end]).unwrap();
            let length = usize::from_str_radix(length, 16).unwrap();
            let whole = end + 2 + length + 2;
            if self.chunked.len() < whole {
                return;
            }
            self.text.push_str(std::str::from_utf8(&self.chunked[end + 2..whole - 2]).unwrap());
            self.chunked.drain(..whole);
            self.is_over |= length == 0;
        }
    }

    fn parse(&mut self, block: &str) -> Option<Event> {
        let values = |field: &str| {
            let lines = block.lines().filter_map(|line| line.strip_prefix(field)).collect::<Vec<_>>();
            (!lines.is_empty()).then(|| lines.join("\n"))
        };
        let id = values("id: ");
        self.last_id = id.clone().or(self.last_id.take());
        values("data: ").map(|data| Event { id, name: values("event: ").unwrap_or_default(), data })
    }
}
