//! The export of traces: what a collector receives, which parent spans are accepted, and that no request waits for it.

#![cfg(feature = "otel")]
#![allow(clippy::unwrap_used, reason = "what a test cannot prepare fails it")]

mod common;
#[path = "traces/receiver.rs"]
mod receiver;

use std::fs;
use std::net::TcpListener;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use counterfoil_test_support::{output_of, python_reader};
use rustix::process::Signal;
use serde_json::json;

use crate::common::{Server, counterfoil, in_dir};
use crate::receiver::{Receiver, Sent};

const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
const PARENT: &str = "00f067aa0ba902b7";
const PASSWORD: &str = "correct horse battery staple";

/// The command that serves `dir` and sends its traces to `endpoint`; only when it stops, because of the long delay.
fn serve_with_traces(dir: &Path, endpoint: &str) -> Command {
    let arguments = ["serve", "--listen", "127.0.0.1:0", "--log-format", "json"];
    let mut command = counterfoil(&in_dir(dir, &arguments));
    for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("OTEL_")) {
        command.env_remove(name);
    }
    command.env("OTEL_EXPORTER_OTLP_ENDPOINT", endpoint).env("OTEL_BSP_SCHEDULE_DELAY", "600000");
    command
}

/// Gets `path` as part of a trace.
fn get_in_trace(server: &Server, path: &str, parent: &str) -> u16 {
    server.curl(path, &["-H", &format!("traceparent: {parent}")]).0
}

#[test]
fn a_span_is_sent_for_each_request_without_secrets() {
    let temp = tempfile::tempdir().unwrap();
    let (receiver, dir) = (Receiver::start(), temp.path().join("data"));
    let mut command = serve_with_traces(&dir, &receiver.url);
    command.env("COUNTERFOIL_TRUSTED_PROXIES", "127.0.0.1/32");
    command.env("OTEL_EXPORTER_OTLP_HEADERS", "x-key=collector-secret");
    let server = Server::start(&mut command, &dir.with_extension("log"));
    let ada = json!({ "username": "ada.lovelace", "password": PASSWORD });
    assert_eq!(server.post("/v1/register", &ada).0, 201);
    let token = server.post("/v1/login", &ada).1["session_token"].as_str().unwrap().to_owned();
    assert_eq!(server.get("/v1/me?hunter2", &token).0, 200);
    assert_eq!(get_in_trace(&server, "/healthz", &format!("00-{TRACE}-{PARENT}-01")), 200);
    assert_eq!(get_in_trace(&server, "/v1/me", "00-what-is-this"), 401);
    assert_eq!(get_in_trace(&server, "/v1/hunter2", &format!("00-{TRACE}-{PARENT}-00")), 404);

    assert!(server.stop(Signal::TERM).success());

    let sent = receiver.all();
    let names: Vec<_> = sent.iter().flat_map(|sent| &sent.spans).map(|span| span.name.as_str()).collect();
    assert_eq!(names, ["POST /v1/register", "POST /v1/login", "GET /v1/me", "GET /healthz", "GET /v1/me"]);
    assert_spans(&sent);
    for secret in [PASSWORD, &token, "hunter2", "collector-secret", "ada.lovelace"] {
        assert!(!sent.iter().any(|sent| contains(&sent.body, secret)), "{secret}");
    }
}

/// Checks the spans of the test above.
fn assert_spans(sent: &[Sent]) {
    let [Sent { path, key, resource, spans, .. }] = sent else { panic!("{} batches", sent.len()) };
    assert_eq!((path.as_str(), key.as_str()), ("/v1/traces", "collector-secret"));
    assert_eq!(resource["service.name"], "counterfoil");
    let [_, login, me, health, refused] = &spans[..] else { panic!("{spans:?}") };
    for (span, status) in [(login, "200"), (me, "200"), (health, "200"), (refused, "401")] {
        assert_eq!(span.attributes["http.response.status_code"], status);
        assert_eq!(span.kind, 2, "the kind is SERVER");
        assert!(span.status.is_none(), "a client error is not an error of the server");
    }
    assert_eq!(me.attributes["http.route"], "/v1/me");
    assert!(me.attributes.contains_key("request_id"));
    assert_eq!((health.trace.as_str(), health.parent.as_str()), (TRACE, PARENT));
    for span in [login, me, refused] {
        assert!(span.trace != TRACE && span.parent.is_empty(), "the span has a new trace: {span:?}");
    }
}

