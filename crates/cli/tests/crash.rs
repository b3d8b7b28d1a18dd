//! The binary is killed, stopped under load, sent many requests at once, and run with few resources.

#![allow(clippy::unwrap_used, reason = "what a test cannot prepare fails it")]

use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Barrier};
use std::thread;
use std::time::Duration;

use counterfoil_fault_injection::check::{ReuseGrace, check};
use counterfoil_fault_injection::history::{History, Outcome};
use counterfoil_fault_injection::http::{Connection, Request, send};
use counterfoil_fault_injection::model::Model;
use counterfoil_fault_injection::program::{LaunchConfig, Program};
use counterfoil_fault_injection::server::Server;
use counterfoil_fault_injection::workload::Workload;
use counterfoil_fault_injection::{kill, thundering_herd};
use rustix::process::Signal;
use serde_json::{Value, json};

const PASSWORD: &str = "correct horse battery staple";

fn program() -> Program {
    Program::new(env!("CARGO_BIN_EXE_counterfoil"))
}

/// Registers ada if necessary, and logs in with `mode`.
fn log_in(server: &Server, mode: &str) -> Value {
    let user = json!({ "username": "ada", "password": PASSWORD });
    assert!(matches!(
        send(server.address, &Request::post("/v1/register").json(&user)).unwrap().status,
        201 | 409
    ));
    let login = json!({ "username": "ada", "password": PASSWORD, "mode": mode });
    let response = send(server.address, &Request::post("/v1/login").json(&login)).unwrap();
    assert_eq!(response.status, 200, "{}", response.json());
    response.json()
}

#[test]
fn a_server_that_is_killed_at_any_moment_loses_nothing_acknowledged_and_no_ended_session_is_active() {
    let temp = tempfile::tempdir().unwrap();

    let report = kill::run(&program(), temp.path(), 16, 1, &|| {}).unwrap();

    println!("{report}");
    assert!(report.is_met(), "{report}");
}

#[test]
fn a_thousand_concurrent_uses_of_one_refresh_token_get_the_same_successor() {
    const USES: usize = 1_000;
    let temp = tempfile::tempdir().unwrap();
    let server = program().start(&LaunchConfig::new(temp.path().join("data"))).unwrap();
    let refresh_token = log_in(&server, "hybrid")["refresh_token"].clone();
    let refresh = |token: &Value| Request::post("/v1/refresh").json(&json!({ "refresh_token": token }));
    let (request, at, barrier) = (refresh(&refresh_token), server.address, Barrier::new(USES));

    let responses: Vec<_> = thread::scope(|scope| {
        let one = || {
            barrier.wait();
            send(at, &request).unwrap()
        };
        let start = |_| thread::Builder::new().stack_size(128 * 1024).spawn_scoped(scope, one).unwrap();
        let uses: Vec<_> = (0..USES).map(start).collect();
        uses.into_iter().map(|thread| thread.join().unwrap()).collect()
    });

    let mut served =
        responses.iter().filter(|response| response.status == 200).map(|response| response.json());
    let successor = served.next().unwrap()["refresh_token"].clone();
    let again = served.inspect(|response| assert_eq!(response["refresh_token"], successor)).count();
    let rest = responses.iter().filter(|response| response.status != 200);
    let later = rest.inspect(|response| {
        assert!(response.status == 429 && response.header("retry-after").is_some(), "{}", response.json());
    });
    println!("of {USES} uses {} got the successor and {} got 429", again + 1, later.count());
    let next = send(at, &refresh(&successor)).unwrap();
    assert!(matches!(next.status, 200 | 429), "the session is active: {}", next.json());
}

#[test]
fn all_clients_that_refresh_at_the_same_time_get_a_successor() {
    let temp = tempfile::tempdir().unwrap();
    let report = thundering_herd::run(&program(), temp.path(), thundering_herd::Size::SHORT, &|| {}).unwrap();
    println!("{report}");
    assert!(report.is_met());
}

#[test]
fn a_stop_under_load_completes_accepted_requests_and_does_nothing_unacknowledged() {
    let temp = tempfile::tempdir().unwrap();
    let (program, config) = (program(), LaunchConfig::new(temp.path().join("data")));
    let server = program.start(&config).unwrap();
    let admin = program.create_admin_key(&config).unwrap();
    let history = Arc::new(History::default());
    let workload = Workload::start(6, server.address, &admin, &history, 5);
    thread::sleep(Duration::from_secs(1));

    server.send_signal(Signal::TERM).unwrap();
    let (status, took) = server.wait_for_exit(Duration::from_secs(15)).unwrap();
    workload.stop();

    assert!(status.success(), "{status}");
    assert!(took < Duration::from_secs(10), "{took:?}");
    assert_eq!(history.unexpected_responses(), [""; 0]);
    // Requests without an answer must have had no effect.
    let mut entries = history.entries();
    let unanswered = entries.iter_mut().filter(|entry| entry.completed.is_none());
    let unanswered =
        unanswered.map(|entry| entry.completed = Some((entry.started_at, Outcome::Rejected(0)))).count();
    let mut model = Model::default();
    model.apply(&entries, Duration::MAX);
    let server = program.start(&config).unwrap();
    let checked = check(&mut model, server.address, ReuseGrace::Enabled, 5).unwrap();
    println!(
        "stopped in {took:?}; {} operations acknowledged, {unanswered} not answered; {checked:?}",
        history.acknowledged_count()
    );
    assert!(checked.violations.is_empty(), "{:?}", checked.violations);
    assert!(checked.sessions() + checked.accounts > 0);
}

