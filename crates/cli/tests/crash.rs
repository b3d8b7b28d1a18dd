//! Killed, told to stop, hung up on, asked a thousand times at once, and kept short of everything: the real binary.

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

/// Somebody who registers, and logs in in `mode`.
fn signed_in(server: &Server, mode: &str) -> Value {
    let who = json!({ "username": "ada", "password": PASSWORD });
    assert!(matches!(
        send(server.address, &Request::post("/v1/register").json(&who)).unwrap().status,
        201 | 409
    ));
    let login = json!({ "username": "ada", "password": PASSWORD, "mode": mode });
    let response = send(server.address, &Request::post("/v1/login").json(&login)).unwrap();
    assert_eq!(response.status, 200, "{}", response.json());
    response.json()
}

#[test]
fn killed_at_any_moment_it_loses_nothing_acknowledged_and_revives_nothing() {
    let place = tempfile::tempdir().unwrap();

    let report = kill::run(&program(), place.path(), 16, 1, &|| {}).unwrap();

    println!("{report}");
    assert!(report.is_met(), "{report}");
}

#[test]
fn a_thousand_uses_of_one_refresh_token_have_one_successor() {
    const TABS: usize = 1_000;
    let place = tempfile::tempdir().unwrap();
    let server = program().start(&LaunchConfig::new(place.path().join("data"))).unwrap();
    let shown = signed_in(&server, "hybrid")["refresh_token"].clone();
    let refresh = |token: &Value| Request::post("/v1/refresh").json(&json!({ "refresh_token": token }));
    let (request, at, barrier) = (refresh(&shown), server.address, Barrier::new(TABS));

    let responses: Vec<_> = thread::scope(|scope| {
        let one = || {
            barrier.wait();
            send(at, &request).unwrap()
        };
        let tab = |_| thread::Builder::new().stack_size(128 * 1024).spawn_scoped(scope, one).unwrap();
        let tabs: Vec<_> = (0..TABS).map(tab).collect();
        tabs.into_iter().map(|tab| tab.join().unwrap()).collect()
    });

    let mut served =
        responses.iter().filter(|response| response.status == 200).map(|response| response.json());
    let successor = served.next().unwrap()["refresh_token"].clone();
    let again = served.inspect(|response| assert_eq!(response["refresh_token"], successor)).count();
    let rest = responses.iter().filter(|response| response.status != 200);
    let later = rest.inspect(|response| {
        assert!(response.status == 429 && response.header("retry-after").is_some(), "{}", response.json());
    });
    println!(
        "of {TABS} uses {} were given the one successor, {} were told to wait",
        again + 1,
        later.count()
    );
    let next = send(at, &refresh(&successor)).unwrap();
    assert!(matches!(next.status, 200 | 429), "nobody's login ended by it: {}", next.json());
}

#[test]
fn of_a_herd_that_refreshes_at_once_everybody_gets_a_successor() {
    let place = tempfile::tempdir().unwrap();
    let report =
        thundering_herd::run(&program(), place.path(), thundering_herd::Size::SHORT, &|| {}).unwrap();
    println!("{report}");
    assert!(report.is_met());
}

#[test]
fn told_to_stop_under_load_it_finishes_what_it_took_and_does_nothing_unsaid() {
    let place = tempfile::tempdir().unwrap();
    let (program, plan) = (program(), LaunchConfig::new(place.path().join("data")));
    let server = program.start(&plan).unwrap();
    let admin = program.create_admin_key(&plan).unwrap();
    let history = Arc::new(History::default());
    let workload = Workload::start(6, server.address, &admin, &history, 5);
    thread::sleep(Duration::from_secs(1));

    server.send_signal(Signal::TERM).unwrap();
    let (status, took) = server.wait_for_exit(Duration::from_secs(15)).unwrap();
    workload.stop();

    assert!(status.success(), "{status}");
    assert!(took < Duration::from_secs(10), "{took:?}");
    assert_eq!(history.unexpected_responses(), [""; 0]);
    // Strictly: what was not answered was not done.
    let mut entries = history.entries();
    let unanswered = entries.iter_mut().filter(|entry| entry.completed.is_none());
    let unanswered =
        unanswered.map(|entry| entry.completed = Some((entry.started_at, Outcome::Rejected(0)))).count();
    let mut model = Model::default();
    model.apply(&entries, Duration::MAX);
    let server = program.start(&plan).unwrap();
    let checked = check(&mut model, server.address, ReuseGrace::Enabled, 5).unwrap();
    println!(
        "ended in {took:?}; {} operations acknowledged, {unanswered} not answered; {checked:?}",
        history.acknowledged_count()
    );
    assert!(checked.violations.is_empty(), "{:?}", checked.violations);
    assert!(checked.sessions() + checked.accounts > 0);
}

#[test]
fn a_hangup_is_no_reason_to_stop() {
    let place = tempfile::tempdir().unwrap();
    let plan = LaunchConfig::new(place.path().join("data")).with_env("COUNTERFOIL_LOG_LEVEL", "info");
    let mut server = program().start(&plan).unwrap();

    server.send_signal(Signal::HUP).unwrap();
    signed_in(&server, "session");

    assert!(server.exit_status().unwrap().is_none());
    assert!(server.stderr().unwrap().contains("SIGHUP"), "{}", server.stderr().unwrap());
    server.send_signal(Signal::TERM).unwrap();
    assert!(server.wait_for_exit(Duration::from_secs(10)).unwrap().0.success());
}

#[test]
fn with_few_descriptors_it_serves_whom_it_can_and_everybody_later() {
    let place = tempfile::tempdir().unwrap();
    let few = ["sh", "-c", "ulimit -n 64; exec \"$@\"", "sh"];
    let server = program().start(&LaunchConfig::new(place.path().join("data")).with_wrapper(few)).unwrap();
    let login = signed_in(&server, "session");
    let me = Request::get("/v1/me").bearer(login["session_token"].as_str().unwrap());
    let mut connection = Connection::new(server.address);
    assert_eq!(connection.send(&me).unwrap().status, 200);

    let crowd: Vec<_> = (0..100).map(|_| TcpStream::connect(server.address).unwrap()).collect();
    assert_eq!(connection.send(&me).unwrap().status, 200, "whoever is in is served");
    drop(crowd);

    assert_eq!(send(server.address, &me).unwrap().status, 200);
    assert!(!server.stderr().unwrap().contains("panicked"));
}

#[test]
fn without_a_home_or_a_place_for_temporary_files_it_serves() {
    let place = tempfile::tempdir().unwrap();
    let plan = LaunchConfig::new(place.path().join("data"))
        .with_env("TMPDIR", "/nowhere/at/all")
        .without_env("HOME");
    let server = program().start(&plan).unwrap();

    let login = signed_in(&server, "hybrid");
    let backup = place.path().join("backup.db");
    let made = program().run(&plan, &["backup", backup.to_str().unwrap()]).unwrap();

    assert!(login["refresh_token"].is_string());
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
}

#[test]
fn it_serves_where_there_is_only_ipv6() {
    if TcpListener::bind("[::1]:0").is_err() {
        counterfoil_test_support::skip_not_here(counterfoil_test_support::NotHere::Ipv6);
        return;
    }
    let place = tempfile::tempdir().unwrap();
    let plan = LaunchConfig::new(place.path().join("data")).with_env("COUNTERFOIL_LISTEN", "[::1]:0");
    let server = program().start(&plan).unwrap();

    let login = signed_in(&server, "session");

    assert!(server.address.is_ipv6());
    assert_eq!(login["user"]["username"], "ada");
}
