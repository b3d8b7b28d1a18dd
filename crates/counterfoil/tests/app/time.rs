//! An installation whose machine has its clock set, told by clocks in the hand of the test.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use counterfoil::App;
use counterfoil::operator::Command;
use counterfoil::{HOLD, Reading, Source};
use counterfoil_jose::Time;

use crate::client::{Reply, send};
use crate::house::{House, Running};

const NOON: Time = Time::from_unix_seconds(1_764_000_000);
const MINUTE: Duration = Duration::from_secs(60);
const HOUR: Duration = Duration::from_secs(3600);
const ADA: &str = r#"{"username":"ada","password":"correct horse"}"#;

#[derive(Clone)]
struct Hand(Arc<Mutex<Reading>>);

impl Hand {
    fn at(wall: Time) -> Self {
        Self(Arc::new(Mutex::new(Reading { wall, up: MINUTE })))
    }

    fn pass(&self, span: Duration) {
        let mut reading = self.0.lock().unwrap();
        *reading = Reading { wall: reading.wall + span, up: reading.up + span };
    }

    fn set(&self, wall: Time) {
        self.0.lock().unwrap().wall = wall;
    }
}

impl Source for Hand {
    fn read(&self) -> Reading {
        *self.0.lock().unwrap()
    }
}

async fn open(house: &House, hand: &Hand) -> App {
    App::open_with_clock(house.settings(), hand.clone()).await.unwrap()
}

async fn log_in(server: &Running) -> Reply {
    send(server.at, "POST /v1/login", &[], ADA).await
}

#[tokio::test]
async fn while_a_leap_is_unsettled_nobody_logs_in_and_who_is_in_stays() {
    let (house, hand) = (House::new(), Hand::at(NOON));
    let app = open(&house, &hand).await;
    let server = Running::of(app.clone()).await;
    assert_eq!(send(server.at, "POST /v1/register", &[], ADA).await.status, 201);
    let token = log_in(&server).await.json()["session_token"].as_str().unwrap().to_owned();
    let bearer = format!("authorization: Bearer {token}");

    hand.set(NOON + HOUR);
    let refused = log_in(&server).await;
    assert_eq!(refused.status, 503, "{refused:?}");
    assert!(refused.head.contains("retry-after: "));
    assert_eq!(send(server.at, "GET /v1/me", &[&bearer], "").await.status, 200);
    assert_eq!(send(server.at, "POST /v1/token", &[&bearer], "{}").await.status, 503);
    hand.pass(HOLD);
    assert_eq!(log_in(&server).await.status, 200);

    hand.set(NOON + 3 * HOUR);
    assert_eq!(log_in(&server).await.status, 503);
    app.administer(Command::ClockAccept {}).await.unwrap();
    assert_eq!(log_in(&server).await.status, 200);
    server.end().await;
}

#[tokio::test]
async fn what_has_expired_does_not_come_back_when_the_wall_is_set_back() {
    let (house, hand) = (House::new(), Hand::at(NOON));
    let server = Running::of(open(&house, &hand).await).await;
    send(server.at, "POST /v1/register", &[], ADA).await;
    let login = r#"{"username":"ada","password":"correct horse","mode":"jwt"}"#;
    let login = send(server.at, "POST /v1/login", &[], login).await.json();
    let bearer = format!("authorization: Bearer {}", login["access_token"].as_str().unwrap());
    hand.pass(HOUR + 2 * MINUTE);
    assert_eq!(send(server.at, "GET /v1/me", &[&bearer], "").await.status, 401);

    hand.set(NOON);
    assert_eq!(send(server.at, "GET /v1/me", &[&bearer], "").await.status, 401);
    server.end().await;
    let again = Running::of(open(&house, &hand).await).await;

    assert_eq!(send(again.at, "GET /v1/me", &[&bearer], "").await.status, 401, "nor by a restart");
    again.end().await;
}

#[tokio::test]
async fn a_restart_undoes_a_leap_that_nobody_accepted() {
    let (house, hand) = (House::new(), Hand::at(NOON));
    let app = open(&house, &hand).await;
    hand.set(NOON + HOUR);
    assert_eq!(app.now(), NOON + HOUR);
    app.close().await.unwrap();
    drop(app);

    hand.set(NOON + MINUTE);

    assert_eq!(open(&house, &hand).await.now(), NOON + MINUTE);
}

#[tokio::test]
async fn a_leap_that_was_accepted_outlives_a_restart() {
    let (house, hand) = (House::new(), Hand::at(NOON));
    let app = open(&house, &hand).await;
    hand.set(NOON + HOUR);
    app.administer(Command::ClockAccept {}).await.unwrap();
    app.close().await.unwrap();
    drop(app);

    hand.set(NOON + MINUTE);

    assert_eq!(open(&house, &hand).await.now(), NOON + HOUR);
}

#[tokio::test]
async fn an_operator_brings_a_store_back_from_the_future() {
    let (house, hand) = (House::new(), Hand::at(NOON + 24 * HOUR));
    let wrong = Running::of(open(&house, &hand).await).await;
    send(wrong.at, "POST /v1/register", &[], ADA).await;
    assert_eq!(log_in(&wrong).await.status, 200);
    wrong.end().await;

    hand.set(NOON);
    let app = open(&house, &hand).await;
    assert!(app.now() >= NOON + 24 * HOUR, "a record is that new");
    let server = Running::of(app.clone()).await;
    let accepted = app.administer(Command::ClockAccept {}).await.unwrap();
    assert_eq!(accepted["restart_required"], true);
    assert_eq!(log_in(&server).await.status, 200, "this life writes on in the future");
    drop(app);
    server.end().await;

    for start in 0..3 {
        let app = open(&house, &hand).await;
        assert_eq!(app.now(), NOON, "start {start}");
        app.close().await.unwrap();
    }
}
