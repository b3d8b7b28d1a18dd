//! When and where the server listens: not before it is ready, and at every address that its issuer means.

#![allow(clippy::unwrap_used, reason = "what a test cannot prepare fails it")]

mod common;

use std::fs::File;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::process::Stdio;
use std::time::{Duration, Instant};

use rustix::process::Signal;
use serde_json::json;

use crate::common::{Server, counterfoil, in_dir, run};

/// How long a server may take to start.
const START_TIMEOUT: Duration = Duration::from_secs(30);

/// A port of loopback that was free a moment ago.
fn free_address() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap()
}

#[test]
fn no_client_connects_before_the_server_is_ready() {
    let temp = tempfile::tempdir().unwrap();
    let (dir, address) = (temp.path().join("data"), free_address());
    let listen = address.to_string();
    let log = File::create(temp.path().join("log")).unwrap();
    let mut serve = counterfoil(&in_dir(&dir, &["serve", "--listen", &listen]));
    let mut child = serve.stdout(Stdio::null()).stderr(log).spawn().unwrap();

    let started_at = Instant::now();
    while TcpStream::connect(address).is_err() {
        assert!(started_at.elapsed() < START_TIMEOUT, "the server does not start");
        std::hint::spin_loop();
    }

    // The last thing that a server does before it listens.
    let has_admin_socket = dir.join("admin.sock").exists();
    child.kill().unwrap();
    child.wait().unwrap();
    assert!(has_admin_socket, "a client could connect while the store was being opened");
}

#[test]
fn a_second_start_on_the_same_port_creates_nothing() {
    let temp = tempfile::tempdir().unwrap();
    let first = Server::serve(&temp.path().join("first"));
    let second = temp.path().join("second");

    let output = run(&in_dir(&second, &["serve", "--listen", &format!("127.0.0.1:{}", first.port())]));

    assert_eq!(output.status, 1, "{output:?}");
    assert!(output.stderr.contains("cannot listen on ") && output.stderr.contains("\nhint: "), "{output:?}");
    assert!(!second.exists());
    first.stop(Signal::TERM);
}

#[test]
fn an_issuer_below_localhost_is_served_at_each_address_that_it_means() {
    let temp = tempfile::tempdir().unwrap();
    for command in ["serve", "dev"] {
        let address = free_address();
        let issuer = format!("http://app.localhost:{}", address.port());
        let listen = address.to_string();
        let arguments = ["--listen", &listen, "--issuer", &issuer];
        let mut server = if command == "dev" {
            Server::dev_with(&temp.path().join("log"), &arguments).0
        } else {
            let line = [&["serve"], &arguments[..]].concat();
            let dir = temp.path().join("data");
            Server::start(&mut counterfoil(&in_dir(&dir, &line)), &temp.path().join("log"))
        };
        server.base.clone_from(&issuer);
        let mut addresses = vec!["127.0.0.1"];
        if TcpListener::bind("[::1]:0").is_ok() {
            addresses.push("[::1]");
        }
        let metadata = "/.well-known/oauth-authorization-server";
        for ip in addresses {
            // Independent of the resolver of this machine.
            let resolve = format!("app.localhost:{}:{ip}", address.port());
            let (status, answer) = server.curl(metadata, &["--resolve", &resolve]);
            assert_eq!((status, &answer["issuer"]), (200, &json!(issuer)), "{command} {ip}");
        }
        let other = format!("Host: other.localhost:{}", address.port());
        let resolve = format!("app.localhost:{}:127.0.0.1", address.port());
        assert_eq!(server.curl(metadata, &["--resolve", &resolve, "-H", &other]).0, 421, "{command}");
        let output = run(&["check", "--listen", &listen, "--issuer", &issuer]);
        assert!(output.status == 0 && !output.stdout.contains("sends clients to"), "{output:?}");
        server.stop(Signal::TERM);
    }
}

#[test]
fn check_reports_an_issuer_that_the_server_does_not_serve() {
    let output = run(&["check", "--listen", "127.0.0.1:3000", "--issuer", "http://localhost:3070"]);

    assert_eq!(output.status, 0, "{output:?}");
    assert!(output.stdout.contains("set listen = \"127.0.0.1:3070\""), "{output:?}");
    assert_eq!(
        run(&["check", "--strict", "--listen", "[::1]:3000", "--issuer", "http://127.0.0.1:3000"]).status,
        1
    );
}

#[test]
fn a_second_signal_ends_the_delay_of_a_shutdown() {
    let temp = tempfile::tempdir().unwrap();
    let mut serve = counterfoil(&in_dir(&temp.path().join("data"), &["serve", "--listen", "127.0.0.1:0"]));
    let server = Server::start(serve.env("COUNTERFOIL_SHUTDOWN_DELAY", "5m"), &temp.path().join("log"));
    let started_at = Instant::now();
    server.signal(Signal::TERM);
    while server.curl("/readyz", &[]).0 != 503 {
        assert!(started_at.elapsed() < START_TIMEOUT, "the server does not begin its shutdown");
    }

    server.stop(Signal::TERM);
}
