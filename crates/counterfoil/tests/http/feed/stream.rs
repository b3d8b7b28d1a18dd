//! The feed as server-sent events.

use std::time::Duration;

use serde_json::Value;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::administration::Admin;
use crate::client::Request;
use crate::feed::add_key;
use crate::test_server::{TestServer, text};

/// Longer than any event takes, also on a busy machine.
const DEADLINE: Duration = Duration::from_secs(5);

/// An open stream.
struct Events {
    stream: TcpStream,
    received: String,
}

impl Events {
    async fn open(server: &TestServer, key: &str, last_event_id: Option<&str>) -> Self {
        let mut stream = TcpStream::connect(server.address).await.unwrap();
        let last = last_event_id.map_or(String::new(), |id| format!("last-event-id: {id}\r\n"));
        let request = format!(
            "GET /v1/feed/stream HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer {key}\r\n{last}\r\n"
        );
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut events = Self { stream, received: String::new() };
        let head = events.read_until("\r\n\r\n").await;
        assert!(head.starts_with("HTTP/1.1 200") && head.contains("text/event-stream"), "{head}");
        events
    }

    async fn read_until(&mut self, end: &str) -> String {
        while !self.received.contains(end) {
            let mut part = [0; 4096];
            let read = timeout(DEADLINE, self.stream.read(&mut part)).await.unwrap().unwrap();
            assert!(read > 0, "the stream has ended");
            self.received.push_str(std::str::from_utf8(&part[..read]).unwrap());
        }
        let (before, after) = self.received.split_once(end).unwrap();
        let (before, after) = (before.to_owned(), after.to_owned());
        self.received = after;
        before
    }

    /// The id and the data of the next event. The body is chunked: lines with lengths are between the lines of the event.
    async fn next(&mut self) -> (String, Value) {
        let event = self.read_until("]}\n\n").await + "]}";
        let joined: String = event.split("\r\n").filter(|line| !is_length(line)).collect();
        let id = joined.lines().find_map(|line| line.strip_prefix("id: ")).unwrap().to_owned();
        let data = joined.lines().find_map(|line| line.strip_prefix("data: ")).unwrap();
        (id, serde_json::from_str(data).unwrap_or_else(|error| panic!("{error}: {data}")))
    }
}

fn is_length(line: &str) -> bool {
    line.is_empty() || line.len() < 8 && line.bytes().all(|byte| byte.is_ascii_hexdigit())
}

fn subjects(event: &Value) -> Vec<&str> {
    event["entries"].as_array().unwrap().iter().map(|entry| text(entry, "subject")).collect()
}

#[tokio::test]
async fn it_begins_with_the_active_revocations_and_continues_with_each_further_one() {
    let server = TestServer::open().await;
    let (admin, key) = (Admin::new(&server).await, add_key(&server).await);
    admin.revoke("client:default").await;
    let mut events = Events::open(&server, &key, None).await;

    let (_, first) = events.next().await;
    assert_eq!((subjects(&first), &first["snapshot"]), (vec!["client:default"], &true.into()));
    assert!(first.get("lease_ms").is_none(), "a stream gives no lease");
    admin.revoke("everyone").await;
    let (id, second) = events.next().await;

    assert_eq!((subjects(&second), &second["snapshot"]), (vec!["everyone"], &false.into()));
    assert_eq!(id, format!("{}.{}", text(&second, "log"), second["next"]));
}

/// Each event starts the interval of the keep-alive again, so the key is checked before an event, too.
#[tokio::test]
async fn a_removed_key_reads_no_further_event() {
    let server = TestServer::open().await;
    let (admin, key) = (Admin::new(&server).await, add_key(&server).await);
    let mut events = Events::open(&server, &key, None).await;
    events.next().await;

    let keys = admin.get("/v1/admin/verifier-keys").await;
    let id = text(&keys["verifier_keys"][0], "id").to_owned();
    let removed = admin.send("DELETE", &format!("/v1/admin/verifier-keys/{id}")).await;
    assert_eq!(removed.status, 204);
    admin.revoke("everyone").await;

    // The last chunk of the body.
    let rest = events.read_until("0\r\n\r\n").await;
    assert!(!rest.contains("everyone"), "{rest}");
}

#[tokio::test]
async fn it_continues_after_the_last_event() {
    let server = TestServer::open().await;
    let (admin, key) = (Admin::new(&server).await, add_key(&server).await);
    let mut events = Events::open(&server, &key, None).await;
    let (id, _) = events.next().await;
    drop(events);
    admin.revoke("client:default").await;

    let (_, missed) = Events::open(&server, &key, Some(&id)).await.next().await;

    assert_eq!((subjects(&missed), &missed["snapshot"]), (vec!["client:default"], &false.into()));
}

#[tokio::test]
async fn wrong_requests_are_refused() {
    let server = TestServer::with(|settings| settings.feed.max_streams_per_key = 1).await;
    let key = add_key(&server).await;
    let get = |path: &str| Request::get(path).bearer(&key);

    assert_eq!(Request::get("/v1/feed/stream").send(&server).await.status, 401);
    assert_eq!(get("/v1/feed/stream?after=1").send(&server).await.status, 422);
    assert_eq!(get("/v1/feed/stream").header("last-event-id", "1").send(&server).await.status, 422);
    let _open = Events::open(&server, &key, None).await;
    assert_eq!(get("/v1/feed/stream").send(&server).await.status, 429);
}

#[tokio::test]
async fn an_open_stream_is_not_closed_as_idle_and_ends_at_a_shutdown() {
    let server = TestServer::with(|settings| {
        settings.limits.header_timeout = Duration::from_millis(200);
        settings.limits.idle_timeout = Duration::from_millis(200);
        settings.limits.request_timeout = Duration::from_millis(200);
    })
    .await;
    let (admin, key) = (Admin::new(&server).await, add_key(&server).await);
    let mut events = Events::open(&server, &key, None).await;
    events.next().await;

    tokio::time::sleep(Duration::from_secs(1)).await;
    admin.revoke("client:default").await;
    let (_, event) = events.next().await;
    assert_eq!(subjects(&event), ["client:default"]);

    server.app.close().await.unwrap();
    let end = async {
        let mut rest = Vec::new();
        while events.stream.read_buf(&mut rest).await.unwrap() > 0 && !rest.ends_with(b"0\r\n\r\n") {}
    };
    timeout(DEADLINE, end).await.unwrap();
}
