//! The server on a PostgreSQL database: what it does without a database, and what no output shows.

#![cfg(feature = "postgres")]
#![allow(clippy::unwrap_used, reason = "what a test cannot prepare fails it")]

mod common;

use std::fs::{self, Permissions};
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use counterfoil_test_support::{CertificateAuthority, PostgresServer, skip};
use rustix::process::Signal;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::common::{Server, counterfoil, in_dir, run};

const PASSWORD: &str = "correct horse battery staple";

/// The password in the URL. The server trusts everybody, so any one is right.
const SECRET: &str = "swordfish";

/// An installation in a database of its own.
struct Installation {
    database: PostgresServer,
    temp: TempDir,
    url: String,
}

impl Installation {
    #[track_caller]
    fn new() -> Option<Self> {
        Self::with(PostgresServer::own())
    }

    #[track_caller]
    fn with(database: Option<PostgresServer>) -> Option<Self> {
        let Some(database) = database else {
            skip("PostgreSQL is not installed");
            return None;
        };
        let url = database.new_database().replace("postgres@", &format!("postgres:{SECRET}@"));
        let temp = tempfile::tempdir().unwrap();
        let file = temp.path().join("store-url");
        fs::write(&file, &url).unwrap();
        fs::set_permissions(&file, Permissions::from_mode(0o600)).unwrap();
        Some(Self { database, temp, url })
    }

    fn dir(&self) -> PathBuf {
        self.temp.path().join("data")
    }

    fn log(&self) -> String {
        fs::read_to_string(self.temp.path().join("server.log")).unwrap()
    }

    fn store_file(&self) -> String {
        self.temp.path().join("store-url").to_str().unwrap().to_owned()
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let file = self.store_file();
        let mut command = counterfoil(&in_dir(&self.dir(), arguments));
        command.env("COUNTERFOIL_STORE_FILE", file);
        command
    }

    fn serve(&self) -> Server {
        Server::start(
            &mut self.command(&["serve", "--listen", "127.0.0.1:0"]),
            &self.temp.path().join("server.log"),
        )
    }

    /// Ends all sessions of the database server and makes it recover, as after a crash.
    fn crash_database(&self) {
        let writer = self.database.sql(
            &self.url,
            "SELECT pid FROM pg_stat_activity WHERE application_name = 'counterfoil' ORDER BY backend_start LIMIT 1",
        );
        assert!(Command::new("kill").args(["-KILL", &writer]).status().unwrap().success());
    }
}

fn login(server: &Server, mode: &str) -> (u16, Value) {
    server.post("/v1/login", &json!({ "username": "ada", "password": PASSWORD, "mode": mode }))
}

fn text(answer: &Value, name: &str) -> String {
    answer[name].as_str().unwrap_or_else(|| panic!("no {name} in {answer}")).to_owned()
}

/// Asks until the answer has this status.
fn wait_for(status: u16, mut ask: impl FnMut() -> (u16, Value)) -> Value {
    let started = Instant::now();
    loop {
        let (found, answer) = ask();
        if found == status {
            return answer;
        }
        assert!([200, 401, 503].contains(&found), "{found}: {answer}");
        assert!(started.elapsed() < Duration::from_secs(15), "still {found} after 15 s: {answer}");
        std::thread::sleep(Duration::from_millis(50));
    }
}

#[test]
fn a_login_is_used_refreshed_ended_and_revoked_and_survives_a_restart() {
    let Some(installation) = Installation::new() else { return };
    let server = installation.serve();
    let user = json!({ "username": "ada", "password": PASSWORD });
    assert_eq!(server.post("/v1/register", &user).0, 201);

    let session = text(&login(&server, "session").1, "session_token");
    assert_eq!(server.get("/v1/me", &session).0, 200);
    let hybrid = login(&server, "hybrid").1;
    let refresh = json!({ "refresh_token": text(&hybrid, "refresh_token") });
    let (status, refreshed) = server.post("/v1/refresh", &refresh);
    assert_eq!(status, 200, "{refreshed}");
    let access = text(&refreshed, "access_token");
    assert_eq!(server.get("/v1/me", &access).0, 200);

    let bearer = format!("Authorization: Bearer {session}");
    assert_eq!(server.curl("/v1/logout", &["-X", "POST", "-H", &bearer]).0, 204);
    assert_eq!(server.get("/v1/me", &session).0, 401);
    let list = installation.command(&["session", "list", "ada", "--json"]).output().unwrap();
    assert!(list.status.success(), "{list:?}");
    let revoked = installation.command(&["revoke", "everyone", "--yes"]).output().unwrap();
    assert!(revoked.status.success(), "{revoked:?}");
    assert_eq!(server.get("/v1/me", &access).0, 401);

    let kept = text(&login(&server, "session").1, "session_token");
    assert!(server.stop(Signal::TERM).success());
    let server = installation.serve();
    assert_eq!(server.get("/v1/me", &kept).0, 200);
    assert_eq!(server.get("/v1/me", &session).0, 401);
    assert!(server.stop(Signal::TERM).success());
}

