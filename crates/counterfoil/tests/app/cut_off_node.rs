//! A node that is cut off from PostgreSQL: the connections of an application there end with the lease of the node.

use std::net::{SocketAddr, TcpListener};
use std::path::Path;
use std::time::{Duration, Instant};

use counterfoil::operator::Command;
use counterfoil::{Counterfoil, Limits};
use counterfoil_jose::Secret;
use counterfoil_test_support::{PostgresServer, skip};
use serde_json::json;
use tempfile::TempDir;
use tokio::io::copy_bidirectional;
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::watch;
use tokio::time::timeout;

use crate::client::send;
use crate::fixture::Fixture;
use crate::long_lived_connections::{
    Header, close_frame, echo, last_event, open_socket, open_stream, router,
};

const ISSUER: &str = "http://localhost:3000";

/// The name of the socket of a server with the usual port.
const SOCKET: &str = ".s.PGSQL.5432";

/// How long a node accepts anything that it knows, and does not hear of revocations.
const LEASE: Duration = Duration::from_secs(1);

/// How much later a test on a busy machine may see the end.
const PATIENCE: Duration = Duration::from_secs(5);

/// One of the nodes: an application with a WebSocket and an event stream.
struct Node {
    auth: Counterfoil,
    address: SocketAddr,
}

impl Node {
    async fn start(fixture: &Fixture, name: &str, store: &str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let (argon2, data) = (fixture.settings().argon2, fixture.path(name));
        // The first node creates it.
        let key = (name != "a").then(|| fixture.path("a").join("master-key"));
        let auth = Counterfoil::builder()
            .issuer(ISSUER)
            .store(store)
            .configure(move |settings| {
                settings.argon2 = argon2;
                settings.data_dir = Some(data);
                settings.master_key.file = key;
                settings.node.lease = LEASE;
            })
            .open()
            .await
            .unwrap();
        tokio::spawn(counterfoil::serve(router(&auth), listener, Limits::default(), std::future::pending()));
        Self { auth, address }
    }

    /// Logs in, and presents the credential as a program does.
    async fn log_in(&self, mode: &str, credential: &str) -> Header {
        let form = json!({ "username": "ada", "password": "correct horse", "mode": mode });
        let reply = send(self.address, "POST /v1/login", &[], &form.to_string()).await;
        assert_eq!(reply.status, 200, "{reply:?}");
        ("authorization", format!("Bearer {}", reply.json()[credential].as_str().unwrap()))
    }
}

/// The way of one node to the database. When it is cut, connections stay open and nothing passes.
struct Way {
    directory: TempDir,
    is_cut: watch::Sender<bool>,
}

impl Way {
    fn to(server: &PostgresServer) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let listener = UnixListener::bind(directory.path().join(SOCKET)).unwrap();
        let (is_cut, cut) = watch::channel(false);
        let target = server.socket_dir().join(SOCKET);
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                tokio::spawn(forward(client, target.clone(), cut.clone()));
            }
        });
        Self { directory, is_cut }
    }

    /// The URL of the same database.
    fn url(&self, direct: &str) -> String {
        let host = self.directory.path().display().to_string().replace('/', "%2F");
        let (_, database) = direct.rsplit_once('/').unwrap();
        format!("postgres://postgres@{host}:5432/{database}")
    }
}

async fn forward(mut client: UnixStream, target: impl AsRef<Path>, mut cut: watch::Receiver<bool>) {
    let Ok(mut server) = UnixStream::connect(target).await else { return };
    tokio::select! {
        biased;
        _ = cut.wait_for(|is_cut| *is_cut) => {}
        _ = copy_bidirectional(&mut client, &mut server) => return,
    }
    // What was sent before the cut never arrives, also not afterwards.
    std::future::pending::<()>().await;
}

#[tokio::test]
async fn the_connections_at_a_node_that_is_cut_off_from_the_database_end_with_its_lease() {
    let Some(database) = PostgresServer::shared() else { return skip("PostgreSQL is not installed") };
    let (fixture, url, way) = (Fixture::new(), database.new_database(), Way::to(database));
    let a = Node::start(&fixture, "a", &url).await;
    let b = Node::start(&fixture, "b", &way.url(&url)).await;
    let ada = Command::UserAdd {
        username: "ada".into(),
        password: Secret::new("correct horse".into()),
        email: None,
        roles: Vec::new(),
    };
    a.auth.app().administer(ada).await.unwrap();
    let session = a.log_in("session", "session_token").await;
    let token = a.log_in("jwt", "access_token").await;
    let mut at_a = open_socket(a.address, &session, None).await.unwrap();
    let mut of_session = open_socket(b.address, &session, None).await.unwrap();
    let mut of_token = open_socket(b.address, &token, None).await.unwrap();
    let mut stream = open_stream(b.address, &session, ISSUER).await;
    // The lease is renewed meanwhile.
    tokio::time::sleep(2 * LEASE).await;
    for socket in [&mut at_a, &mut of_session, &mut of_token] {
        assert_eq!(echo(socket, "open").await, "open");
    }

    let cut = Instant::now();
    way.is_cut.send_replace(true);

    for socket in [&mut of_session, &mut of_token] {
        assert_eq!(close_frame(socket).await, (1013, "unavailable".to_owned()));
        let elapsed = cut.elapsed();
        println!("closed {elapsed:?} after the cut, with a lease of {LEASE:?}");
        assert!(elapsed < LEASE + PATIENCE, "{elapsed:?}");
    }
    assert_eq!(last_event(&mut stream).await, ["event: unavailable", "data: unavailable", ""]);
    assert_eq!(echo(&mut at_a, "still open").await, "still open", "the other node is not concerned");
    for login in [&session, &token] {
        assert_eq!(open_socket(b.address, login, None).await.unwrap_err(), 503);
    }

    way.is_cut.send_replace(false);
    let again = async {
        while open_socket(b.address, &session, None).await.is_err() {
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    };
    timeout(Duration::from_secs(20), again).await.expect("it serves again");
    for node in [a, b] {
        node.auth.close().await.unwrap();
    }
}
