//! Tests of exports: whatever ends one, its last line says what was sent.

use http_body_util::BodyExt as _;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::time::sleep;

use counterfoil_core::credentials::admin_key::AdminKeyId;
use counterfoil_core::model::audit_event::{Actor, AuditEvent, AuditEventKind};
use counterfoil_core::model::session::{ClientInfo, EndReason};
use counterfoil_core::services::revoker::RevocationContext;
use counterfoil_core::store::Change;
use counterfoil_verify::testing::PrincipalBuilder;
use counterfoil_verify::{
    Principal, RevocationEntry, RevocationPosition, RevocationSubject, Revocations, UserId,
};

use super::*;
use crate::settings::Settings;

/// So many events are more than a client that does not read is sent.
const MANY: usize = 20;

/// An installation with this number of events.
async fn with_events(count: usize) -> (App, TempDir) {
    let dir = TempDir::new().unwrap();
    let store = format!("sqlite:{}", dir.path().join("auth.db").display()).parse().unwrap();
    let app = App::open(Settings::new("https://auth.example".parse().unwrap(), store)).await.unwrap();
    let event = |number| AuditEvent {
        at: app.now(),
        kind: AuditEventKind::LoginFailed,
        user: None,
        session: None,
        client: None,
        actor: Actor::Anonymous,
        reason: None,
        client_info: ClientInfo::default(),
        detail: Some(format!("{number}").into()),
    };
    let changes: Vec<_> = (0..count).map(|number| Change::record_event(event(number))).collect();
    assert!(app.parts.store.commit(&changes.into()).await.unwrap().applied().is_some());
    (app, dir)
}

/// An export with one event a page.
fn export(app: &App, limits: Limits) -> StreamBody {
    export_for(PrincipalBuilder::new("root").build(), app, limits)
}

fn export_for(principal: Principal, app: &App, limits: Limits) -> StreamBody {
    export_to(Viewer::user(UserId::from_bytes([1; 16]), principal), app, limits)
}

fn export_to(viewer: Viewer, app: &App, limits: Limits) -> StreamBody {
    let filter = AuditEventFilter { kinds: vec![AuditEventKind::LoginFailed], ..AuditEventFilter::default() };
    open_with(Limits { page: 1, ..limits }, app, viewer, filter).unwrap()
}

async fn read_first(body: &mut StreamBody) {
    let first = body.frame().await.unwrap().unwrap().into_data().unwrap();
    assert_eq!(serde_json::from_slice::<Value>(&first).unwrap()["detail"], format!("{}", MANY - 1));
}

/// An export with an admin key, of which one event was read.
async fn export_with_key(app: &App) -> (AdminKeyId, StreamBody) {
    let (_, key) = app.parts.administration.create_admin_key("backup", &context(), app.now()).await.unwrap();
    let mut body = export_to(Viewer::admin_key(&key), app, LIMITS);
    read_first(&mut body).await;
    (key.id, body)
}

fn context() -> RevocationContext {
    RevocationContext {
        actor: Actor::Operator,
        reason: EndReason::ByAdmin,
        client_info: ClientInfo::default(),
    }
}

/// Waits for the end of the task that sends.
async fn is_over(app: &App) {
    while app.parts.live.open_streams() > 0 {
        sleep(Duration::from_millis(5)).await;
    }
}

/// The details of the events, and the last line.
async fn read_all(body: StreamBody) -> (Vec<String>, Value) {
    let text = body.collect().await.unwrap().to_bytes();
    let lines = text.split(|byte| *byte == b'\n').filter(|line| !line.is_empty());
    let mut lines: Vec<Value> = lines.map(|line| serde_json::from_slice(line).unwrap()).collect();
    let last = lines.pop().unwrap();
    assert!(lines.iter().all(|event| event.get("complete").is_none()));
    (lines.iter().map(|event| event["detail"].as_str().unwrap().to_owned()).collect(), last)
}

#[tokio::test]
async fn the_last_line_says_that_the_export_is_complete() {
    let (app, _dir) = with_events(3).await;

    let (events, last) = read_all(export(&app, LIMITS)).await;

    assert_eq!(events, ["2", "1", "0"]);
    assert_eq!(last, json!({ "complete": true, "events": 3 }));
}

#[tokio::test]
async fn an_export_at_its_limit_says_from_where_it_continues() {
    let (app, _dir) = with_events(4).await;

    let (events, last) = read_all(export(&app, Limits { events: 3, ..LIMITS })).await;

    assert_eq!(events, ["3", "2", "1"]);
    assert_eq!(
        (&last["complete"], &last["events"], &last["reason"]),
        (&json!(false), &json!(3), &json!("limit"))
    );
    let next = Pagination::new(last["next"].as_str(), 1).unwrap();
    let rest = audit_log::list(&app, &AuditEventFilter::default(), next).await.unwrap();
    assert_eq!(rest.items[0].detail.as_deref(), Some("0"));
}