#[test]
fn a_database_that_crashes_gives_503_and_then_everything_is_as_before() {
    let Some(installation) = Installation::new() else { return };
    let server = installation.serve();
    assert_eq!(server.post("/v1/register", &json!({ "username": "ada", "password": PASSWORD })).0, 201);
    let [kept, ended] = ["session"; 2].map(|mode| text(&login(&server, mode).1, "session_token"));
    assert_eq!(server.get("/v1/me", &kept).0, 200);
    let bearer = format!("Authorization: Bearer {ended}");
    assert_eq!(server.curl("/v1/logout", &["-X", "POST", "-H", &bearer]).0, 204);

    for _ in 0..2 {
        installation.crash_database();
        wait_for(200, || server.get("/v1/me", &kept));
        wait_for(200, || login(&server, "session"));
        assert_eq!(server.get("/v1/me", &ended).0, 401, "what was ended stays so");
    }
    // A server that is stopped is not one that crashes: no connection can be made for a while.
    let pid = installation.database.pid().to_string();
    let signal = |name: &str| assert!(Command::new("kill").args([name, &pid]).status().unwrap().success());
    signal("-QUIT");
    let problem = wait_for(503, || server.get("/v1/me", &kept));
    assert_eq!(problem["status"], 503, "{problem}");
    assert_eq!(login(&server, "session").0, 503);
    assert_eq!(server.curl("/readyz", &[]).0, 503);
    // What it has to write at the end cannot be written.
    assert!(!server.stop(Signal::TERM).success());
    let log = installation.log();
    assert!(log.contains("the database is not connected"), "{log}");
    assert!(!log.contains(SECRET), "{log}");
}

