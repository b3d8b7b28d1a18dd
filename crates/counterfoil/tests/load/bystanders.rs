//! While one client does something that it may, as fast as it can, another is served as usual: for each route and each
//! queue. `cargo xtask soak bystanders` measures the same at length.

use std::collections::BTreeSet;
use std::net::{SocketAddr, TcpListener};
use std::path::Path;
use std::time::Duration;

use counterfoil::operator::{Command, socket_path};
use counterfoil::{App, Limits, Settings};
use counterfoil_core::credentials::password::Argon2Cost;
use counterfoil_fault_injection::bystander::plan::{Plan, Target};
use counterfoil_fault_injection::bystander::preparation::{copy_ended_session, end_a_session};
use counterfoil_fault_injection::bystander::{rows, run};
use tempfile::TempDir;
use tokio::sync::oneshot;
use tokio::task::{JoinHandle, spawn_blocking};

use crate::test_server::exclusive;

/// The bounds are for an unoptimized build on a machine that does other work.
const PLAN: Plan = Plan {
    duration: Duration::from_millis(400),
    login_interval: Duration::from_millis(20),
    max_latency: Duration::from_millis(500),
    max_login_latency: Duration::from_millis(1000),
};

/// Fewer connections than some rows open.
const MAX_CONNECTIONS: usize = 300;

/// A running server with an admin socket and metrics.
struct Server {
    target: Target,
    stop: oneshot::Sender<()>,
    served: JoinHandle<std::io::Result<()>>,
    metrics: JoinHandle<std::io::Result<()>>,
}

impl Server {
    /// Serves the data directory `dir` with the default rate limits.
    async fn start(dir: &Path, keys: Option<[String; 2]>) -> Self {
        let store = format!("sqlite:{}", dir.join("auth.db").display()).parse().unwrap();
        let settings = Settings::new("http://localhost:7600".parse().unwrap(), store).with(|settings| {
            settings.data_dir = Some(dir.to_path_buf());
            settings.argon2 = Argon2Cost { memory_kib: 1024, iterations: 1, parallelism: 1 };
            settings.limits = Limits::default().with(|limits| limits.max_connections = MAX_CONNECTIONS);
        });
        let app = App::open(settings).await.unwrap();
        let add = async |command| {
            let made = app.administer(command).await.unwrap();
            made["key"].as_str().unwrap().to_owned()
        };
        let name = || "tests".to_owned();
        let [admin_key, verifier_key] = match keys {
            Some(keys) => keys,
            None => [
                add(Command::AdminKeyAdd { name: name() }).await,
                add(Command::VerifierKeyAdd { name: name() }).await,
            ],
        };
        let ((listener, address), (metrics_listener, metrics_address)) = (listen(), listen());
        let metrics = tokio::spawn(counterfoil::serve_metrics(app.clone(), metrics_listener));
        let (stop, stopped) = oneshot::channel::<()>();
        let served = tokio::spawn(app.serve(listener, async move {
            let _ = stopped.await;
        }));
        let (metrics_at, admin_socket) = (metrics_address, socket_path(dir));
        let target = Target { address, metrics: metrics_at, admin_socket, admin_key, verifier_key };
        Self { target, stop, served, metrics }
    }

    async fn stop(self) {
        self.metrics.abort();
        let _ = self.metrics.await;
        drop(self.stop);
        self.served.await.unwrap().unwrap();
    }
}

fn listen() -> (TcpListener, SocketAddr) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    (listener, address)
}

#[tokio::test(flavor = "multi_thread")]
async fn one_client_at_full_speed_delays_no_other() {
    let _exclusive = exclusive().await;
    let dir = TempDir::new().unwrap();
    let server = Server::start(dir.path(), None).await;
    end_a_session(&server.target).await.unwrap();
    let keys = [server.target.admin_key.clone(), server.target.verifier_key.clone()];
    server.stop().await;
    copy_ended_session(&dir.path().join("auth.db")).unwrap();

    let server = Server::start(dir.path(), Some(keys)).await;
    let target = server.target.clone();
    let violations = spawn_blocking(move || {
        let mut violations = Vec::new();
        for (number, row) in (1..).zip(rows()) {
            let mut outcome = run(row, number, &target, &PLAN).unwrap();
            // Other programs on the machine delay everything for a moment; an attack delays each run. Each has other
            // accounts and client IPs.
            for again in 1..4 {
                if outcome.violations(&PLAN).is_empty() {
                    break;
                }
                println!(
                    "{}: {}, repeated: {:?}",
                    row.name,
                    outcome.summary(&PLAN),
                    outcome.violations(&PLAN)
                );
                outcome = run(row, number + 60 * again, &target, &PLAN).unwrap();
            }
            println!("{}: {}", row.name, outcome.summary(&PLAN));
            violations.extend(outcome.violations(&PLAN).iter().map(|text| format!("{}: {text}", row.name)));
        }
        violations
    })
    .await
    .unwrap();

    assert!(violations.is_empty(), "{violations:#?}");
    server.stop().await;
}

/// A new route needs a row in `fault-injection/src/bystander/route_rows.rs`.
#[test]
fn every_route_has_a_row() {
    let document = counterfoil::openapi();
    let paths = document["paths"].as_object().unwrap().iter();
    let documented: BTreeSet<String> = paths
        .flat_map(|(path, methods)| {
            let methods = methods.as_object().unwrap().keys();
            methods.map(move |method| format!("{} {path}", method.to_uppercase()))
        })
        .collect();
    let covered: BTreeSet<String> =
        rows().iter().flat_map(|row| row.routes).map(|route| (*route).to_owned()).collect();

    assert_eq!(documented, covered);
}

#[test]
fn no_two_rows_have_the_same_name() {
    let names: BTreeSet<&str> = rows().iter().map(|row| row.name).collect();

    assert_eq!(names.len(), rows().len());
}
