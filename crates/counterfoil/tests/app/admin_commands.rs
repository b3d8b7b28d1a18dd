//! Admin commands: in process, and over the socket of a running server.

use std::fs;
use std::os::unix::fs::{MetadataExt as _, symlink};
use std::os::unix::net::UnixListener;
use std::time::{Duration, Instant};

use counterfoil::App;
use counterfoil::operator::{self, AdminSocket, CallError};
use counterfoil::operator::{AdminError, Command, KeyRotationRequest, KeySelector};
use counterfoil_core::model::audit_event::{Actor, AuditEventKind};
use counterfoil_core::store::{AuditEventQuery, Store as _};
use counterfoil_jose::{Algorithm, Secret};
use counterfoil_sqlite::SqliteStore;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::UnixStream;

use crate::client::send;
use crate::fixture::{Fixture, TestServer};

fn add(username: &str) -> Command {
    Command::UserAdd {
        username: username.into(),
        password: Secret::new("correct horse".into()),
        email: None,
        roles: vec!["admin".into()],
    }
}

fn sessions_of(user: &str) -> Command {
    Command::SessionList { user: Some(user.into()), ip: None, mode: None, after: None, limit: None }
}

async fn execute(app: &App, command: Command) -> Value {
    app.administer(command).await.unwrap()
}

async fn execute_err(app: &App, command: Command) -> AdminError {
    app.administer(command).await.unwrap_err()
}

async fn log_in(address: std::net::SocketAddr) -> Value {
    let body = r#"{"username":"ada","password":"correct horse"}"#;
    let reply = send(address, "POST /v1/login", &[], body).await;
    assert_eq!(reply.status, 200, "{reply:?}");
    reply.json()
}

#[tokio::test]
async fn users_are_added_and_listed_by_name() {
    let fixture = Fixture::new();
    let app = fixture.open_app().await;
    for name in ["Cleo", "ada", "Bob"] {
        let added = execute(&app, add(name)).await;
        assert_eq!(added["user"]["username"], name);
        assert_eq!(added["user"]["roles"], json!(["admin"]));
    }

    let first = execute(&app, Command::UserList { after: None, limit: Some(2) }).await;
    let after = first["next"].as_str().map(str::to_owned);
    let rest = execute(&app, Command::UserList { after, limit: Some(2) }).await;

    let names = |list: &Value| -> Vec<String> {
        list["users"].as_array().unwrap().iter().map(|u| u["username"].as_str().unwrap().into()).collect()
    };
    assert_eq!((names(&first), names(&rest)), (vec!["ada".into(), "Bob".into()], vec!["Cleo".to_owned()]));
    assert_eq!(rest["next"], Value::Null);
}

#[tokio::test]
async fn an_invalid_command_is_rejected_with_its_reason() {
    let fixture = Fixture::new();
    let app = fixture.open_app().await;
    execute(&app, add("ada")).await;

    assert_eq!(
        execute_err(&app, add("ADA")).await.message,
        "the username is taken, or looks like that of another user"
    );
    assert!(execute_err(&app, add("a@b")).await.message.starts_with("username: "));
    assert_eq!(execute_err(&app, sessions_of("eve")).await.message, "there is no user \"eve\"");
    let no_id = Command::SessionRevoke { id: "ada".into() };
    assert_eq!(execute_err(&app, no_id).await.message, "this is not a session id");
    let unknown = Command::SessionRevoke { id: "A".repeat(22) };
    assert_eq!(execute_err(&app, unknown).await.message, "there is no such session");
    let relative = Command::Backup { file: "copy.db".into(), replace: false };
    assert!(execute_err(&app, relative).await.message.contains("absolute"));
}

fn revoke(subject: &str) -> Command {
    serde_json::from_value(json!({ "command": "revoke", "subject": subject })).unwrap()
}

