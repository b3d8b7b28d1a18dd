//! The feed as server-sent events.

use std::time::Duration;

use serde_json::Value;

use crate::administration::Admin;
use crate::client::Request;
use crate::event_stream::EventStream;
use crate::feed::add_key;
use crate::test_server::{TestServer, text};

/// An open stream of the feed.
struct Events(EventStream);

impl Events {
    async fn open(server: &TestServer, key: &str, last_event_id: Option<&str>) -> Self {
        let bearer = format!("Bearer {key}");
        let last = last_event_id.map(|id| ("last-event-id", id));
        let headers: Vec<_> = [("authorization", bearer.as_str())].into_iter().chain(last).collect();
        Self(EventStream::open(server, "/v1/feed/stream", &headers).await)
    }

    /// The id and the data of the next event.
    async fn next(&mut self) -> (String, Value) {
        let event = self.0.next().await.expect("the stream continues");
        (event.id.unwrap(), serde_json::from_str(&event.data).unwrap())
    }
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

    assert_eq!(events.0.next().await, None);
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
    assert_eq!(events.0.next().await, None);
}