#[test]
fn sighup_does_not_stop_the_server() {
    let temp = tempfile::tempdir().unwrap();
    let config = LaunchConfig::new(temp.path().join("data")).with_env("COUNTERFOIL_LOG_LEVEL", "info");
    let mut server = program().start(&config).unwrap();

    server.send_signal(Signal::HUP).unwrap();
    log_in(&server, "session");

    assert!(server.exit_status().unwrap().is_none());
    assert!(server.stderr().unwrap().contains("SIGHUP"), "{}", server.stderr().unwrap());
    server.send_signal(Signal::TERM).unwrap();
    assert!(server.wait_for_exit(Duration::from_secs(10)).unwrap().0.success());
}

#[test]
fn with_few_file_descriptors_open_connections_and_new_ones_are_served() {
    let temp = tempfile::tempdir().unwrap();
    let wrapper = ["sh", "-c", "ulimit -n 64; exec \"$@\"", "sh"];
    let server = program().start(&LaunchConfig::new(temp.path().join("data")).with_wrapper(wrapper)).unwrap();
    let login = log_in(&server, "session");
    let me = Request::get("/v1/me").bearer(login["session_token"].as_str().unwrap());
    let mut connection = Connection::new(server.address);
    assert_eq!(connection.send(&me).unwrap().status, 200);

    let idle: Vec<_> = (0..100).map(|_| TcpStream::connect(server.address).unwrap()).collect();
    assert_eq!(connection.send(&me).unwrap().status, 200, "the open connection is served");
    // It takes the place of a silent connection, as soon as these have had time to send a request.
    let is_served = || send(server.address, &me).is_ok_and(|response| response.status == 200);
    assert!((0..1_000).any(|_| is_served()));
    drop(idle);

    assert_eq!(send(server.address, &me).unwrap().status, 200);
    assert!(!server.stderr().unwrap().contains("panicked"));
}

#[test]
fn the_server_needs_no_home_and_no_temporary_directory() {
    let temp = tempfile::tempdir().unwrap();
    let config =
        LaunchConfig::new(temp.path().join("data")).with_env("TMPDIR", "/nowhere/at/all").without_env("HOME");
    let server = program().start(&config).unwrap();

    let login = log_in(&server, "hybrid");
    let backup = temp.path().join("backup.db");
    let made = program().run(&config, &["backup", backup.to_str().unwrap()]).unwrap();

    assert!(login["refresh_token"].is_string());
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
}

#[test]
fn the_server_can_listen_on_ipv6_only() {
    if TcpListener::bind("[::1]:0").is_err() {
        counterfoil_test_support::skip_not_here(counterfoil_test_support::NotHere::Ipv6);
        return;
    }
    let temp = tempfile::tempdir().unwrap();
    let config = LaunchConfig::new(temp.path().join("data")).with_env("COUNTERFOIL_LISTEN", "[::1]:0");
    let server = program().start(&config).unwrap();

    let login = log_in(&server, "session");

    assert!(server.address.is_ipv6());
    assert_eq!(login["user"]["username"], "ada");
}

#[test]
fn a_used_refresh_token_is_repeated_after_a_crash_within_the_grace_period_only() {
    let temp = tempfile::tempdir().unwrap();
    let config =
        LaunchConfig::new(temp.path().join("data")).with_env("COUNTERFOIL_REFRESH_REUSE_GRACE", "1s");
    let start = || program().start(&config).unwrap();
    let refresh = |server: &Server, token: &Value| {
        let request = Request::post("/v1/refresh").json(&json!({ "refresh_token": token }));
        send(server.address, &request).unwrap()
    };
    let server = start();
    let [late, clean, early] = [0; 3].map(|_| log_in(&server, "hybrid")["refresh_token"].clone());
    assert_eq!(refresh(&server, &late).status, 200);

    // The server is idle until the grace period is over, and is then killed.
    thread::sleep(Duration::from_millis(2_500));
    server.kill().unwrap();
    let server = start();
    assert_eq!(refresh(&server, &late).status, 401, "the token was used long before the crash");

    assert_eq!(refresh(&server, &clean).status, 200);
    server.send_signal(Signal::TERM).unwrap();
    assert!(server.wait_for_exit(Duration::from_secs(10)).unwrap().0.success());
    thread::sleep(Duration::from_millis(1_100));
    let server = start();
    assert_eq!(refresh(&server, &clean).status, 401, "a clean stop extends no grace period");

    let answer = refresh(&server, &early).json();
    server.kill().unwrap();
    thread::sleep(Duration::from_millis(1_500));
    let server = start();
    let repeated = refresh(&server, &early);
    assert_eq!(repeated.status, 200, "the answer may be lost, however long the pause is");
    assert_eq!(repeated.json()["refresh_token"], answer["refresh_token"]);

    // The next process is killed, too. Its start was a sign of life, long after the rotation.
    server.kill().unwrap();
    let server = start();
    assert_eq!(refresh(&server, &early).status, 401);
}
