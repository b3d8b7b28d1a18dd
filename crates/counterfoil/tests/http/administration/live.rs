//! Live updates as server-sent events.

use std::time::{Duration, Instant};

use futures_util::future::join_all;
use serde_json::{Value, json};
use tokio::time::timeout;

use super::Admin;
use crate::client::Request;
use crate::event_stream::{Event, EventStream};
use crate::test_server::{TestServer, text};

/// Within this time a stream ends with its session.
const ONE_HOP: Duration = Duration::from_secs(1);

struct Live(EventStream);

impl Live {
    async fn open(server: &TestServer, bearer: &str, topics: &str, last_event_id: Option<&str>) -> Self {
        let bearer = format!("Bearer {bearer}");
        let last = last_event_id.map(|id| ("last-event-id", id));
        let headers: Vec<_> = [("authorization", bearer.as_str())].into_iter().chain(last).collect();
        Self(EventStream::open(server, &format!("/v1/admin/live?topics={topics}"), &headers).await)
    }

    async fn next(&mut self) -> Event {
        self.0.next().await.expect("the stream continues")
    }

    /// The data of the next event of this name.
    async fn data(&mut self, name: &str) -> Value {
        serde_json::from_str(&self.0.next_named(name).await.data).unwrap()
    }

    /// The kind of the next audit event.
    async fn kind(&mut self) -> String {
        let data = self.data("audit").await;
        assert_eq!(data["events"].as_array().unwrap().len(), 1, "{data}");
        text(&data["events"][0], "kind").to_owned()
    }
}

async fn administrator(server: &TestServer) -> String {
    server.add_admin("root").await;
    text(&server.login("root", "session").await, "session_token").to_owned()
}

#[tokio::test]
async fn each_topic_begins_with_its_state_and_a_login_elsewhere_follows() {
    let server = TestServer::open().await;
    let root = administrator(&server).await;
    server.register("ada").await;
    let all = "health,stats,verifiers,revocations,keys,audit";
    let mut live = Live::open(&server, &root, all, None).await;

    let mut states = Vec::new();
    for _ in 0..5 {
        let event = live.next().await;
        let data: Value = serde_json::from_str(&event.data).unwrap();
        states.push((event.name, data));
    }
    let state = |name: &str| &states.iter().find(|(found, _)| found == name).unwrap().1;
    assert_eq!(state("health")["failed"], json!([]));
    assert_eq!(state("stats")["logins"], 1);
    assert_eq!(state("verifiers")["verifiers"], json!([]));
    assert_eq!(state("revocations")["revocations"], json!([]));
    assert_eq!(state("keys")["keys"].as_array().unwrap().len(), 2);

    server.login("ada", "jwt").await;
    assert_eq!(live.kind().await, "login_succeeded");
    assert_eq!(live.data("stats").await["logins"], 2);
}

#[tokio::test]
async fn a_change_is_reported_at_once_and_by_its_topic_only() {
    let server = TestServer::open().await;
    let admin = Admin::new(&server).await;
    let mut live = Live::open(&server, &admin.bearer, "keys,revocations", None).await;
    for _ in 0..2 {
        live.next().await;
    }

    admin.revoke("client:default").await;
    let event = live.next().await;
    assert_eq!((event.name.as_str(), event.id), ("revocations", None));
    let data: Value = serde_json::from_str(&event.data).unwrap();
    assert_eq!(data["revocations"][0]["subject"], "client:default");
    assert_eq!((&data["waits"], &data["head"]), (&json!([]), &data["revocations"][0]["position"]));
}

#[tokio::test]
async fn a_stream_continues_after_the_last_event_that_the_client_has() {
    let server = TestServer::open().await;
    let root = administrator(&server).await;
    let mut live = Live::open(&server, &root, "audit", None).await;
    server.register("ada").await;
    let first = live.0.next_named("audit").await;
    assert!(first.data.contains("user_registered"), "{first:?}");
    drop(live);
    server.register("bob").await;
    server.login("bob", "session").await;

    let mut live = Live::open(&server, &root, "audit", first.id.as_deref()).await;
    assert_eq!((live.kind().await, live.kind().await), ("user_registered".into(), "login_succeeded".into()));

    // A stream without an event so far has an id to continue from, and one of a lost log begins again.
    let mut quiet = Live::open(&server, &root, "audit,keys", Some("99999999")).await;
    quiet.0.next_named("keys").await;
    let id = quiet.0.last_id.clone().unwrap();
    drop(quiet);
    server.login("ada", "session").await;
    let mut live = Live::open(&server, &root, "audit", Some(&id)).await;
    assert_eq!(live.kind().await, "login_succeeded");
}

