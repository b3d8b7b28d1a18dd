//! Killed, told to stop, hung up on, asked a thousand times at once, and kept short of everything: the real binary.

#![allow(clippy::unwrap_used, reason = "what a test cannot prepare fails it")]

use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Barrier};
use std::thread;
use std::time::Duration;

use counterfoil_fault_injection::check::{Grace, check};
use counterfoil_fault_injection::clients::Clients;
use counterfoil_fault_injection::http::{Line, Request, ask};
use counterfoil_fault_injection::ledger::{Ledger, Outcome};
use counterfoil_fault_injection::program::{Plan, Program, Server};
use counterfoil_fault_injection::promise::Promise;
use counterfoil_fault_injection::{herd, kill};
use rustix::process::Signal;
use serde_json::{Value, json};

const PASSWORD: &str = "correct horse battery staple";

fn program() -> Program {
    Program::at(env!("CARGO_BIN_EXE_counterfoil"))
}

/// Somebody who registers, and logs in in `mode`.
fn signed_in(server: &Server, mode: &str) -> Value {
    let who = json!({ "username": "ada", "password": PASSWORD });
    assert!(matches!(ask(server.at, &Request::post("/v1/register").json(&who)).unwrap().status, 201 | 409));
    let login = json!({ "username": "ada", "password": PASSWORD, "mode": mode });
    let answer = ask(server.at, &Request::post("/v1/login").json(&login)).unwrap();
    assert_eq!(answer.status, 200, "{}", answer.json());
    answer.json()
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
    let server = program().serve(&Plan::of(place.path().join("data"))).unwrap();
    let shown = signed_in(&server, "hybrid")["refresh_token"].clone();
    let refresh = |token: &Value| Request::post("/v1/refresh").json(&json!({ "refresh_token": token }));
    let (request, at, barrier) = (refresh(&shown), server.at, Barrier::new(TABS));

    let answers: Vec<_> = thread::scope(|scope| {
        let one = || {
            barrier.wait();
            ask(at, &request).unwrap()
        };
        let tab = |_| thread::Builder::new().stack_size(128 * 1024).spawn_scoped(scope, one).unwrap();
        let tabs: Vec<_> = (0..TABS).map(tab).collect();
        tabs.into_iter().map(|tab| tab.join().unwrap()).collect()
    });

    let mut served = answers.iter().filter(|answer| answer.status == 200).map(|answer| answer.json());
    let successor = served.next().unwrap()["refresh_token"].clone();
    let again = served.inspect(|answer| assert_eq!(answer["refresh_token"], successor)).count();
    let rest = answers.iter().filter(|answer| answer.status != 200);
    let later = rest.inspect(|answer| {
        assert!(answer.status == 429 && answer.header("retry-after").is_some(), "{}", answer.json());
    });
    println!(
        "of {TABS} uses {} were given the one successor, {} were told to wait",
        again + 1,
        later.count()
    );
    let next = ask(at, &refresh(&successor)).unwrap();
    assert!(matches!(next.status, 200 | 429), "nobody's login ended by it: {}", next.json());
}

#[test]
fn of_a_herd_that_refreshes_at_once_everybody_gets_a_successor() {
    let place = tempfile::tempdir().unwrap();
    let report = herd::run(&program(), place.path(), herd::Size::SHORT, &|| {}).unwrap();
    println!("{report}");
    assert!(report.is_met());
}

#[test]
fn told_to_stop_under_load_it_finishes_what_it_took_and_does_nothing_unsaid() {
    let place = tempfile::tempdir().unwrap();
    let (program, plan) = (program(), Plan::of(place.path().join("data")));
    let server = program.serve(&plan).unwrap();
    let admin = program.admin_key(&plan).unwrap();
    let ledger = Arc::new(Ledger::default());
    let clients = Clients::send(6, server.at, &admin, &ledger, 5);
    thread::sleep(Duration::from_secs(1));

    server.signal(Signal::TERM).unwrap();
    let (status, took) = server.end_within(Duration::from_secs(15)).unwrap();
    clients.stop();

    assert!(status.success(), "{status}");
    assert!(took < Duration::from_secs(10), "{took:?}");
    assert_eq!(ledger.oddities(), [""; 0]);
    // Strictly: what was not answered was not done.
    let mut entries = ledger.entries();
    let unanswered = entries.iter_mut().filter(|entry| entry.answered.is_none());
    let unanswered =
        unanswered.map(|entry| entry.answered = Some((entry.asked, Outcome::Refused(0)))).count();
    let mut promise = Promise::default();
    promise.absorb(&entries, Duration::MAX);
    let server = program.serve(&plan).unwrap();
    let checked = check(&mut promise, server.at, Grace::Some, 5).unwrap();
    println!("ended in {took:?}; {} deeds done, {unanswered} not taken; {checked:?}", ledger.done());
    assert!(checked.faults.is_empty(), "{:?}", checked.faults);
    assert!(checked.tried() > 0);
}

#[test]
fn a_hangup_is_no_reason_to_stop() {
    let place = tempfile::tempdir().unwrap();
    let plan = Plan::of(place.path().join("data")).with("RUST_LOG", "info");
    let mut server = program().serve(&plan).unwrap();

    server.signal(Signal::HUP).unwrap();
    signed_in(&server, "session");

    assert!(server.ended().unwrap().is_none());
    assert!(server.said().unwrap().contains("SIGHUP"), "{}", server.said().unwrap());
    server.signal(Signal::TERM).unwrap();
    assert!(server.end_within(Duration::from_secs(10)).unwrap().0.success());
}

#[test]
fn with_few_descriptors_it_serves_whom_it_can_and_everybody_later() {
    let place = tempfile::tempdir().unwrap();
    let few = ["sh", "-c", "ulimit -n 64; exec \"$@\"", "sh"];
    let server = program().serve(&Plan::of(place.path().join("data")).through(few)).unwrap();
    let login = signed_in(&server, "session");
    let me = Request::get("/v1/me").bearer(login["session_token"].as_str().unwrap());
    let mut line = Line::to(server.at);
    assert_eq!(line.ask(&me).unwrap().status, 200);

    let crowd: Vec<_> = (0..100).map(|_| TcpStream::connect(server.at).unwrap()).collect();
    assert_eq!(line.ask(&me).unwrap().status, 200, "whoever is in is served");
    drop(crowd);

    assert_eq!(ask(server.at, &me).unwrap().status, 200);
    assert!(!server.said().unwrap().contains("panicked"));
}

#[test]
fn without_a_home_or_a_place_for_temporary_files_it_serves() {
    let place = tempfile::tempdir().unwrap();
    let plan = Plan::of(place.path().join("data")).with("TMPDIR", "/nowhere/at/all").without("HOME");
    let server = program().serve(&plan).unwrap();

    let login = signed_in(&server, "hybrid");
    let backup = place.path().join("backup.db");
    let made = program().run(&plan, &["backup", backup.to_str().unwrap()]).unwrap();

    assert!(login["refresh_token"].is_string());
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
}

#[test]
fn it_serves_where_there_is_only_ipv6() {
    if TcpListener::bind("[::1]:0").is_err() {
        println!("skipped: this machine has no IPv6");
        return;
    }
    let place = tempfile::tempdir().unwrap();
    let plan = Plan::of(place.path().join("data")).with("COUNTERFOIL_LISTEN", "[::1]:0");
    let server = program().serve(&plan).unwrap();

    let login = signed_in(&server, "session");

    assert!(server.at.is_ipv6());
    assert_eq!(login["user"]["username"], "ada");
}
