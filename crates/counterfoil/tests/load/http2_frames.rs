//! Malicious HTTP/2 frame sequences: each ends its connection and uses little memory (RFC 9113).

use std::time::{Duration, Instant};

use counterfoil::{Limits, Settings};
use tokio::time::timeout;

use crate::http2_connection::{
    ACK, CONTINUATION, DATA, END_HEADERS, END_STREAM, GET_HEADERS, GOAWAY, HEADERS, Http2Connection, PING,
    RST_STREAM, SETTINGS, frame, request_headers,
};
use crate::test_server::{TestServer, resident_memory};

/// Even a busy machine reacts within this time.
const DEADLINE: Duration = Duration::from_secs(15);
const SECOND: Duration = Duration::from_secs(1);

/// Sends these frames. Returns whether the server sends GOAWAY or closes before [`DEADLINE`].
async fn is_disconnected(server: &TestServer, frames: impl Iterator<Item = Vec<u8>>) -> bool {
    let mut connection = Http2Connection::open(server, &[]).await;
    timeout(DEADLINE, async {
        tokio::select! {
            () = connection.writer.send_all(frames) => {}
            () = connection.reader.until_goaway() => {}
        }
    })
    .await
    .is_ok()
}

fn with_short_timeouts(settings: &mut Settings) {
    settings.limits = Limits::default().with(|limits| {
        limits.idle_timeout = SECOND;
        limits.request_timeout = SECOND;
    });
}