#[tokio::test]
async fn a_revocation_takes_a_name_and_an_id_has_priority() {
    let fixture = Fixture::new();
    let app = fixture.open_app().await;
    let ada = execute(&app, add("ada")).await["user"]["id"].as_str().unwrap().to_owned();
    let twin = execute(&app, add(&ada)).await["user"]["id"].as_str().unwrap().to_owned();
    execute(&app, add("a:b")).await;
    for name in ["shop", "till"] {
        let client = serde_json::from_value(json!({ "name": "Shop" })).unwrap();
        execute(&app, Command::ClientAdd { id: name.into(), client }).await;
    }

    for subject in ["user:ADA", "user:a:b", "client:default", "client:shop", "key:current", "everyone"] {
        assert!(execute(&app, revoke(subject)).await["position"].is_u64(), "{subject}");
    }
    // The other user has this id as their name.
    execute(&app, revoke(&format!("user:{ada}"))).await;
    let filter = serde_json::from_value(json!({ "kinds": ["user_revoked"] })).unwrap();
    let events = execute(&app, Command::AuditList { filter, after: None, limit: Some(1) }).await;
    assert_eq!(events["events"][0]["user"], ada.as_str(), "not {twin}");

    let unknown = execute_err(&app, revoke("user:bob")).await;
    assert_eq!(unknown.message, "there is no user \"bob\"");
    assert!(unknown.hint.unwrap().contains("user list"));
    let ambiguous = execute_err(&app, revoke("client:Shop")).await;
    assert_eq!(ambiguous.message, "2 clients have the name \"Shop\"");
    assert_eq!(ambiguous.hint.as_deref(), Some("use the id: shop, till"));
    assert!(execute_err(&app, revoke("client:Market")).await.hint.unwrap().contains("client list"));
    assert!(execute_err(&app, revoke("session:ada")).await.message.contains("subject"));
}

#[tokio::test]
async fn an_admin_key_is_removed_by_a_name_that_only_one_has() {
    let fixture = Fixture::new();
    let app = fixture.open_app().await;
    let added = async |name: &str| {
        let key = execute(&app, Command::AdminKeyAdd { name: name.into() }).await;
        key["id"].as_str().unwrap().to_owned()
    };
    let (deploy, first, second) = (added("deploy").await, added("backup").await, added("backup").await);
    let remove = |name: &str| Command::AdminKeyRemove { id: name.into() };

    assert_eq!(execute(&app, remove("deploy")).await, json!({ "id": deploy }));
    let ambiguous = execute_err(&app, remove("backup")).await;
    assert_eq!(ambiguous.message, "2 admin keys have the name \"backup\"");
    let hint = ambiguous.hint.unwrap();
    assert!(hint.contains(&first) && hint.contains(&second), "{hint}");
    execute(&app, remove(&first)).await;
    assert_eq!(execute(&app, remove("backup")).await, json!({ "id": second }));
    assert_eq!(execute_err(&app, remove("backup")).await.message, "there is no admin key \"backup\"");
}

#[tokio::test]
async fn the_audit_log_is_followed_from_a_position() {
    let fixture = Fixture::new();
    let app = fixture.open_app().await;
    execute(&app, add("ada")).await;
    let follow = async |filter: Value, position: Option<u64>| {
        let filter = serde_json::from_value(filter).unwrap();
        execute(&app, Command::AuditFollow { filter, position, limit: Some(2) }).await
    };
    let start = follow(json!({}), None).await;
    assert_eq!(start["events"], json!([]), "only what is new is followed");
    let start = start["position"].as_u64().unwrap();
    for name in ["bob", "cleo", "dora"] {
        execute(&app, add(name)).await;
        execute(&app, Command::UserDelete { user: name.into() }).await;
    }

    let (mut position, mut seen) = (Some(start), Vec::new());
    loop {
        let answer = follow(json!({ "kinds": ["user_deleted"] }), position).await;
        let events = answer["events"].as_array().unwrap();
        seen.extend(events.iter().map(|event| event["number"].as_u64().unwrap()));
        if answer["position"].as_u64() == position {
            break;
        }
        position = answer["position"].as_u64();
    }
    assert!(seen.len() == 3 && seen.is_sorted_by(|a, b| a < b), "{seen:?}");
    let of_another_log = follow(json!({}), Some(1_000_000)).await;
    assert_eq!((of_another_log["position"].as_u64(), &of_another_log["events"]), (position, &json!([])));
}