/// Sends a login, and returns the status, whether the response says when to try again, and how long it took.
fn raw_login(address: &str) -> (u16, bool, Duration) {
    let body = json!({ "username": "ada", "password": PASSWORD }).to_string();
    let started = Instant::now();
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
    let head = format!(
        "POST /v1/login HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Type: application/json\r\n\
         Content-Length: {}\r\n\r\n",
        body.len()
    );
    stream.write_all((head + &body).as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    let status = answer.split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap_or_default();
    (status, answer.to_lowercase().contains("\r\nretry-after: "), started.elapsed())
}

/// The database answers slowly, and clients log in all the time: the server opens no more connections to it, and no client
/// waits for long.
#[test]
fn a_storm_of_logins_on_a_slow_database_gets_503_in_time_and_opens_no_more_connections() {
    let Some(installation) = Installation::new() else { return };
    let server = installation.serve();
    assert_eq!(server.post("/v1/register", &json!({ "username": "ada", "password": PASSWORD })).0, 201);
    let address = format!("127.0.0.1:{}", server.port());
    let sql = |sql: &str| installation.database.sql(&installation.url, sql);
    let connections = "SELECT count(*) FROM pg_stat_activity
                       WHERE application_name = 'counterfoil' AND datname = current_database()";
    std::thread::scope(|scope| {
        let lock =
            scope.spawn(|| sql("BEGIN; LOCK TABLE users IN ACCESS EXCLUSIVE MODE; SELECT pg_sleep(9)"));
        let is_locked = "SELECT count(*) FROM pg_locks WHERE mode = 'AccessExclusiveLock' AND granted
                         AND relation = 'users'::regclass";
        while sql(is_locked) == "0" {
            std::thread::sleep(Duration::from_millis(20));
        }
        let logins: Vec<_> = (0..100).map(|_| scope.spawn(|| raw_login(&address))).collect();
        let mut most = 0;
        while logins.iter().any(|login| !login.is_finished()) {
            most = most.max(sql(connections).parse::<u32>().unwrap());
        }
        for login in logins {
            let (status, says_when, took) = login.join().unwrap();
            assert!(status == 503 && says_when, "{status}, Retry-After: {says_when}");
            assert!(took < Duration::from_secs(6), "{took:?}");
        }
        // Eight that read, two for lists, the one that writes, and that of the node.
        assert!(most <= 12, "{most} connections");
        lock.join().unwrap();
    });
    wait_for(200, || login(&server, "session"));
    assert!(server.stop(Signal::TERM).success());
}

#[test]
fn a_password_of_the_database_is_refused_in_the_configuration_and_shown_nowhere() {
    let Some(installation) = Installation::new() else { return };
    let dir = installation.dir();
    let output = run(&in_dir(&dir, &["check", "--store", &installation.url]));
    assert_ne!(output.status, 0, "{output:?}");
    assert!(output.stdout.contains("set store_file"), "{output:?}");
    assert!(!format!("{output:?}").contains(SECRET), "{output:?}");

    let twice = installation.command(&["check", "--store", "sqlite:auth.db"]).output().unwrap();
    assert!(!twice.status.success(), "{twice:?}");
    assert!(installation.command(&["check"]).output().unwrap().status.success());

    let server = installation.serve();
    // A second node without the master key of the first; the error does not show the URL.
    let other = installation.temp.path().join("other");
    let mut second = counterfoil(&in_dir(&other, &["serve", "--listen", "127.0.0.1:0"]));
    let refused = second.env("COUNTERFOIL_STORE_FILE", installation.store_file()).output().unwrap();
    let message = String::from_utf8(refused.stderr).unwrap();
    assert!(!refused.status.success() && message.contains("master key"), "{message}");
    assert!(!message.contains(SECRET), "{message}");
    let backup = installation.temp.path().join("backup.db");
    let backup = installation.command(&["backup", backup.to_str().unwrap()]).output().unwrap();
    let message = String::from_utf8(backup.stderr).unwrap();
    assert!(message.contains("database server"), "{message}");
    assert!(server.stop(Signal::TERM).success());

    fs::set_permissions(installation.store_file(), Permissions::from_mode(0o644)).unwrap();
    let exposed = installation.command(&["check"]).output().unwrap();
    let message = String::from_utf8(exposed.stdout).unwrap();
    assert!(message.contains("other users can read"), "{message}");
    assert!(!installation.log().contains(SECRET));
}

#[test]
fn a_changed_password_is_taken_from_the_file_without_a_restart_and_sent_over_tls() {
    let authority = CertificateAuthority::new();
    let database = PostgresServer::with_tls(&authority.certificate("localhost"));
    let Some(installation) = Installation::with(database) else { return };
    let database = &installation.database;
    let (_, name) = installation.url.rsplit_once('/').unwrap();
    database.sql("postgres", &format!("CREATE ROLE auth LOGIN PASSWORD '{SECRET}'"));
    database.sql("postgres", &format!("ALTER DATABASE {name} OWNER TO auth"));
    database.sql(&installation.url, "ALTER SCHEMA public OWNER TO auth");
    let access = database.socket_dir().join("data/pg_hba.conf");
    fs::write(access, "hostssl all auth 127.0.0.1/32 scram-sha-256\nlocal all postgres trust\n").unwrap();
    database.sql("postgres", "SELECT pg_reload_conf()");
    let url = database.tls_url("localhost", name);
    let write = |password: &str| {
        let url = url.replace("postgres@", &format!("auth:{password}@"));
        let url = format!("{url}?sslrootcert={}", authority.file().display());
        fs::write(installation.store_file(), url).unwrap();
    };
    write("wrong");
    let refused = installation.command(&["serve", "--listen", "127.0.0.1:0"]).output().unwrap();
    assert!(!refused.status.success(), "the password counts: {refused:?}");
    write(SECRET);
    let server = installation.serve();
    assert_eq!(server.post("/v1/register", &json!({ "username": "ada", "password": PASSWORD })).0, 201);

    database.sql("postgres", "ALTER ROLE auth PASSWORD 'a new one'");
    write("a%20new%20one");
    database.sql("postgres", "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'auth'");

    wait_for(200, || login(&server, "session"));
    assert!(server.stop(Signal::TERM).success());
    let log = installation.log();
    assert!(log.contains("with another password") && !log.contains("a%20new%20one"), "{log}");
}

/// The tools of PostgreSQL put back an older state. It would make revoked credentials valid again.
#[test]
fn an_older_state_of_the_database_is_refused_until_it_is_restored_in_place() {
    let Some(installation) = Installation::new() else { return };
    let server = installation.serve();
    assert_eq!(server.post("/v1/register", &json!({ "username": "ada", "password": PASSWORD })).0, 201);
    let token = text(&login(&server, "session").1, "session_token");
    assert!(server.stop(Signal::TERM).success());
    let (_, database) = installation.url.rsplit_once('/').unwrap();
    installation.database.sql("postgres", &format!("CREATE DATABASE older TEMPLATE {database}"));
    let server = installation.serve();
    let bearer = format!("Authorization: Bearer {token}");
    assert_eq!(server.curl("/v1/logout", &["-X", "POST", "-H", &bearer]).0, 204);
    assert!(server.stop(Signal::TERM).success());
    let swap = format!("ALTER DATABASE {database} RENAME TO newer");
    installation.database.sql("postgres", &swap);
    installation.database.sql("postgres", &format!("ALTER DATABASE older RENAME TO {database}"));

    let refused = installation.command(&["serve", "--listen", "127.0.0.1:0"]).output().unwrap();
    let message = String::from_utf8(refused.stderr).unwrap();
    assert!(message.contains("rolled back"), "{message}");

    let restored = installation.command(&["restore", "--in-place", "--yes"]).output().unwrap();
    assert!(restored.status.success(), "{restored:?}");
    let server = installation.serve();
    assert_eq!(server.get("/v1/me", &token).0, 401, "the session that was ended does not return");
    assert_eq!(login(&server, "session").0, 200);
    assert!(server.stop(Signal::TERM).success());
    assert!(is_empty_of_secret(&installation.dir()));
}

/// Whether no file of the data directory contains the password.
fn is_empty_of_secret(dir: &Path) -> bool {
    let contents = fs::read_dir(dir).unwrap().filter_map(|entry| fs::read(entry.unwrap().path()).ok());
    contents.into_iter().all(|bytes| !String::from_utf8_lossy(&bytes).contains(SECRET))
}
