//! HTTP/2 as no honest client speaks it, frame by frame (RFC 9113).

use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::time::timeout;

use crate::site::{Site, resident};

const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
/// `GET /`, scheme and an authority of one letter (RFC 7541, appendix A).
const GET: &[u8] = &[0x82, 0x86, 0x84, 0x41, 0x01, b'x'];
const HEADERS: u8 = 1;
const RST_STREAM: u8 = 3;
const SETTINGS: u8 = 4;
const CONTINUATION: u8 = 9;
const GOAWAY: u8 = 7;
const END_STREAM: u8 = 1;
const END_HEADERS: u8 = 4;

fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).unwrap().to_be_bytes();
    let mut bytes = vec![length[1], length[2], length[3], kind, flags];
    bytes.extend(stream.to_be_bytes());
    bytes.extend(payload);
    bytes
}

/// Sends these frames and tells whether the server said goodbye or closed, in time.
async fn is_sent_away(site: &Site, frames: impl Iterator<Item = Vec<u8>>) -> bool {
    let mut stream = site.connect().await;
    stream.write_all(PREFACE).await.unwrap();
    stream.write_all(&frame(SETTINGS, 0, 0, &[])).await.unwrap();
    let (mut reader, mut writer) = stream.split();
    let sending = async {
        for frame in frames {
            if writer.write_all(&frame).await.is_err() {
                break;
            }
        }
        std::future::pending::<()>().await;
    };
    let reading = async {
        let mut head = [0; 9];
        while reader.read_exact(&mut head).await.is_ok() {
            let length = usize::from(head[0]) << 16 | usize::from(head[1]) << 8 | usize::from(head[2]);
            let mut payload = vec![0; length];
            if reader.read_exact(&mut payload).await.is_err() || head[3] == GOAWAY {
                break;
            }
        }
    };
    let either = async {
        tokio::select! { () = sending => {}, () = reading => {} }
    };
    timeout(Duration::from_secs(10), either).await.is_ok()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_flood_of_streams_that_are_reset_at_once_ends_the_connection() {
    let site = Site::with(|_| {}).await;
    site.probe().await;
    let before = resident();
    let flood = (0..100_000).map(|number| {
        let stream = 2 * number + 1;
        let open = frame(HEADERS, END_STREAM | END_HEADERS, stream, GET);
        [open, frame(RST_STREAM, 0, stream, &[0, 0, 0, 8])].concat()
    });

    assert!(is_sent_away(&site, flood).await);
    assert!(resident().saturating_sub(before) < 16 << 20);
    site.probe().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn headers_that_never_end_end_the_connection() {
    let site = Site::with(|_| {}).await;
    site.probe().await;
    let before = resident();
    // A header that is not indexed: its name has one letter, its value a hundred.
    let header = [&[0, 1, b'a', 100][..], &[b'a'; 100]].concat();
    let begin = std::iter::once(frame(HEADERS, 0, 1, GET));
    let flood = begin.chain((0..100_000).map(|_| frame(CONTINUATION, 0, 1, &header)));

    assert!(is_sent_away(&site, flood).await);
    assert!(resident().saturating_sub(before) < 16 << 20);
    site.probe().await;
}