#[tokio::test]
async fn a_session_revoked_by_an_operator_is_rejected_at_once() {
    let fixture = Fixture::new();
    let server = TestServer::start(fixture.settings()).await;
    operator::call(&fixture.data_dir(), &add("ada")).await.unwrap();
    let tokens = [log_in(server.address).await, log_in(server.address).await, log_in(server.address).await];
    let bearers =
        tokens.map(|login| format!("authorization: Bearer {}", login["session_token"].as_str().unwrap()));

    let listed = operator::call(&fixture.data_dir(), &sessions_of("ada")).await.unwrap();
    assert_eq!(listed["sessions"].as_array().unwrap().len(), 3);
    let newest = listed["sessions"][0]["id"].as_str().unwrap().to_owned();
    let first =
        operator::call(&fixture.data_dir(), &Command::SessionRevoke { id: newest.clone() }).await.unwrap();
    let again = operator::call(&fixture.data_dir(), &Command::SessionRevoke { id: newest }).await.unwrap();
    assert_eq!((first, again), (json!({ "revoked": 1 }), json!({ "revoked": 0 })));
    let count_active = async || {
        let mut active = 0;
        for bearer in &bearers {
            active += usize::from(send(server.address, "GET /v1/me", &[bearer], "").await.status == 200);
        }
        active
    };
    assert_eq!(count_active().await, 2);

    let all = Command::SessionRevokeAll { user: "Ada".into() };
    assert_eq!(operator::call(&fixture.data_dir(), &all).await.unwrap(), json!({ "revoked": 2 }));

    assert_eq!(count_active().await, 0);
    server.shut_down().await;
}

#[tokio::test]
async fn the_audit_log_names_the_operator_as_the_actor() {
    let fixture = Fixture::new();
    let app = fixture.open_app().await;
    execute(&app, add("ada")).await;
    execute(&app, Command::ClockAccept {}).await;
    app.close().await.unwrap();
    drop(app);

    let store = SqliteStore::open(&fixture.data_path("auth.db")).unwrap();
    let events =
        store.audit_events(&AuditEventQuery { limit: 10, ..AuditEventQuery::default() }).await.unwrap().rows;

    for kind in [AuditEventKind::UserRegistered, AuditEventKind::ClockAccepted] {
        assert!(events.iter().any(|(_, event)| event.kind == kind && event.actor == Actor::Operator));
    }
}

#[tokio::test]
async fn a_backup_can_be_opened_and_does_not_overwrite_a_file() {
    let fixture = Fixture::new();
    let app = fixture.open_app().await;
    execute(&app, add("ada")).await;
    let file = fixture.path("copy.db");

    execute(&app, Command::Backup { file: file.clone(), replace: false }).await;

    execute_err(&app, Command::Backup { file: file.clone(), replace: false }).await;
    assert_eq!(fs::metadata(&file).unwrap().mode() & 0o777, 0o600);
    let store = format!("sqlite:{}", file.display()).parse().unwrap();
    let copy = App::open(fixture.settings().with(|settings| settings.store = store)).await.unwrap();
    assert_eq!(execute(&copy, sessions_of("ada")).await, json!({ "sessions": [], "next": null }));
}

#[tokio::test]
async fn status_shows_the_issuer_and_the_readiness() {
    let fixture = Fixture::new();
    let app = fixture.open_app().await;

    let status = execute(&app, Command::Status {}).await;

    assert_eq!(status["issuer"], "http://localhost:3000");
    assert_eq!((&status["may_issue"], &status["failed"]), (&json!(true), &json!([])));
    assert_eq!(status["node"].as_str().map(str::len), Some(22), "16 bytes as base64url");
}

#[tokio::test]
async fn the_admin_socket_is_private_and_removed_at_shutdown() {
    let fixture = Fixture::new();
    let socket = operator::socket_path(&fixture.data_dir());
    let server = TestServer::start(fixture.settings()).await;
    operator::call(&fixture.data_dir(), &Command::Status {}).await.unwrap();

    assert_eq!(fs::metadata(&socket).unwrap().mode() & 0o777, 0o600);
    assert_eq!(
        fs::read_dir(fixture.data_dir()).unwrap().filter(|e| e.as_ref().unwrap().path().is_dir()).count(),
        0
    );
    server.shut_down().await;

    assert!(!socket.exists());
    let result = operator::call(&fixture.data_dir(), &Command::Status {}).await;
    assert!(matches!(result, Err(CallError::NoServer(_))), "{result:?}");
}

#[tokio::test]
async fn a_stale_admin_socket_is_replaced() {
    let fixture = Fixture::new();
    fixture.open_app().await.close().await.unwrap();
    drop(std::os::unix::net::UnixListener::bind(operator::socket_path(&fixture.data_dir())).unwrap());
    let result = operator::call(&fixture.data_dir(), &Command::Status {}).await;
    assert!(matches!(result, Err(CallError::NoServer(_))), "{result:?}");

    let server = TestServer::start(fixture.settings()).await;

    assert!(operator::call(&fixture.data_dir(), &Command::Status {}).await.is_ok());
    server.shut_down().await;
}

