//! An operator's commands, with a server and without one.

use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::time::{Duration, Instant};

use counterfoil::operator::{self, CallError};
use counterfoil::operator::{AdminError, Command, KeyRotationRequest, KeySelector};
use counterfoil::{App, Settings};
use counterfoil_core::model::audit_event::{Actor, AuditEventKind};
use counterfoil_core::store::{AuditEventQuery, Store as _};
use counterfoil_jose::{Algorithm, Secret};
use counterfoil_sqlite::SqliteStore;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::UnixStream;

use crate::client::send;
use crate::house::{House, Running};

fn add(username: &str) -> Command {
    Command::UserAdd {
        username: username.into(),
        password: Secret::new("correct horse".into()),
        email: None,
        roles: vec!["admin".into()],
    }
}

fn sessions_of(user: &str) -> Command {
    Command::SessionList { user: user.into(), after: None, limit: None }
}

async fn asked(app: &App, command: Command) -> Value {
    app.administer(command).await.unwrap()
}

async fn refused(app: &App, command: Command) -> AdminError {
    app.administer(command).await.unwrap_err()
}

async fn log_in(at: std::net::SocketAddr) -> Value {
    let body = r#"{"username":"ada","password":"correct horse"}"#;
    let reply = send(at, "POST /v1/login", &[], body).await;
    assert_eq!(reply.status, 200, "{reply:?}");
    reply.json()
}

#[tokio::test]
async fn users_are_added_and_listed_by_name() {
    let house = House::new();
    let app = house.open().await;
    for name in ["Cleo", "ada", "Bob"] {
        let added = asked(&app, add(name)).await;
        assert_eq!(added["user"]["username"], name);
        assert_eq!(added["user"]["roles"], json!(["admin"]));
    }

    let first = asked(&app, Command::UserList { after: None, limit: Some(2) }).await;
    let after = first["next"].as_str().map(str::to_owned);
    let rest = asked(&app, Command::UserList { after, limit: Some(2) }).await;

    let names = |list: &Value| -> Vec<String> {
        list["users"].as_array().unwrap().iter().map(|u| u["username"].as_str().unwrap().into()).collect()
    };
    assert_eq!((names(&first), names(&rest)), (vec!["ada".into(), "Bob".into()], vec!["Cleo".to_owned()]));
    assert_eq!(rest["next"], Value::Null);
}

#[tokio::test]
async fn what_cannot_be_done_is_said_and_not_done() {
    let house = House::new();
    let app = house.open().await;
    asked(&app, add("ada")).await;

    assert_eq!(refused(&app, add("ADA")).await.message, "the username is taken");
    assert!(refused(&app, add("a@b")).await.message.starts_with("username: "));
    assert_eq!(refused(&app, sessions_of("eve")).await.message, "there is no such user");
    let no_id = Command::SessionRevoke { id: "ada".into() };
    assert_eq!(refused(&app, no_id).await.message, "this is not a session id");
    let nobodys = Command::SessionRevoke { id: "A".repeat(22) };
    assert_eq!(refused(&app, nobodys).await.message, "there is no such session");
    let relative = Command::Backup { file: "copy.db".into(), replace: false };
    assert!(refused(&app, relative).await.message.contains("absolute"));
}

#[tokio::test]
async fn a_session_that_an_operator_ends_is_dead_at_once() {
    let house = House::new();
    let server = Running::start(house.settings()).await;
    operator::call(&house.dir(), &add("ada")).await.unwrap();
    let tokens = [log_in(server.at).await, log_in(server.at).await, log_in(server.at).await];
    let bearers =
        tokens.map(|login| format!("authorization: Bearer {}", login["session_token"].as_str().unwrap()));

    let listed = operator::call(&house.dir(), &sessions_of("ada")).await.unwrap();
    assert_eq!(listed["sessions"].as_array().unwrap().len(), 3);
    let newest = listed["sessions"][0]["id"].as_str().unwrap().to_owned();
    let one = operator::call(&house.dir(), &Command::SessionRevoke { id: newest.clone() }).await.unwrap();
    let again = operator::call(&house.dir(), &Command::SessionRevoke { id: newest }).await.unwrap();
    assert_eq!((one, again), (json!({ "revoked": 1 }), json!({ "revoked": 0 })));
    let alive = async || {
        let mut alive = 0;
        for bearer in &bearers {
            alive += usize::from(send(server.at, "GET /v1/me", &[bearer], "").await.status == 200);
        }
        alive
    };
    assert_eq!(alive().await, 2);

    let all = Command::SessionRevokeAll { user: "Ada".into() };
    assert_eq!(operator::call(&house.dir(), &all).await.unwrap(), json!({ "revoked": 2 }));

    assert_eq!(alive().await, 0);
    server.end().await;
}

#[tokio::test]
async fn the_journal_says_that_it_was_an_operator() {
    let house = House::new();
    let app = house.open().await;
    asked(&app, add("ada")).await;
    asked(&app, Command::ClockAccept {}).await;
    app.close().await.unwrap();
    drop(app);

    let store = SqliteStore::open(&house.inside("auth.db")).unwrap();
    let events = store.events(&AuditEventQuery { limit: 10, ..AuditEventQuery::default() }).await.unwrap();

    for kind in [AuditEventKind::Registered, AuditEventKind::ClockAccepted] {
        assert!(events.iter().any(|(_, event)| event.kind == kind && event.actor == Actor::Operator));
    }
}