#[tokio::test]
async fn many_audit_events_at_once_are_joined() {
    let server = TestServer::open().await;
    let root = administrator(&server).await;
    for number in 0..30 {
        server.register(&format!("user{number}")).await;
    }
    let mut live = Live::open(&server, &root, "audit", Some("0")).await;

    let data = live.data("audit").await;
    let events = data["events"].as_array().unwrap();
    assert!(events.len() >= 30, "{data}");
    let numbers: Vec<_> = events.iter().map(|event| event["number"].as_u64().unwrap()).collect();
    assert!(numbers.is_sorted(), "oldest first");
}

#[tokio::test]
async fn a_stream_ends_with_its_session() {
    let server = TestServer::open().await;
    server.add_admin("root").await;
    for mode in ["session", "jwt", "hybrid"] {
        let login = server.login("root", mode).await;
        let member = if mode == "session" { "session_token" } else { "access_token" };
        let bearer = text(&login, member).to_owned();
        let mut live = Live::open(&server, &bearer, "keys", None).await;
        live.next().await;

        let logout = Request::post("/v1/logout").bearer(&bearer).json(&json!({}));
        assert_eq!(logout.send(&server).await.status, 204);

        let last = timeout(ONE_HOP, live.0.next_named("ended")).await.expect("within one hop");
        assert_eq!(last.data, "session_ended", "{mode}");
        assert_eq!(timeout(ONE_HOP, live.0.next()).await, Ok(None), "{mode}");
    }
}

#[tokio::test]
async fn a_stream_ends_when_its_user_is_no_longer_an_administrator() {
    let server = TestServer::open().await;
    let root = administrator(&server).await;
    server.add_admin("deputy").await;
    let admin = Admin::new(&server).await;
    let id = Request::get("/v1/me").bearer(&root).send(&server).await.json()["user"]["id"].clone();
    let mut live = Live::open(&server, &root, "keys", None).await;
    live.next().await;

    admin.change_user(id.as_str().unwrap(), json!({ "roles": [] })).await;

    let last = timeout(ONE_HOP, live.0.next_named("ended")).await.expect("within one hop");
    assert_eq!(last.data, "revoked");
    assert_eq!(live.0.next().await, None);
}

#[tokio::test]
async fn a_removed_admin_key_receives_nothing_more() {
    let server = TestServer::open().await;
    let admin = Admin::new(&server).await;
    let made = admin.send_ok("POST", "/v1/admin/admin-keys", &json!({ "name": "screen" })).await;
    let mut live = Live::open(&server, text(&made, "key"), "audit", None).await;

    server.register("ada").await;
    assert_eq!(live.kind().await, "user_registered");
    let path = format!("/v1/admin/admin-keys/{}", text(&made, "id"));
    assert_eq!(admin.send("DELETE", &path).await.status, 204);

    assert_eq!(live.0.next().await, None, "not even the event of the removal");
}

#[tokio::test]
async fn an_administrator_has_a_limited_number_of_streams_in_all_sessions_together() {
    let server = TestServer::open().await;
    let mut root = administrator(&server).await;
    let mut open = Vec::new();
    for number in 0..8 {
        if number % 3 == 2 {
            root = text(&server.login("root", "session").await, "session_token").to_owned();
        }
        open.push(Live::open(&server, &root, "keys", None).await);
    }

    root = text(&server.login("root", "session").await, "session_token").to_owned();
    let refused = Request::get("/v1/admin/live").bearer(&root).send(&server).await;
    assert_eq!((refused.status, refused.header("retry-after")), (429, Some("10")));
    server.add_admin("ops").await;
    let other = text(&server.login("ops", "session").await, "session_token").to_owned();
    Live::open(&server, &other, "keys", None).await.next().await;

    open.pop();
    // The server learns of the closed connection some time later.
    let again = async {
        while Request::new("HEAD", "/v1/admin/live").bearer(&root).send(&server).await.status != 200 {}
    };
    timeout(Duration::from_secs(10), again).await.unwrap();
}

