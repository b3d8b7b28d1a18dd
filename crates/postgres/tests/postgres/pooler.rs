//! PgBouncer before the database: refused in transaction mode, used in session mode.

use std::fs;
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt as _;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use counterfoil_core::store::Store as _;
use counterfoil_postgres::{OpenError, PostgresStore};
use counterfoil_test_support::{PostgresServer, skip};
use tempfile::TempDir;

use crate::fixture::{insert_when_recovered, open, server};

/// A running PgBouncer, which ends when this is dropped.
struct Pooler {
    child: Child,
    url: String,
    _dir: TempDir,
}

impl Pooler {
    /// `None` if PgBouncer is not installed.
    fn start(server: &PostgresServer, database: &str, mode: &str) -> Option<Self> {
        let dir = tempfile::tempdir().unwrap();
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let (host, users) = (server.socket_dir().display(), dir.path().join("users"));
        let config = format!(
            "[databases]\n{database} = host={host} port=5432 dbname={database} user=postgres\n\
             [pgbouncer]\nlisten_addr = 127.0.0.1\nlisten_port = {port}\nunix_socket_dir =\nauth_type = any\n\
             pool_mode = {mode}\nauth_file = {}\nlogfile =\n",
            users.display()
        );
        let file = dir.path().join("pgbouncer.ini");
        fs::write(&file, config).unwrap();
        fs::write(&users, "").unwrap();
        // It refuses to run as root, and reads its files as another user then.
        fs::set_permissions(dir.path(), fs::Permissions::from_mode(0o755)).unwrap();
        let is_root = Command::new("id").arg("-u").output().unwrap().stdout == b"0\n";
        let mut command = Command::new("pgbouncer");
        if is_root {
            command = Command::new("setpriv");
            command.args(["--reuid=postgres", "--regid=postgres", "--clear-groups", "pgbouncer"]);
        }
        let child = command.arg(&file).stdout(Stdio::null()).stderr(Stdio::null()).spawn().ok()?;
        let url = format!("postgres://postgres@127.0.0.1:{port}/{database}");
        let started = Instant::now();
        while std::net::TcpStream::connect(("127.0.0.1", port)).is_err() {
            assert!(started.elapsed() < Duration::from_secs(10), "PgBouncer does not start");
            std::thread::sleep(Duration::from_millis(20));
        }
        Some(Self { child, url, _dir: dir })
    }
}

impl Drop for Pooler {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_pooler_in_transaction_mode_is_refused_with_the_reason_and_one_in_session_mode_is_used() {
    let Some(server) = server() else { return };
    if !std::path::Path::new("/usr/sbin/pgbouncer").exists() {
        skip("PgBouncer is not installed");
        return;
    }
    let url = server.new_database();
    let (_, database) = url.rsplit_once('/').unwrap();

    let pooler = Pooler::start(server, database, "transaction").unwrap();
    for _ in 0..3 {
        let refused = PostgresStore::open(&pooler.url.parse().unwrap()).await.unwrap_err();
        assert!(matches!(refused, OpenError::SessionNotKept { .. }), "{refused:?}");
        assert!(refused.hint().contains("pool_mode = session"));
    }
    assert_eq!(server.sql(&url, "SELECT to_regclass('users') IS NULL"), "t", "nothing was created");
    drop(pooler);

    let pooler = Pooler::start(server, database, "session").unwrap();
    let store = open(&pooler.url).await;
    insert_when_recovered(&store, 1).await;
    store.close().await.unwrap();
}