#[tokio::test]
async fn a_client_that_does_not_read_gives_its_place_to_others_and_learns_that_events_are_missing() {
    let (app, _dir) = with_events(MANY).await;
    let mut body = export(&app, Limits { send_timeout: Duration::from_millis(20), ..LIMITS });
    read_first(&mut body).await;

    is_over(&app).await;

    let (events, last) = read_all(body).await;
    assert_eq!((events.len(), &last["events"]), (0, &json!(1)), "{last}");
    assert_eq!((&last["complete"], &last["reason"]), (&json!(false), &json!("client_too_slow")));
    let next = Pagination::new(last["next"].as_str(), 1).unwrap();
    let rest = audit_log::list(&app, &AuditEventFilter::default(), next).await.unwrap();
    assert_eq!(rest.items[0].detail, Some(format!("{}", MANY - 2)), "it continues with what was dropped");
}

#[tokio::test]
async fn an_export_that_was_sent_as_a_whole_and_is_not_read_is_not_complete() {
    let (app, _dir) = with_events(3).await;
    let body = export(&app, Limits { send_timeout: Duration::from_millis(20), ..LIMITS });

    is_over(&app).await;

    let (events, last) = read_all(body).await;
    assert!(events.is_empty());
    assert_eq!(last, json!({ "complete": false, "events": 0, "reason": "client_too_slow" }));
}

#[tokio::test]
async fn an_export_ends_at_a_shutdown_although_its_client_does_not_read() {
    let (app, _dir) = with_events(MANY).await;
    let body = export(&app, LIMITS);

    app.start_shutdown();
    is_over(&app).await;

    let (events, last) = read_all(body).await;
    assert!(events.len() < MANY && last["events"] == events.len(), "{last}");
    assert_eq!((&last["complete"], &last["reason"]), (&json!(false), &json!("server_shutdown")));
}

#[tokio::test]
async fn an_export_ends_with_the_credential_of_its_administrator_and_sends_nothing_that_waits() {
    let (app, _dir) = with_events(MANY).await;
    let revocations = Arc::new(Revocations::default());
    let administrator = PrincipalBuilder::new("root").revocations(Arc::clone(&revocations)).build();
    let mut body = export_for(administrator, &app, LIMITS);
    read_first(&mut body).await;

    let (position, subject) = (RevocationPosition::new(1), RevocationSubject::Everyone);
    revocations.publish(&[RevocationEntry { position, subject, until: None }], position);
    is_over(&app).await;

    let (events, last) = read_all(body).await;
    assert_eq!((events.len(), &last["events"]), (0, &json!(1)), "{last}");
    assert_eq!((&last["complete"], &last["reason"]), (&json!(false), &json!("credential_ended")));
    // After a new login it continues with what was dropped.
    let next = Pagination::new(last["next"].as_str(), 1).unwrap();
    let rest = audit_log::list(&app, &AuditEventFilter::default(), next).await.unwrap();
    assert_eq!(rest.items[0].detail, Some(format!("{}", MANY - 2)));
}

#[tokio::test]
async fn an_export_with_an_admin_key_that_is_removed_says_that_it_is_not_complete() {
    let (app, _dir) = with_events(MANY).await;
    let (key, body) = export_with_key(&app).await;

    app.parts.administration.remove_admin_key(key, &context(), app.now()).await.unwrap();

    let (events, last) = read_all(body).await;
    assert_eq!((events.len(), &last["events"]), (0, &json!(1)), "{last}");
    assert_eq!((&last["complete"], &last["reason"]), (&json!(false), &json!("credential_ended")));
}

#[tokio::test]
async fn an_export_whose_admin_key_cannot_be_read_says_that_it_is_not_complete() {
    let (app, _dir) = with_events(MANY).await;
    let (_, body) = export_with_key(&app).await;

    app.parts.store.close().await.unwrap();

    let (events, last) = read_all(body).await;
    assert_eq!((events.len(), &last["events"]), (0, &json!(1)), "{last}");
    assert_eq!((&last["complete"], &last["reason"]), (&json!(false), &json!("read_failed")));
    assert!(last["next"].is_string(), "{last}");
}

#[tokio::test]
async fn an_export_that_cannot_be_read_to_its_end_says_so() {
    let (app, _dir) = with_events(MANY).await;
    let body = export(&app, LIMITS);

    app.parts.store.close().await.unwrap();

    let (events, last) = read_all(body).await;
    assert!(events.len() < MANY && last["events"] == events.len(), "{last}");
    assert_eq!((&last["complete"], &last["reason"]), (&json!(false), &json!("read_failed")));
}