#[tokio::test(flavor = "multi_thread")]
async fn a_flood_of_stream_resets_ends_the_connection() {
    let server = TestServer::with_settings(|_| {}).await;
    server.probe().await;
    let before = resident_memory();
    let flood = (0..100_000).map(|number| {
        let stream = 2 * number + 1;
        let open = frame(HEADERS, END_STREAM | END_HEADERS, stream, GET_HEADERS);
        [open, frame(RST_STREAM, 0, stream, &[0, 0, 0, 8])].concat()
    });

    assert!(is_disconnected(&server, flood).await);
    assert!(resident_memory().saturating_sub(before) < 16 << 20);
    server.probe().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn endless_continuation_frames_end_the_connection() {
    let server = TestServer::with_settings(|_| {}).await;
    server.probe().await;
    let before = resident_memory();
    // A header without indexing: a name of one byte and a value of a hundred.
    let header = [&[0, 1, b'a', 100][..], &[b'a'; 100]].concat();
    let start = std::iter::once(frame(HEADERS, 0, 1, GET_HEADERS));
    let flood = start.chain((0..100_000).map(|_| frame(CONTINUATION, 0, 1, &header)));

    assert!(is_disconnected(&server, flood).await);
    assert!(resident_memory().saturating_sub(before) < 16 << 20);
    server.probe().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn empty_data_frames_end_with_the_request_timeout() {
    let server = TestServer::with_settings(with_short_timeouts).await;
    server.probe().await;
    let before = resident_memory();
    let start = std::iter::once(frame(HEADERS, END_HEADERS, 1, &request_headers("POST", "/v1/login")));
    // A thousand frames in each write, so that the load is on the server and not on this test.
    let flood = start.chain((0..20_000).map(|_| frame(DATA, 0, 1, &[]).repeat(1000)));

    assert!(is_disconnected(&server, flood).await);
    assert!(resident_memory().saturating_sub(before) < 16 << 20);
    server.probe().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn ten_thousand_streams_are_refused_without_using_memory() {
    let server = TestServer::with_settings(with_short_timeouts).await;
    server.probe().await;
    let before = resident_memory();
    let flood = (0..10_000).map(|number| {
        let stream = 2 * number + 1;
        let open = frame(HEADERS, END_HEADERS, stream, &request_headers("POST", "/v1/login"));
        [open, frame(DATA, 0, stream, b"{")].concat()
    });

    assert!(is_disconnected(&server, flood).await);
    assert!(resident_memory().saturating_sub(before) < 16 << 20);
    server.probe().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_never_opens_the_flow_control_window_is_disconnected() {
    let server = TestServer::with_settings(with_short_timeouts).await;
    server.probe().await;
    let before = resident_memory();
    // SETTINGS_INITIAL_WINDOW_SIZE is 0, and no WINDOW_UPDATE is ever sent.
    let mut connection = Http2Connection::open(&server, &[0, 4, 0, 0, 0, 0]).await;
    for number in 0..32 {
        let headers = frame(
            HEADERS,
            END_STREAM | END_HEADERS,
            2 * number + 1,
            &request_headers("GET", "/openapi.json"),
        );
        connection.writer.send(&headers).await;
    }

    assert!(timeout(DEADLINE, connection.reader.until_closed()).await.is_ok());
    assert!(resident_memory().saturating_sub(before) < 16 << 20);
    server.probe().await;
}

/// Sends a PING every tenth of a second, and what `extra` returns for its number. Returns the time until the server
/// sends GOAWAY; `None` if it does not within `deadline`.
async fn time_to_goaway(
    server: &TestServer,
    mut extra: impl FnMut(u32) -> Option<Vec<u8>>,
    deadline: Duration,
) -> Option<Duration> {
    let Http2Connection { mut writer, mut reader } = Http2Connection::open(server, &[]).await;
    let started = Instant::now();
    let headers = frame(HEADERS, END_STREAM | END_HEADERS, 1, &request_headers("GET", "/healthz"));
    writer.send(&headers).await;
    let send_pings = async {
        for number in 0.. {
            writer.send(&frame(PING, 0, 0, &[7; 8])).await;
            if let Some(more) = extra(number) {
                writer.send(&more).await;
            }
            tokio::time::sleep(SECOND / 10).await;
        }
    };
    let read_frames = async {
        let mut acks = 0;
        while let Some((kind, flags, payload)) = reader.next().await {
            acks += usize::from(kind == PING && flags & ACK != 0);
            if kind == GOAWAY {
                assert_eq!(payload[4..8], [0; 4], "the error code must be NO_ERROR (RFC 9113, section 7)");
                assert!(acks > 0, "PING frames must be acknowledged");
                return;
            }
        }
        panic!("the connection closed without GOAWAY");
    };
    timeout(deadline, async {
        tokio::select! { () = send_pings => {}, () = read_frames => {} }
    })
    .await
    .ok()
    .map(|()| started.elapsed())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_with_only_pings_is_closed_and_one_with_requests_is_kept() {
    let short_timeouts = |settings: &mut Settings| {
        settings.limits = Limits::default().with(|limits| {
            limits.header_timeout = SECOND / 2;
            limits.idle_timeout = SECOND;
        });
    };
    let server = TestServer::with_settings(short_timeouts).await;

    let elapsed = time_to_goaway(&server, |_| None, DEADLINE).await.unwrap();
    assert!(elapsed >= SECOND, "{elapsed:?}");
    let requests = |number: u32| {
        let stream = 2 * number + 3;
        let headers =
            || frame(HEADERS, END_STREAM | END_HEADERS, stream, &request_headers("GET", "/healthz"));
        number.is_multiple_of(2).then(headers)
    };
    assert_eq!(time_to_goaway(&server, requests, 4 * SECOND).await, None);
}

#[tokio::test]
async fn the_settings_frame_limits_streams_and_the_window() {
    let server = TestServer::with_settings(|_| {}).await;
    let mut connection = Http2Connection::open(&server, &[]).await;

    let (_, _, settings) =
        timeout(DEADLINE, connection.reader.next_of_type(SETTINGS)).await.unwrap().unwrap();
    let setting = |id: u16| {
        let mut pairs = settings.chunks(6).filter(|pair| pair[..2] == id.to_be_bytes());
        pairs.next().map(|pair| u32::from_be_bytes([pair[2], pair[3], pair[4], pair[5]]))
    };

    // SETTINGS_MAX_CONCURRENT_STREAMS, SETTINGS_INITIAL_WINDOW_SIZE (65535 by default).
    assert_eq!(setting(3), Some(32));
    assert!(setting(4).unwrap_or(65_535) <= 64 * 1024);
}