#[tokio::test]
async fn an_unknown_command_is_rejected_without_echoing_it() {
    let fixture = Fixture::new();
    let server = TestServer::start(fixture.settings()).await;
    for bad in [&b"\n"[..], b"hunter2\n", b"{\"command\":\"hunter2\"}\n", b"\xff\xfe\n", b"[[[[\n"] {
        let mut stream = UnixStream::connect(operator::socket_path(&fixture.data_dir())).await.unwrap();
        stream.write_all(bad).await.unwrap();

        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();

        assert!(answer.starts_with(r#"{"error":"#), "{answer}");
        assert!(!answer.contains("hunter2"));
    }
    let mut endless = UnixStream::connect(operator::socket_path(&fixture.data_dir())).await.unwrap();
    let _ = endless.write_all(&vec![b'x'; 70_000]).await;
    let mut answer = Vec::new();
    let _ = endless.read_to_end(&mut answer).await;
    assert!(answer.is_empty(), "a line without an end gets no answer");
    server.shut_down().await;
}

#[tokio::test]
async fn the_admin_socket_works_in_a_directory_with_a_long_path() {
    let fixture = Fixture::new();
    let dir = fixture.path(&"x".repeat(200));
    let store = format!("sqlite:{}", fixture.path("auth.db").display()).parse().unwrap();
    let settings = fixture.settings().with(|settings| {
        settings.data_dir = Some(dir.clone());
        settings.store = store;
    });
    let missing = operator::call(&dir, &Command::Status {}).await;
    assert!(matches!(missing, Err(CallError::NoServer(_))), "{missing:?}");

    let server = TestServer::start(settings).await;

    assert!(operator::call(&dir, &Command::Status {}).await.is_ok());
    server.shut_down().await;
    assert!(!operator::socket_path(&dir).exists());
}

/// An operator's file, or the socket of another service behind a link, would be lost or get passwords.
#[tokio::test]
async fn what_is_not_our_socket_is_neither_replaced_nor_used() {
    let fixture = Fixture::new();
    fixture.open_app().await.close().await.unwrap();
    let socket = operator::socket_path(&fixture.data_dir());
    fs::write(&socket, "precious").unwrap();

    assert!(AdminSocket::bind(&fixture.data_dir()).is_err());
    assert_eq!(fs::read(&socket).unwrap(), b"precious");

    fs::remove_file(&socket).unwrap();
    let other = UnixListener::bind(fixture.path("other.sock")).unwrap();
    symlink(fixture.path("other.sock"), &socket).unwrap();
    let refused = operator::call(&fixture.data_dir(), &Command::Status {}).await;
    assert!(matches!(refused, Err(CallError::NotConnected { .. })), "{refused:?}");
    drop(other);
}

#[tokio::test]
async fn the_socket_of_a_later_server_is_not_removed_at_shutdown() {
    let fixture = Fixture::new();
    fs::create_dir(fixture.data_dir()).unwrap();
    let path = operator::socket_path(&fixture.data_dir());
    let first = AdminSocket::bind(&fixture.data_dir()).unwrap();
    fs::remove_file(&path).unwrap();
    let second = AdminSocket::bind(&fixture.data_dir()).unwrap();

    drop(first);

    assert!(path.exists());
    drop(second);
    assert!(!path.exists());
}

/// The runtime has one thread, so a key generated on it would block everything else.
#[tokio::test]
async fn generating_a_key_does_not_block_the_runtime() {
    let fixture = Fixture::new();
    let app =
        App::open(fixture.settings().with(|settings| settings.algorithm = Algorithm::Rs256)).await.unwrap();
    let started = Instant::now();
    let mut blocked = Duration::ZERO;

    let rotations = async {
        for _ in 0..4 {
            let form = KeyRotationRequest { now: true, purpose: KeySelector::Signing };
            execute(&app, Command::KeyRotate(form)).await;
        }
    };
    tokio::pin!(rotations);
    loop {
        let polled = Instant::now();
        tokio::select! {
            biased;
            () = &mut rotations => break,
            () = tokio::task::yield_now() => {}
        }
        blocked += Some(polled.elapsed()).filter(|gap| *gap > Duration::from_millis(30)).unwrap_or_default();
    }

    let took = started.elapsed();
    println!("four keys in {took:?}, the runtime was blocked for {blocked:?}");
    assert!(blocked < took / 2, "blocked for {blocked:?} of {took:?}");
}
