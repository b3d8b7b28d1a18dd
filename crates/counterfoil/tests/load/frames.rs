//! HTTP/2 as no honest client speaks it, frame by frame (RFC 9113).

use std::time::{Duration, Instant};

use counterfoil::{Limits, Settings};
use tokio::time::timeout;

use crate::site::{Site, resident};
use crate::talk::{
    ACK, CONTINUATION, DATA, END_HEADERS, END_STREAM, GET, GOAWAY, HEADERS, PING, RST_STREAM, SETTINGS, Talk,
    frame, request,
};

/// By then even a busy machine has done what was to be done at once.
const LONG: Duration = Duration::from_secs(15);
const SECOND: Duration = Duration::from_secs(1);

/// Sends these frames and tells whether the server said goodbye or closed, in time.
async fn is_sent_away(site: &Site, frames: impl Iterator<Item = Vec<u8>>) -> bool {
    let mut talk = Talk::begin(site, &[]).await;
    timeout(LONG, async {
        tokio::select! {
            () = talk.writer.send_all(frames) => {}
            () = talk.reader.until_sent_away() => {}
        }
    })
    .await
    .is_ok()
}

fn impatient(settings: &mut Settings) {
    settings.limits = Limits { idle_timeout: SECOND, request_timeout: SECOND, ..Limits::default() };
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

#[tokio::test(flavor = "multi_thread")]
async fn frames_without_data_end_with_the_time_of_their_request() {
    let site = Site::with(impatient).await;
    site.probe().await;
    let before = resident();
    let begin = std::iter::once(frame(HEADERS, END_HEADERS, 1, &request("POST", "/v1/login")));
    // A thousand at a time: it is the server that is to be busy.
    let flood = begin.chain((0..20_000).map(|_| frame(DATA, 0, 1, &[]).repeat(1000)));

    assert!(is_sent_away(&site, flood).await);
    assert!(resident().saturating_sub(before) < 16 << 20);
    site.probe().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn of_ten_thousand_streams_few_are_opened_and_no_memory_is_taken() {
    let site = Site::with(impatient).await;
    site.probe().await;
    let before = resident();
    let flood = (0..10_000).map(|number| {
        let stream = 2 * number + 1;
        let open = frame(HEADERS, END_HEADERS, stream, &request("POST", "/v1/login"));
        [open, frame(DATA, 0, stream, b"{")].concat()
    });

    assert!(is_sent_away(&site, flood).await);
    assert!(resident().saturating_sub(before) < 16 << 20);
    site.probe().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_never_opens_the_window_is_let_go() {
    let site = Site::with(impatient).await;
    site.probe().await;
    let before = resident();
    // SETTINGS_INITIAL_WINDOW_SIZE is 0, and no update ever comes.
    let mut talk = Talk::begin(&site, &[0, 4, 0, 0, 0, 0]).await;
    for number in 0..32 {
        let ask = frame(HEADERS, END_STREAM | END_HEADERS, 2 * number + 1, &request("GET", "/openapi.json"));
        talk.writer.send(&ask).await;
    }

    assert!(timeout(LONG, talk.reader.until_closed()).await.is_ok());
    assert!(resident().saturating_sub(before) < 16 << 20);
    site.probe().await;
}

/// Tells when the server said goodbye to somebody who sends a ping every tenth of a second, and this now and then.
async fn goodbye(
    site: &Site,
    mut now_and_then: impl FnMut(u32) -> Option<Vec<u8>>,
    most: Duration,
) -> Option<Duration> {
    let Talk { mut writer, mut reader } = Talk::begin(site, &[]).await;
    let since = Instant::now();
    let ask = frame(HEADERS, END_STREAM | END_HEADERS, 1, &request("GET", "/healthz"));
    writer.send(&ask).await;
    let pinging = async {
        for number in 0.. {
            writer.send(&frame(PING, 0, 0, &[7; 8])).await;
            if let Some(more) = now_and_then(number) {
                writer.send(&more).await;
            }
            tokio::time::sleep(SECOND / 10).await;
        }
    };
    let listening = async {
        let mut pongs = 0;
        while let Some((kind, flags, payload)) = reader.next().await {
            pongs += usize::from(kind == PING && flags & ACK != 0);
            if kind == GOAWAY {
                assert_eq!(payload[4..8], [0; 4], "it is no error (RFC 9113, section 7)");
                assert!(pongs > 0, "it answered pings");
                return;
            }
        }
        panic!("it went without a word");
    };
    timeout(most, async {
        tokio::select! { () = pinging => {}, () = listening => {} }
    })
    .await
    .ok()
    .map(|()| since.elapsed())
}

#[tokio::test(flavor = "multi_thread")]
async fn who_only_pings_is_told_to_go_and_who_asks_may_stay() {
    let brief = |settings: &mut Settings| {
        settings.limits = Limits { header_timeout: SECOND / 2, idle_timeout: SECOND, ..Limits::default() };
    };
    let site = Site::with(brief).await;

    let after = goodbye(&site, |_| None, LONG).await.unwrap();
    assert!(after >= SECOND, "{after:?}");
    let asking = |number: u32| {
        let stream = 2 * number + 3;
        let ask = || frame(HEADERS, END_STREAM | END_HEADERS, stream, &request("GET", "/healthz"));
        number.is_multiple_of(2).then(ask)
    };
    assert_eq!(goodbye(&site, asking, 4 * SECOND).await, None);
}

#[tokio::test]
async fn the_server_says_how_many_streams_and_how_much_of_bodies_it_takes() {
    let site = Site::with(|_| {}).await;
    let mut talk = Talk::begin(&site, &[]).await;

    let (_, _, settings) = timeout(LONG, talk.reader.first(SETTINGS)).await.unwrap().unwrap();
    let told = |id: u16| {
        let mut pairs = settings.chunks(6).filter(|pair| pair[..2] == id.to_be_bytes());
        pairs.next().map(|pair| u32::from_be_bytes([pair[2], pair[3], pair[4], pair[5]]))
    };

    // SETTINGS_MAX_CONCURRENT_STREAMS, SETTINGS_INITIAL_WINDOW_SIZE (65535 unless it is said).
    assert_eq!(told(3), Some(32));
    assert!(told(4).unwrap_or(65_535) <= 64 * 1024);
}
