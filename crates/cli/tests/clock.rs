//! A wrong system clock, at the start or while serving: the binary runs with a false time of day (`faketime`).

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

fn has_faketime() -> bool {
    let is_installed = Path::new(FAKETIME).exists();
    if !is_installed {
        counterfoil_test_support::skip("faketime is not installed");
    }
    is_installed
}

/// Serves `dir` with a low login rate limit.
fn launch_config(dir: &Path) -> LaunchConfig {
    LaunchConfig::new(dir).with_env("COUNTERFOIL_LOGIN_RATE_LIMIT_PER_ACCOUNT_AND_IP", "3/15m")
}

/// The same with a time of day that differs by `offset`, in the syntax of `faketime`.
fn with_clock_offset(config: LaunchConfig, offset: &str) -> LaunchConfig {
    config
        .with_env("LD_PRELOAD", FAKETIME)
        .with_env("FAKETIME", offset)
        .with_env("FAKETIME_DONT_FAKE_MONOTONIC", "1")
        .with_env("NO_FAKE_STAT", "1")
}

fn post(server: &Server, path: &str, body: &serde_json::Value) -> Response {
    send(server.address, &Request::post(path).json(body)).unwrap()
}

fn wrong_login(server: &Server) -> u16 {
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

/// The credentials from before the clock is wrong.
struct Credentials {
    session: String,
    ended: String,
    /// Valid for an hour.
    jwt: String,
    used_refresh_token: String,
}

/// Registers two users, exhausts the login rate limit of one, and logs in the other.
fn set_up(server: &Server) -> Credentials {
    for name in ["ada", "bob"] {
        let user = json!({ "username": name, "password": PASSWORD });
        assert_eq!(post(server, "/v1/register", &user).status, 201);
    }
    let text = |response: Response, name: &str| response.json()[name].as_str().unwrap().to_owned();
    let session = text(log_in(server, "session"), "session_token");
    let ended = text(log_in(server, "session"), "session_token");
    assert_eq!(send(server.address, &Request::post("/v1/logout").bearer(&ended)).unwrap().status, 204);
    let jwt = text(log_in(server, "jwt"), "access_token");
    let used_refresh_token = text(log_in(server, "hybrid"), "refresh_token");
    let body = json!({ "refresh_token": used_refresh_token });
    let next = text(post(server, "/v1/refresh", &body), "refresh_token");
    assert_eq!(post(server, "/v1/logout", &json!({ "refresh_token": next })).status, 204);
    while wrong_login(server) == 401 {}
    assert_eq!(wrong_login(server), 429);
    Credentials { session, ended, jwt, used_refresh_token }
}

/// Ended sessions and used refresh tokens stay invalid at any time. While the clock is not trusted a refresh may get 503.
fn assert_ended_stays_ended(server: &Server, credentials: &Credentials) {
    assert_eq!(me(server, &credentials.ended), 401);
    let refresh = post(server, "/v1/refresh", &json!({ "refresh_token": credentials.used_refresh_token }));
    assert!(refresh.status == 401 || refresh.is_retryable_503(), "{}", refresh.status);
    assert!(!server.stderr().unwrap().contains("panicked"));
}

#[test]
fn a_start_with_a_clock_that_is_behind_continues_from_the_last_known_time() {
    if !has_faketime() {
        return;
    }
    for offset in ["-1h", "-1d"] {
        let temp = tempfile::tempdir().unwrap();
        let dir = temp.path().join("data");
        let server = program().start(&launch_config(&dir)).unwrap();
        let credentials = set_up(&server);
        stop(server);

        let server = program().start(&with_clock_offset(launch_config(&dir), offset)).unwrap();

        assert_ended_stays_ended(&server, &credentials);
        assert_eq!(
            (me(&server, &credentials.session), me(&server, &credentials.jwt)),
            (200, 200),
            "{offset}"
        );
        assert_eq!(wrong_login(&server), 429, "{offset}: the rate limit is not reset");
        assert_eq!(log_in(&server, "jwt").status, 200, "{offset}");
        assert_eq!(warnings(&server), 1, "{offset}: {}", server.stderr().unwrap());
    }
}

#[test]
fn after_a_start_with_a_clock_that_is_ahead_an_operator_can_accept_the_right_time() {
    if !has_faketime() {
        return;
    }
    for (offset, session) in [("+2h", 200), ("+10y", 401)] {
        let temp = tempfile::tempdir().unwrap();
        let dir = temp.path().join("data");
        let server = program().start(&launch_config(&dir)).unwrap();
        let credentials = set_up(&server);
        stop(server);

        let server = program().start(&with_clock_offset(launch_config(&dir), offset)).unwrap();
        assert_ended_stays_ended(&server, &credentials);
        assert_eq!(
            (me(&server, &credentials.session), me(&server, &credentials.jwt)),
            (session, 401),
            "{offset}"
        );
        stop(server);

        // The system clock is right again. The time of the server does not run backwards by itself.
        let server = program().start(&launch_config(&dir)).unwrap();
        assert_ended_stays_ended(&server, &credentials);
        assert_eq!(
            (me(&server, &credentials.session), me(&server, &credentials.jwt)),
            (session, 401),
            "{offset}"
        );
        assert_eq!(warnings(&server), 1, "{offset}: {}", server.stderr().unwrap());
        assert!(server.stderr().unwrap().contains("clock accept"), "{}", server.stderr().unwrap());
        let accepted = program().run(&LaunchConfig::new(&dir), &["clock", "accept"]).unwrap();
        assert!(accepted.status.success(), "{}", String::from_utf8_lossy(&accepted.stderr));
        stop(server);

        let server = program().start(&launch_config(&dir)).unwrap();
        assert_ended_stays_ended(&server, &credentials);
        assert_eq!(
            (me(&server, &credentials.session), me(&server, &credentials.jwt)),
            (200, 200),
            "{offset}"
        );
        assert_eq!(warnings(&server), 0, "{offset}: {}", server.stderr().unwrap());
    }
}

/// A time of day that a test sets.
struct FakeClock(std::path::PathBuf);

impl FakeClock {
    fn set(&self, offset: &str) {
        let next = self.0.with_extension("next");
        fs::write(&next, offset).unwrap();
        fs::rename(next, &self.0).unwrap();
    }

    fn launch_config(&self, dir: &Path) -> LaunchConfig {
        launch_config(dir)
            .with_env("LD_PRELOAD", FAKETIME)
            .with_env("FAKETIME_TIMESTAMP_FILE", &self.0)
            .with_env("FAKETIME_NO_CACHE", "1")
            .with_env("FAKETIME_DONT_FAKE_MONOTONIC", "1")
            .with_env("NO_FAKE_STAT", "1")
    }
}

/// Waits until a response shows that the server uses the new time.
fn wait_until(what: &str, is_true: impl Fn() -> bool) {
    let start = Instant::now();
    while !is_true() {
        assert!(start.elapsed() < Duration::from_secs(10), "{what}");
        sleep(Duration::from_millis(20));
    }
}

#[test]
fn a_clock_that_steps_back_while_serving_changes_nothing() {
    if !has_faketime() {
        return;
    }
    let temp = tempfile::tempdir().unwrap();
    let (dir, fake_clock) = (temp.path().join("data"), FakeClock(temp.path().join("time")));
    fake_clock.set("+0");
    let server = program().start(&fake_clock.launch_config(&dir)).unwrap();
    let credentials = set_up(&server);

    fake_clock.set("-1d");

    assert_ended_stays_ended(&server, &credentials);
    assert_eq!((me(&server, &credentials.session), me(&server, &credentials.jwt)), (200, 200));
    assert_eq!(wrong_login(&server), 429);
    let again = log_in(&server, "jwt");
    assert_eq!(again.status, 200);
    assert_eq!(me(&server, again.json()["access_token"].as_str().unwrap()), 200);
}

#[test]
fn after_a_forward_jump_credentials_expire_and_none_is_issued_until_it_is_accepted() {
    if !has_faketime() {
        return;
    }
    let temp = tempfile::tempdir().unwrap();
    let (dir, fake_clock) = (temp.path().join("data"), FakeClock(temp.path().join("time")));
    fake_clock.set("+0");
    let server = program().start(&fake_clock.launch_config(&dir)).unwrap();
    let credentials = set_up(&server);

    fake_clock.set("+10y");
    wait_until("credentials expire after the jump", || me(&server, &credentials.session) == 401);
    assert_ended_stays_ended(&server, &credentials);
    assert_eq!(me(&server, &credentials.jwt), 401);
    assert!(log_in(&server, "session").is_retryable_503(), "nothing is issued with the new time");
    fake_clock.set("+0");
    assert_eq!(me(&server, &credentials.session), 401, "the time does not run backwards");
    assert!(log_in(&server, "session").is_retryable_503());
    assert_eq!(warnings(&server), 1, "{}", server.stderr().unwrap());
    stop(server);

    let server = program().start(&launch_config(&dir)).unwrap();
    assert_ended_stays_ended(&server, &credentials);
    assert_eq!(
        (me(&server, &credentials.session), me(&server, &credentials.jwt)),
        (200, 200),
        "the jump was not saved"
    );
    assert_eq!(log_in(&server, "session").status, 200);
}

#[test]
fn a_forward_jump_that_an_operator_accepts_becomes_the_time() {
    if !has_faketime() {
        return;
    }
    let temp = tempfile::tempdir().unwrap();
    let (dir, fake_clock) = (temp.path().join("data"), FakeClock(temp.path().join("time")));
    fake_clock.set("+0");
    let server = program().start(&fake_clock.launch_config(&dir)).unwrap();
    let credentials = set_up(&server);
    fake_clock.set("+2h");
    wait_until("credentials expire after the jump", || me(&server, &credentials.jwt) == 401);
    assert!(log_in(&server, "jwt").is_retryable_503());

    let accepted = program().run(&LaunchConfig::new(&dir), &["clock", "accept"]).unwrap();

    assert!(accepted.status.success(), "{}", String::from_utf8_lossy(&accepted.stderr));
    assert_eq!(log_in(&server, "jwt").status, 200);
    assert_eq!(me(&server, &credentials.session), 200);
    assert_ended_stays_ended(&server, &credentials);
}
