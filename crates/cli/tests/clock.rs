//! A clock that is wrong, at the start or in the middle of it: the real binary by a false time of day (`faketime`).

#![allow(clippy::unwrap_used, reason = "what a test cannot prepare fails it")]

use std::fs;
use std::path::Path;
use std::thread::sleep;
use std::time::{Duration, Instant};

use counterfoil_fault_injection::endurance::FAKETIME;
use counterfoil_fault_injection::http::{Request, Response, send};
use counterfoil_fault_injection::program::{LaunchConfig, Program};
use counterfoil_fault_injection::server::Server;
use rustix::process::Signal;
use serde_json::json;

const PASSWORD: &str = "correct horse battery staple";

fn program() -> Program {
    Program::new(env!("CARGO_BIN_EXE_counterfoil"))
}

fn is_there() -> bool {
    let found = Path::new(FAKETIME).exists();
    if !found {
        counterfoil_test_support::skip("faketime is not installed");
    }
    found
}

/// To serve `dir`, with few guesses.
fn plan(dir: &Path) -> LaunchConfig {
    LaunchConfig::new(dir).with_env("COUNTERFOIL_LOGIN_RATE_LIMIT_PER_ACCOUNT_AND_IP", "3/15m")
}

/// The same by a time of day that is off by so much, as `faketime` writes it.
fn off_by(plan: LaunchConfig, offset: &str) -> LaunchConfig {
    plan.with_env("LD_PRELOAD", FAKETIME)
        .with_env("FAKETIME", offset)
        .with_env("FAKETIME_DONT_FAKE_MONOTONIC", "1")
        .with_env("NO_FAKE_STAT", "1")
}

fn post(server: &Server, path: &str, body: &serde_json::Value) -> Response {
    send(server.address, &Request::post(path).json(body)).unwrap()
}

fn guess(server: &Server) -> u16 {
    post(server, "/v1/login", &json!({ "username": "bob", "password": "wrong horse" })).status
}

fn me(server: &Server, token: &str) -> u16 {
    send(server.address, &Request::get("/v1/me").bearer(token)).unwrap().status
}

fn log_in(server: &Server, mode: &str) -> Response {
    post(server, "/v1/login", &json!({ "username": "ada", "password": PASSWORD, "mode": mode }))
}

fn warnings(server: &Server) -> usize {
    server.stderr().unwrap().lines().filter(|line| line.contains("WARN") && line.contains("clock")).count()
}

fn stop(server: Server) {
    server.send_signal(Signal::TERM).unwrap();
    assert!(server.wait_for_exit(Duration::from_secs(10)).unwrap().0.success());
}

/// What is held before the clock goes wrong.
struct Held {
    session: String,
    ended: String,
    /// Lives for an hour.
    jwt: String,
    spent: String,
}

/// Two users, of whom one has no guesses left, and logins of the other.
fn prepared(server: &Server) -> Held {
    for name in ["ada", "bob"] {
        let who = json!({ "username": name, "password": PASSWORD });
        assert_eq!(post(server, "/v1/register", &who).status, 201);
    }
    let text = |response: Response, name: &str| response.json()[name].as_str().unwrap().to_owned();
    let session = text(log_in(server, "session"), "session_token");
    let ended = text(log_in(server, "session"), "session_token");
    assert_eq!(send(server.address, &Request::post("/v1/logout").bearer(&ended)).unwrap().status, 204);
    let jwt = text(log_in(server, "jwt"), "access_token");
    let spent = text(log_in(server, "hybrid"), "refresh_token");
    let body = json!({ "refresh_token": spent });
    let next = text(post(server, "/v1/refresh", &body), "refresh_token");
    assert_eq!(post(server, "/v1/logout", &json!({ "refresh_token": next })).status, 204);
    while guess(server) == 401 {}
    assert_eq!(guess(server), 429);
    Held { session, ended, jwt, spent }
}

/// What is over stays so, at whatever time; a refresh may not even be judged at some.
fn nothing_comes_back(server: &Server, held: &Held) {
    assert_eq!(me(server, &held.ended), 401);
    let refresh = post(server, "/v1/refresh", &json!({ "refresh_token": held.spent }));
    assert!(refresh.status == 401 || refresh.is_retryable_503(), "{}", refresh.status);
    assert!(!server.stderr().unwrap().contains("panicked"));
}

#[test]
fn a_start_with_a_clock_that_is_behind_goes_on_where_it_was() {
    if !is_there() {
        return;
    }
    for offset in ["-1h", "-1d"] {
        let place = tempfile::tempdir().unwrap();
        let dir = place.path().join("data");
        let server = program().start(&plan(&dir)).unwrap();
        let held = prepared(&server);
        stop(server);

        let server = program().start(&off_by(plan(&dir), offset)).unwrap();

        nothing_comes_back(&server, &held);
        assert_eq!((me(&server, &held.session), me(&server, &held.jwt)), (200, 200), "{offset}");
        assert_eq!(guess(&server), 429, "{offset}: nobody gets new guesses");
        assert_eq!(log_in(&server, "jwt").status, 200, "{offset}");
        assert_eq!(warnings(&server), 1, "{offset}: {}", server.stderr().unwrap());
    }
}