#[test]
fn the_protobuf_messages_of_opentelemetry_read_the_spans() {
    let Some(mut reader) = python_reader("read_traces.py") else { return };
    let temp = tempfile::tempdir().unwrap();
    let (receiver, dir) = (Receiver::start(), temp.path().join("data"));
    let mut command = serve_with_traces(&dir, &receiver.url);
    command.env("COUNTERFOIL_TRUSTED_PROXIES", "127.0.0.1/32");
    let server = Server::start(&mut command, &dir.with_extension("log"));
    assert_eq!(get_in_trace(&server, "/v1/me", &format!("00-{TRACE}-{PARENT}-01")), 401);
    assert!(server.stop(Signal::TERM).success());
    let body = temp.path().join("body");
    fs::write(&body, &receiver.all()[0].body).unwrap();

    reader.arg(&body);
    let spans: serde_json::Value = serde_json::from_str(&output_of(reader)).unwrap();

    let [span] = &spans.as_array().unwrap()[..] else { panic!("{spans}") };
    assert_eq!((&span["service"], &span["name"]), (&json!("counterfoil"), &json!("GET /v1/me")));
    assert_eq!((&span["trace"], &span["parent"]), (&json!(TRACE), &json!(PARENT)));
    assert_eq!(span["kind"], "SPAN_KIND_SERVER");
    let attributes = &span["attributes"];
    assert_eq!(attributes["http.response.status_code"], "401", "{attributes}");
    assert_eq!(
        (&attributes["http.request.method"], &attributes["http.route"]),
        (&json!("GET"), &json!("/v1/me"))
    );
}

#[test]
fn only_a_trusted_proxy_can_set_the_trace_of_a_request() {
    let temp = tempfile::tempdir().unwrap();
    let (receiver, dir) = (Receiver::start(), temp.path().join("data"));
    let server = Server::start(&mut serve_with_traces(&dir, &receiver.url), &dir.with_extension("log"));
    assert_eq!(get_in_trace(&server, "/healthz", &format!("00-{TRACE}-{PARENT}-01")), 200);

    assert!(server.stop(Signal::TERM).success());

    let sent = receiver.all();
    assert_eq!(sent[0].spans.len(), 1);
    assert_ne!(sent[0].spans[0].trace, TRACE);
    assert_eq!(sent[0].spans[0].parent, "");
}

#[test]
fn a_collector_that_does_not_answer_delays_no_request() {
    let temp = tempfile::tempdir().unwrap();
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let silent_url = format!("http://{}", silent.local_addr().unwrap());
    for (name, endpoint) in [("refused", "http://127.0.0.1:9"), ("silent", &silent_url)] {
        let dir = temp.path().join(name);
        let server = Server::start(&mut serve_with_traces(&dir, endpoint), &dir.with_extension("log"));
        let start = Instant::now();
        for _ in 0..20 {
            assert_eq!(server.curl("/healthz", &[]).0, 200);
        }
        assert!(start.elapsed() < Duration::from_secs(20), "{name}");

        assert!(server.stop(Signal::TERM).success(), "{name}");

        let log = fs::read_to_string(dir.with_extension("log")).unwrap();
        assert!(log.contains("traces"), "{name}: the failure is logged: {log}");
    }
}

#[test]
fn the_url_of_an_invalid_collector_is_not_logged() {
    let temp = tempfile::tempdir().unwrap();
    for (name, endpoint) in [
        ("odd", "ftp://otel:hunter2@x"),
        ("user", "http://otel:hunter2@127.0.0.1:9"),
        ("sign", "http://127.0.0.1:9/hunter2 and more"),
    ] {
        let dir = temp.path().join(name);
        let server = Server::start(&mut serve_with_traces(&dir, endpoint), &dir.with_extension("log"));
        assert_eq!(server.curl("/healthz", &[]).0, 200, "{name}");

        assert!(server.stop(Signal::TERM).success(), "{name}");

        let log = fs::read_to_string(dir.with_extension("log")).unwrap();
        assert!(log.contains("no traces are sent"), "{name}: the failure is logged: {log}");
        assert!(!log.contains("hunter2"), "{name}: {log}");
    }
}

#[test]
fn the_server_starts_with_any_queue_size() {
    let temp = tempfile::tempdir().unwrap();
    for (name, size) in [("none", "0"), ("endless", &*usize::MAX.to_string()), ("odd", "many")] {
        let (receiver, dir) = (Receiver::start(), temp.path().join(name));
        let mut command = serve_with_traces(&dir, &receiver.url);
        command.env("OTEL_BSP_MAX_QUEUE_SIZE", size).env("OTEL_BSP_MAX_EXPORT_BATCH_SIZE", size);
        let server = Server::start(&mut command, &dir.with_extension("log"));
        assert_eq!(server.curl("/healthz", &[]).0, 200, "{name}");

        assert!(server.stop(Signal::TERM).success(), "{name}");

        let spans: usize = receiver.all().iter().map(|sent| sent.spans.len()).sum();
        assert_eq!(spans, 1, "{name}");
    }
}

fn contains(bytes: &[u8], text: &str) -> bool {
    bytes.windows(text.len()).any(|window| window == text.as_bytes())
}
