//! An HTTP/2 connection that writes raw frames and reads them one by one (RFC 9113).

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};

use crate::test_server::TestServer;

const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
/// The header block of `GET /`, with `http` and an authority of one letter (RFC 7541, appendix A).
pub(crate) const GET_HEADERS: &[u8] = &[0x82, 0x86, 0x84, 0x41, 0x01, b'x'];
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

/// Encodes a frame (RFC 9113, section 4.1).
pub(crate) fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).unwrap().to_be_bytes();
    let mut bytes = vec![length[1], length[2], length[3], kind, flags];
    bytes.extend(stream.to_be_bytes());
    bytes.extend(payload);
    bytes
}

/// The header block of a request for `path`; a POST has a JSON content type. It adds nothing to the dynamic table.
pub(crate) fn request_headers(method: &str, path: &str) -> Vec<u8> {
    let literal = |index: u8, value: &str| {
        [&[index, u8::try_from(value.len()).unwrap()][..], value.as_bytes()].concat()
    };
    let indexed_method = if method == "POST" { 0x83 } else { 0x82 };
    let mut bytes = vec![indexed_method, 0x86];
    bytes.extend(literal(4, path));
    bytes.extend(literal(1, "localhost"));
    if method == "POST" {
        // Index 31 is `content-type`. It does not fit into the four bits of the first byte.
        bytes.extend([0x0f, 31 - 15, 16]);
        bytes.extend(b"application/json");
    }
    bytes
}

/// Both halves of a connection whose preface has been sent.
pub(crate) struct Http2Connection {
    pub(crate) writer: Writer,
    pub(crate) reader: Reader,
}

pub(crate) struct Writer(OwnedWriteHalf);

pub(crate) struct Reader(OwnedReadHalf);

impl Http2Connection {
    /// Connects with these client settings: the payload of a SETTINGS frame.
    pub(crate) async fn open(server: &TestServer, settings: &[u8]) -> Self {
        let (reader, writer) = server.connect().await.into_split();
        let mut writer = Writer(writer);
        writer.send(PREFACE).await;
        writer.send(&frame(SETTINGS, 0, 0, settings)).await;
        Self { writer, reader: Reader(reader) }
    }
}

impl Writer {
    /// Sends these bytes. Returns false if the server has closed the connection.
    pub(crate) async fn send(&mut self, bytes: &[u8]) -> bool {
        self.0.write_all(bytes).await.is_ok()
    }

    /// Sends every frame until the server closes, then waits forever; the reader sees the outcome.
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
    /// The next frame as type, flags and payload. `None` at the end or after a reset.
    pub(crate) async fn next(&mut self) -> Option<(u8, u8, Vec<u8>)> {
        let mut head = [0; 9];
        self.0.read_exact(&mut head).await.ok()?;
        let length = usize::from(head[0]) << 16 | usize::from(head[1]) << 8 | usize::from(head[2]);
        let mut payload = vec![0; length];
        self.0.read_exact(&mut payload).await.ok()?;
        Some((head[3], head[4], payload))
    }

    /// The next frame of this type.
    pub(crate) async fn next_of_type(&mut self, kind: u8) -> Option<(u8, u8, Vec<u8>)> {
        loop {
            let next = self.next().await?;
            if next.0 == kind {
                return Some(next);
            }
        }
    }

    /// Reads until the server sends GOAWAY or closes.
    pub(crate) async fn until_goaway(&mut self) {
        let _ = self.next_of_type(GOAWAY).await;
    }

    /// Reads until the server closes.
    pub(crate) async fn until_closed(&mut self) {
        while self.next().await.is_some() {}
    }
}