#[tokio::test]
async fn a_backup_is_a_good_store_and_replaces_nothing() {
    let house = House::new();
    let app = house.open().await;
    asked(&app, add("ada")).await;
    let file = house.outside("copy.db");

    asked(&app, Command::Backup { file: file.clone(), replace: false }).await;

    refused(&app, Command::Backup { file: file.clone(), replace: false }).await;
    assert_eq!(fs::metadata(&file).unwrap().mode() & 0o777, 0o600);
    let store = format!("sqlite:{}", file.display()).parse().unwrap();
    let copy = App::open(Settings { store, ..house.settings() }).await.unwrap();
    assert_eq!(asked(&copy, sessions_of("ada")).await, json!({ "sessions": [], "next": null }));
}

#[tokio::test]
async fn status_tells_how_things_are() {
    let house = House::new();
    let app = house.open().await;

    let status = asked(&app, Command::Status {}).await;

    assert_eq!(status["issuer"], "http://localhost:3000");
    assert_eq!((&status["may_issue"], &status["failed"]), (&json!(true), &json!([])));
}

#[tokio::test]
async fn the_socket_is_its_owners_alone_and_goes_with_the_server() {
    let house = House::new();
    let socket = operator::socket_path(&house.dir());
    let server = Running::start(house.settings()).await;
    operator::call(&house.dir(), &Command::Status {}).await.unwrap();

    assert_eq!(fs::metadata(&socket).unwrap().mode() & 0o777, 0o600);
    assert_eq!(fs::read_dir(house.dir()).unwrap().filter(|e| e.as_ref().unwrap().path().is_dir()).count(), 0);
    server.end().await;

    assert!(!socket.exists());
    let gone = operator::call(&house.dir(), &Command::Status {}).await;
    assert!(matches!(gone, Err(CallError::NoServer(_))), "{gone:?}");
}

#[tokio::test]
async fn a_socket_that_a_dead_server_left_is_replaced() {
    let house = House::new();
    house.open().await.close().await.unwrap();
    drop(std::os::unix::net::UnixListener::bind(operator::socket_path(&house.dir())).unwrap());
    let nobody = operator::call(&house.dir(), &Command::Status {}).await;
    assert!(matches!(nobody, Err(CallError::NoServer(_))), "{nobody:?}");

    let server = Running::start(house.settings()).await;

    assert!(operator::call(&house.dir(), &Command::Status {}).await.is_ok());
    server.end().await;
}

#[tokio::test]
async fn what_is_no_command_is_refused_and_not_repeated() {
    let house = House::new();
    let server = Running::start(house.settings()).await;
    for bad in [&b"\n"[..], b"hunter2\n", b"{\"command\":\"hunter2\"}\n", b"\xff\xfe\n", b"[[[[\n"] {
        let mut stream = UnixStream::connect(operator::socket_path(&house.dir())).await.unwrap();
        stream.write_all(bad).await.unwrap();

        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();

        assert!(answer.starts_with(r#"{"error":"#), "{answer}");
        assert!(!answer.contains("hunter2"));
    }
    let mut endless = UnixStream::connect(operator::socket_path(&house.dir())).await.unwrap();
    let _ = endless.write_all(&vec![b'x'; 70_000]).await;
    let mut answer = Vec::new();
    let _ = endless.read_to_end(&mut answer).await;
    assert!(answer.is_empty(), "a line without end is not answered");
    server.end().await;
}

#[tokio::test]
async fn a_path_too_long_for_a_socket_is_one_clear_error() {
    let dir = std::path::PathBuf::from("/tmp").join("x".repeat(120));

    let error = operator::call(&dir, &Command::Status {}).await.unwrap_err();

    assert!(matches!(&error, CallError::Io(cause) if cause.to_string().contains("too long")), "{error:?}");
}

/// On the one thread of this runtime: whoever draws there holds it for as long as that takes.
#[tokio::test]
async fn while_a_key_is_drawn_requests_go_on() {
    let house = House::new();
    let app = App::open(Settings { algorithm: Algorithm::Rs256, ..house.settings() }).await.unwrap();
    let began = Instant::now();
    let mut held = Duration::ZERO;

    let rotations = async {
        for _ in 0..4 {
            let form = KeyRotationRequest { now: true, purpose: KeySelector::Signing };
            asked(&app, Command::KeyRotate(form)).await;
        }
    };
    tokio::pin!(rotations);
    loop {
        let looked = Instant::now();
        tokio::select! {
            biased;
            () = &mut rotations => break,
            () = tokio::task::yield_now() => {}
        }
        held += Some(looked.elapsed()).filter(|gap| *gap > Duration::from_millis(30)).unwrap_or_default();
    }

    let took = began.elapsed();
    println!("four keys in {took:?}, the runtime was held for {held:?}");
    assert!(held < took / 2, "held for {held:?} of {took:?}");
}
