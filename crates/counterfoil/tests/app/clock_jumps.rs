//! Jumps of the system clock, forward and back, with a clock that the test sets.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use counterfoil::App;
use counterfoil::operator::Command;
use counterfoil::{CLOCK_JUMP_HOLD_TIME, ClockReading, ClockSource};
use counterfoil_jose::Time;

use crate::client::{Reply, send};
use crate::fixture::{Fixture, TestServer};

const NOON: Time = Time::from_unix_seconds(1_764_000_000);
const MINUTE: Duration = Duration::from_secs(60);
const HOUR: Duration = Duration::from_secs(3600);
const ADA: &str = r#"{"username":"ada","password":"correct horse"}"#;

#[derive(Clone)]
struct TestClock(Arc<Mutex<ClockReading>>);

impl TestClock {
    fn new(wall: Time) -> Self {
        Self(Arc::new(Mutex::new(ClockReading { wall, uptime: MINUTE })))
    }

    fn advance(&self, span: Duration) {
        let mut reading = self.0.lock().unwrap();
        *reading = ClockReading { wall: reading.wall + span, uptime: reading.uptime + span };
    }

    fn set(&self, wall: Time) {
        self.0.lock().unwrap().wall = wall;
    }
}

impl ClockSource for TestClock {
    fn read(&self) -> ClockReading {
        *self.0.lock().unwrap()
    }
}

async fn open(fixture: &Fixture, clock: &TestClock) -> App {
    App::open_with_clock(fixture.settings(), clock.clone()).await.unwrap()
}

async fn log_in(server: &TestServer) -> Reply {
    send(server.address, "POST /v1/login", &[], ADA).await
}

#[tokio::test]
async fn a_clock_jump_stops_logins_but_not_existing_sessions() {
    let (fixture, clock) = (Fixture::new(), TestClock::new(NOON));
    let app = open(&fixture, &clock).await;
    let server = TestServer::serve(app.clone()).await;
    assert_eq!(send(server.address, "POST /v1/register", &[], ADA).await.status, 201);
    let token = log_in(&server).await.json()["session_token"].as_str().unwrap().to_owned();
    let bearer = format!("authorization: Bearer {token}");

    clock.set(NOON + HOUR);
    let refused = log_in(&server).await;
    assert_eq!(refused.status, 503, "{refused:?}");
    assert!(refused.head.contains("retry-after: "));
    assert_eq!(send(server.address, "GET /v1/me", &[&bearer], "").await.status, 200);
    assert_eq!(send(server.address, "POST /v1/token", &[&bearer], "{}").await.status, 503);
    clock.advance(CLOCK_JUMP_HOLD_TIME);
    assert_eq!(log_in(&server).await.status, 200);

    clock.set(NOON + 3 * HOUR);
    assert_eq!(log_in(&server).await.status, 503);
    app.administer(Command::ClockAccept {}).await.unwrap();
    assert_eq!(log_in(&server).await.status, 200);
    server.shut_down().await;
}

#[tokio::test]
async fn an_expired_token_stays_expired_when_the_clock_is_set_back() {
    let (fixture, clock) = (Fixture::new(), TestClock::new(NOON));
    let server = TestServer::serve(open(&fixture, &clock).await).await;
    send(server.address, "POST /v1/register", &[], ADA).await;
    let login = r#"{"username":"ada","password":"correct horse","mode":"jwt"}"#;
    let login = send(server.address, "POST /v1/login", &[], login).await.json();
    let bearer = format!("authorization: Bearer {}", login["access_token"].as_str().unwrap());
    clock.advance(HOUR + 2 * MINUTE);
    assert_eq!(send(server.address, "GET /v1/me", &[&bearer], "").await.status, 401);

    clock.set(NOON);
    assert_eq!(send(server.address, "GET /v1/me", &[&bearer], "").await.status, 401);
    server.shut_down().await;
    let again = TestServer::serve(open(&fixture, &clock).await).await;

    assert_eq!(send(again.address, "GET /v1/me", &[&bearer], "").await.status, 401, "also after a restart");
    again.shut_down().await;
}

#[tokio::test]
async fn a_restart_drops_a_clock_jump_that_was_not_accepted() {
    let (fixture, clock) = (Fixture::new(), TestClock::new(NOON));
    let app = open(&fixture, &clock).await;
    clock.set(NOON + HOUR);
    assert_eq!(app.now(), NOON + HOUR);
    app.close().await.unwrap();
    drop(app);

    clock.set(NOON + MINUTE);

    assert_eq!(open(&fixture, &clock).await.now(), NOON + MINUTE);
}

#[tokio::test]
async fn an_accepted_clock_jump_survives_a_restart() {
    let (fixture, clock) = (Fixture::new(), TestClock::new(NOON));
    let app = open(&fixture, &clock).await;
    clock.set(NOON + HOUR);
    app.administer(Command::ClockAccept {}).await.unwrap();
    app.close().await.unwrap();
    drop(app);

    clock.set(NOON + MINUTE);

    assert_eq!(open(&fixture, &clock).await.now(), NOON + HOUR);
}

#[tokio::test]
async fn an_operator_can_reset_a_store_with_times_in_the_future() {
    let (fixture, clock) = (Fixture::new(), TestClock::new(NOON + 24 * HOUR));
    let ahead = TestServer::serve(open(&fixture, &clock).await).await;
    send(ahead.address, "POST /v1/register", &[], ADA).await;
    assert_eq!(log_in(&ahead).await.status, 200);
    ahead.shut_down().await;

    clock.set(NOON);
    let app = open(&fixture, &clock).await;
    assert!(app.now() >= NOON + 24 * HOUR, "the clock starts at the newest record");
    let server = TestServer::serve(app.clone()).await;
    let accepted = app.administer(Command::ClockAccept {}).await.unwrap();
    assert_eq!(accepted["restart_required"], true);
    assert_eq!(log_in(&server).await.status, 200, "until the restart the time stays in the future");
    drop(app);
    server.shut_down().await;

    for start in 0..3 {
        let app = open(&fixture, &clock).await;
        assert_eq!(app.now(), NOON, "start {start}");
        app.close().await.unwrap();
    }
}
