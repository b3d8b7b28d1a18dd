//! The bytes of HTTP/2: frames written by hand, and read one by one.

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};

use crate::test_server::Site;

const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
/// `GET /`, scheme and an authority of one letter (RFC 7541, appendix A).
pub(crate) const GET: &[u8] = &[0x82, 0x86, 0x84, 0x41, 0x01, b'x'];
pub(crate) const DATA: u8 = 0;
pub(crate) const HEADERS: u8 = 1;
pub(crate) const RST_STREAM: u8 = 3;
pub(crate) const SETTINGS: u8 = 4;
pub(crate) const PING: u8 = 6;
pub(crate) const GOAWAY: u8 = 7;
pub(crate) const CONTINUATION: u8 = 9;
pub(crate) const END_STREAM: u8 = 1;
pub(crate) const ACK: u8 = 1;
pub(crate) const END_HEADERS: u8 = 4;

pub(crate) fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).unwrap().to_be_bytes();
    let mut bytes = vec![length[1], length[2], length[3], kind, flags];
    bytes.extend(stream.to_be_bytes());
    bytes.extend(payload);
    bytes
}

/// The headers of a request for `path`; a POST says that its body is JSON. Nothing of it is kept in a table.
pub(crate) fn request(method: &str, path: &str) -> Vec<u8> {
    let literal = |index: u8, value: &str| {
        [&[index, u8::try_from(value.len()).unwrap()][..], value.as_bytes()].concat()
    };
    let begin = if method == "POST" { 0x83 } else { 0x82 };
    let mut bytes = vec![begin, 0x86];
    bytes.extend(literal(4, path));
    bytes.extend(literal(1, "x"));
    if method == "POST" {
        // Index 31 is `content-type`, beyond the four bits of the first byte.
        bytes.extend([0x0f, 31 - 15, 16]);
        bytes.extend(b"application/json");
    }
    bytes
}

/// Both halves of a connection that has been greeted.
pub(crate) struct Talk {
    pub(crate) writer: Writer,
    pub(crate) reader: Reader,
}

pub(crate) struct Writer(OwnedWriteHalf);

pub(crate) struct Reader(OwnedReadHalf);

impl Talk {
    /// Connects, with these settings of the client.
    pub(crate) async fn begin(site: &Site, settings: &[u8]) -> Self {
        let (reader, writer) = site.connect().await.into_split();
        let mut writer = Writer(writer);
        writer.send(PREFACE).await;
        writer.send(&frame(SETTINGS, 0, 0, settings)).await;
        Self { writer, reader: Reader(reader) }
    }
}

impl Writer {
    /// Sends, if the server still listens.
    pub(crate) async fn send(&mut self, bytes: &[u8]) -> bool {
        self.0.write_all(bytes).await.is_ok()
    }

    /// Sends all of them, and then waits for ever: what comes of it the reader knows.
    pub(crate) async fn send_all(&mut self, frames: impl Iterator<Item = Vec<u8>>) {
        for frame in frames {
            if !self.send(&frame).await {
                break;
            }
        }
        std::future::pending().await
    }
}

impl Reader {
    /// The next frame: kind, flags and payload. `None` at the end, or at a reset.
    pub(crate) async fn next(&mut self) -> Option<(u8, u8, Vec<u8>)> {
        let mut head = [0; 9];
        self.0.read_exact(&mut head).await.ok()?;
        let length = usize::from(head[0]) << 16 | usize::from(head[1]) << 8 | usize::from(head[2]);
        let mut payload = vec![0; length];
        self.0.read_exact(&mut payload).await.ok()?;
        Some((head[3], head[4], payload))
    }

    /// The first frame of this kind.
    pub(crate) async fn first(&mut self, kind: u8) -> Option<(u8, u8, Vec<u8>)> {
        loop {
            let next = self.next().await?;
            if next.0 == kind {
                return Some(next);
            }
        }
    }

    /// Until the server says goodbye or closes.
    pub(crate) async fn until_sent_away(&mut self) {
        let _ = self.first(GOAWAY).await;
    }

    /// Until the server closes.
    pub(crate) async fn until_closed(&mut self) {
        while self.next().await.is_some() {}
    }
}