#[tokio::test]
async fn the_streams_of_admin_keys_count_for_their_creator() {
    let server = TestServer::open().await;
    let root = administrator(&server).await;
    let create = |bearer: String| {
        let server = &server;
        async move {
            let create =
                Request::post("/v1/admin/admin-keys").bearer(&bearer).json(&json!({ "name": "screen" }));
            text(&create.send(server).await.json(), "key").to_owned()
        }
    };
    let mut key = create(root.clone()).await;
    let mut open = Vec::new();
    for number in 0..8 {
        if number % 3 == 2 {
            // A key that is created with a key has the same creator.
            key = create(key).await;
        }
        open.push(Live::open(&server, &key, "keys", None).await);
    }

    for bearer in [&root, &key, &create(root.clone()).await] {
        let refused = Request::get("/v1/admin/live").bearer(bearer).send(&server).await;
        assert_eq!(refused.status, 429);
    }
    // A program of an operator, and another administrator.
    let admin = Admin::new(&server).await;
    Live::open(&server, &admin.bearer, "keys", None).await.next().await;
    server.add_admin("ops").await;
    let other = text(&server.login("ops", "session").await, "session_token").to_owned();
    Live::open(&server, &other, "keys", None).await.next().await;
}

/// How often the store is read while eight streams of `name` begin with this topic, and how many seconds they take.
async fn reads_of_eight_streams(server: &TestServer, name: &str, topic: &str) -> (u64, u64) {
    server.add_admin(name).await;
    let bearer = text(&server.login(name, "session").await, "session_token").to_owned();
    // A session is read once.
    Request::get("/v1/sessions").bearer(&bearer).send(server).await;
    let (before, started) = (store_reads(server).await, Instant::now());
    let streams = (0..8).map(|_| async {
        let mut live = Live::open(server, &bearer, topic, None).await;
        live.0.next_named(topic).await;
        live
    });
    let _open = join_all(streams).await;
    (store_reads(server).await - before, started.elapsed().as_secs())
}

async fn store_reads(server: &TestServer) -> u64 {
    let metrics = server.app.metrics().await;
    let count = "counterfoil_store_read_seconds_count ";
    metrics.lines().find_map(|line| line.strip_prefix(count)).unwrap().parse().unwrap()
}

#[tokio::test]
async fn streams_share_one_run_of_the_readiness_checks() {
    let server = TestServer::open().await;

    let (without_checks, _) = reads_of_eight_streams(&server, "root", "stats").await;
    let (with_checks, seconds) = reads_of_eight_streams(&server, "ops", "health").await;

    let runs = with_checks.saturating_sub(without_checks);
    assert!(runs <= 3 + seconds, "{runs} runs in {seconds} s");
}

#[tokio::test]
async fn wrong_requests_are_refused() {
    let server = TestServer::open().await;
    let root = administrator(&server).await;
    let get = |path: &str| Request::get(path).bearer(&root);

    for query in ["topics=", "topics=party", "topics=keys&topics=keys", "since=1"] {
        assert_eq!(get(&format!("/v1/admin/live?{query}")).send(&server).await.status, 422, "{query}");
    }
    assert_eq!(get("/v1/admin/live").header("last-event-id", "x").send(&server).await.status, 422);
    // An event stream with a cookie is checked as a write is.
    let cookie = format!("counterfoil-session={root}");
    let foreign = Request::get("/v1/admin/live")
        .header("cookie", cookie)
        .header("accept", "text/event-stream")
        .header("sec-fetch-site", "cross-site");
    assert_eq!(foreign.send(&server).await.status, 403);
}

#[tokio::test]
async fn a_stream_is_not_closed_as_idle_and_ends_at_a_shutdown() {
    let server = TestServer::with(|settings| {
        settings.limits.header_timeout = Duration::from_millis(200);
        settings.limits.idle_timeout = Duration::from_millis(200);
        settings.limits.request_timeout = Duration::from_millis(500);
    })
    .await;
    let root = administrator(&server).await;
    let mut live = Live::open(&server, &root, "audit", None).await;

    tokio::time::sleep(Duration::from_secs(1)).await;
    server.register("ada").await;
    assert_eq!(live.kind().await, "user_registered");

    server.app.close().await.unwrap();
    while live.0.next().await.is_some() {}
}