#[test]
fn a_start_with_a_clock_that_is_ahead_expires_and_an_operator_takes_it_back() {
    if !is_there() {
        return;
    }
    for (offset, session) in [("+2h", 200), ("+10y", 401)] {
        let place = tempfile::tempdir().unwrap();
        let dir = place.path().join("data");
        let server = program().start(&plan(&dir)).unwrap();
        let held = prepared(&server);
        stop(server);

        let server = program().start(&off_by(plan(&dir), offset)).unwrap();
        nothing_comes_back(&server, &held);
        assert_eq!((me(&server, &held.session), me(&server, &held.jwt)), (session, 401), "{offset}");
        stop(server);

        // The right time again. It does not run back by itself.
        let server = program().start(&plan(&dir)).unwrap();
        nothing_comes_back(&server, &held);
        assert_eq!((me(&server, &held.session), me(&server, &held.jwt)), (session, 401), "{offset}");
        assert_eq!(warnings(&server), 1, "{offset}: {}", server.stderr().unwrap());
        assert!(server.stderr().unwrap().contains("clock accept"), "{}", server.stderr().unwrap());
        let accepted = program().run(&LaunchConfig::new(&dir), &["clock", "accept"]).unwrap();
        assert!(accepted.status.success(), "{}", String::from_utf8_lossy(&accepted.stderr));
        stop(server);

        let server = program().start(&plan(&dir)).unwrap();
        nothing_comes_back(&server, &held);
        assert_eq!((me(&server, &held.session), me(&server, &held.jwt)), (200, 200), "{offset}");
        assert_eq!(warnings(&server), 0, "{offset}: {}", server.stderr().unwrap());
    }
}

/// A time of day in the hand of a test.
struct Hand(std::path::PathBuf);

impl Hand {
    fn set(&self, offset: &str) {
        let next = self.0.with_extension("next");
        fs::write(&next, offset).unwrap();
        fs::rename(next, &self.0).unwrap();
    }

    fn plan(&self, dir: &Path) -> LaunchConfig {
        plan(dir)
            .with_env("LD_PRELOAD", FAKETIME)
            .with_env("FAKETIME_TIMESTAMP_FILE", &self.0)
            .with_env("FAKETIME_NO_CACHE", "1")
            .with_env("FAKETIME_DONT_FAKE_MONOTONIC", "1")
            .with_env("NO_FAKE_STAT", "1")
    }
}

/// Waits until the server has seen the new time, as far as a response shows.
fn wait_until(what: &str, is_so: impl Fn() -> bool) {
    let begun = Instant::now();
    while !is_so() {
        assert!(begun.elapsed() < Duration::from_secs(10), "{what}");
        sleep(Duration::from_millis(20));
    }
}

#[test]
fn a_clock_that_steps_back_while_serving_changes_nothing() {
    if !is_there() {
        return;
    }
    let place = tempfile::tempdir().unwrap();
    let (dir, hand) = (place.path().join("data"), Hand(place.path().join("time")));
    hand.set("+0");
    let server = program().start(&hand.plan(&dir)).unwrap();
    let held = prepared(&server);

    hand.set("-1d");

    nothing_comes_back(&server, &held);
    assert_eq!((me(&server, &held.session), me(&server, &held.jwt)), (200, 200));
    assert_eq!(guess(&server), 429);
    let again = log_in(&server, "jwt");
    assert_eq!(again.status, 200);
    assert_eq!(me(&server, again.json()["access_token"].as_str().unwrap()), 200);
}

#[test]
fn a_clock_that_leaps_while_serving_expires_but_issues_nothing_until_somebody_says_so() {
    if !is_there() {
        return;
    }
    let place = tempfile::tempdir().unwrap();
    let (dir, hand) = (place.path().join("data"), Hand(place.path().join("time")));
    hand.set("+0");
    let server = program().start(&hand.plan(&dir)).unwrap();
    let held = prepared(&server);

    hand.set("+10y");
    wait_until("the leap is followed", || me(&server, &held.session) == 401);
    nothing_comes_back(&server, &held);
    assert_eq!(me(&server, &held.jwt), 401);
    assert!(log_in(&server, "session").is_retryable_503(), "nothing is issued by it");
    hand.set("+0");
    assert_eq!(me(&server, &held.session), 401, "time does not run back");
    assert!(log_in(&server, "session").is_retryable_503());
    assert_eq!(warnings(&server), 1, "{}", server.stderr().unwrap());
    stop(server);

    let server = program().start(&plan(&dir)).unwrap();
    nothing_comes_back(&server, &held);
    assert_eq!((me(&server, &held.session), me(&server, &held.jwt)), (200, 200), "the leap was never saved");
    assert_eq!(log_in(&server, "session").status, 200);
}

#[test]
fn a_leap_that_an_operator_accepts_is_the_time_from_then_on() {
    if !is_there() {
        return;
    }
    let place = tempfile::tempdir().unwrap();
    let (dir, hand) = (place.path().join("data"), Hand(place.path().join("time")));
    hand.set("+0");
    let server = program().start(&hand.plan(&dir)).unwrap();
    let held = prepared(&server);
    hand.set("+2h");
    wait_until("the leap is followed", || me(&server, &held.jwt) == 401);
    assert!(log_in(&server, "jwt").is_retryable_503());

    let accepted = program().run(&LaunchConfig::new(&dir), &["clock", "accept"]).unwrap();

    assert!(accepted.status.success(), "{}", String::from_utf8_lossy(&accepted.stderr));
    assert_eq!(log_in(&server, "jwt").status, 200);
    assert_eq!(me(&server, &held.session), 200);
    nothing_comes_back(&server, &held);
}
