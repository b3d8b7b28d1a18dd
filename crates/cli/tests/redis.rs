//! The server with a shared cache in Redis before a PostgreSQL database.

#![cfg(all(feature = "postgres", feature = "redis"))]
#![allow(clippy::unwrap_used, reason = "what a test cannot prepare fails it")]

mod common;

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use counterfoil_test_support::{CertificateAuthority, PostgresServer, RedisServer, free_port, skip};
use rustix::process::Signal;
use serde_json::json;
use tempfile::TempDir;

use crate::common::{Server, counterfoil, in_dir, run};

const PASSWORD: &str = "correct horse battery staple";

/// The password of Redis.
const SECRET: &str = "swordfish";

/// An installation in a database and with a cache of its own, which it reaches with TLS.
struct Installation {
    database: PostgresServer,
    authority: CertificateAuthority,
    redis: Option<RedisServer>,
    redis_port: u16,
    tls_port: u16,
    temp: TempDir,
    url: String,
}

impl Installation {
    #[track_caller]
    fn new() -> Option<Self> {
        let (authority, tls_port) = (CertificateAuthority::new(), free_port());
        let redis = RedisServer::start(&redis_config(&authority, tls_port, SECRET));
        let (Some(database), Some(redis)) = (PostgresServer::own(), redis) else {
            skip("PostgreSQL or Redis is not installed");
            return None;
        };
        let url = database.new_database();
        let temp = tempfile::tempdir().unwrap();
        let redis_port = redis.port();
        let installation = Self { database, authority, redis: Some(redis), redis_port, tls_port, temp, url };
        installation.write_cache_file(SECRET);
        Some(installation)
    }

    fn cache_file(&self) -> PathBuf {
        self.temp.path().join("cache-url")
    }

    fn write_cache_file(&self, password: &str) {
        let (port, authority) = (self.tls_port, self.authority.file());
        let url = format!("rediss://:{password}@localhost:{port}?ca_file={}\n", authority.display());
        fs::write(self.cache_file(), url).unwrap();
        fs::set_permissions(self.cache_file(), Permissions::from_mode(0o600)).unwrap();
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = counterfoil(&in_dir(&self.temp.path().join("data"), arguments));
        command.env("COUNTERFOIL_STORE", &self.url).env("COUNTERFOIL_CACHE_FILE", self.cache_file());
        command
    }

    /// A server that caches so few sessions in memory that most are asked for.
    fn serve(&self) -> Server {
        let mut command = self.command(&["serve", "--listen", "127.0.0.1:0"]);
        let command = command.env("COUNTERFOIL_SESSION_CACHE_SIZE", "1");
        Server::start(command, &self.log_file())
    }

    fn log_file(&self) -> PathBuf {
        self.temp.path().join("server.log")
    }

    fn log(&self) -> String {
        fs::read_to_string(self.log_file()).unwrap()
    }

    /// The number of keys in Redis.
    fn keys(&self, password: &str) -> String {
        self.redis.as_ref().unwrap().cli(&["-a", password, "--no-auth-warning", "dbsize"])
    }
}

fn redis_config(authority: &CertificateAuthority, port: u16, password: &str) -> String {
    format!("requirepass {password}\n{}", authority.redis_config("localhost", port))
}

fn session_token(server: &Server) -> String {
    let login = json!({ "username": "ada", "password": PASSWORD, "mode": "session" });
    let (status, answer) = server.post("/v1/login", &login);
    assert_eq!(status, 200, "{answer}");
    answer["session_token"].as_str().unwrap().to_owned()
}

fn register(server: &Server) {
    let user = json!({ "username": "ada", "password": PASSWORD });
    assert_eq!(server.post("/v1/register", &user).0, 201);
}

fn until(what: &str, condition: impl Fn() -> bool) {
    let started = Instant::now();
    while !condition() {
        assert!(started.elapsed() < Duration::from_secs(15), "not within 15 s: {what}");
        std::thread::sleep(Duration::from_millis(50));
    }
}

#[test]
fn the_server_is_ready_and_right_with_and_without_its_cache() {
    let Some(mut installation) = Installation::new() else { return };
    let server = installation.serve();
    register(&server);
    until("the cache is connected", || installation.log().contains("the cache is connected"));
    let tokens: Vec<String> = (0..3).map(|_| session_token(&server)).collect();
    let ended = session_token(&server);
    for token in tokens.iter().chain([&ended]) {
        assert_eq!(server.get("/v1/me", token).0, 200);
    }
    until("sessions are in Redis", || installation.keys(SECRET) == "4");
    let bearer = format!("Authorization: Bearer {ended}");
    assert_eq!(server.curl("/v1/logout", &["-X", "POST", "-H", &bearer]).0, 204);
    assert_eq!(server.get("/v1/me", &ended).0, 401);

    installation.redis.take().unwrap().kill();
    for _ in 0..3 {
        for token in &tokens {
            assert_eq!(server.get("/v1/me", token).0, 200);
        }
        assert_eq!(server.get("/v1/me", &ended).0, 401);
        assert_eq!(server.curl("/readyz", &[]).0, 200);
    }
    // It returns empty and with another password; the file has it first. Both passwords were sent with TLS.
    installation.write_cache_file("another");
    let config = redis_config(&installation.authority, installation.tls_port, "another");
    installation.redis = RedisServer::start_at(installation.redis_port, &config);
    let connected = || installation.log().matches("the cache is connected").count();
    until("the cache is connected again", || connected() == 2);
    for token in &tokens {
        assert_eq!(server.get("/v1/me", token).0, 200);
    }
    assert_eq!(server.get("/v1/me", &ended).0, 401);
    assert!(server.stop(Signal::TERM).success());
    let log = installation.log();
    assert!(!log.contains(SECRET) && !log.contains("another@") && !log.contains(":another"), "{log}");
    let _ = &installation.database;
}

#[test]
fn a_password_of_the_cache_is_refused_in_the_configuration_and_shown_nowhere() {
    let Some(installation) = Installation::new() else { return };
    let dir = installation.temp.path().join("data");
    let check = |cache: &str| {
        let mut command = counterfoil(&in_dir(&dir, &["check"]));
        let command = command.env("COUNTERFOIL_STORE", &installation.url).env("COUNTERFOIL_CACHE", cache);
        let output = command.output().unwrap();
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(!format!("{output:?} {text}").contains(SECRET), "{text}");
        (output.status.success(), text)
    };
    let (is_valid, text) = check(&format!("redis://:{SECRET}@127.0.0.1"));
    assert!(!is_valid && text.contains("set cache_file"), "{text}");
    let (is_valid, text) = check("memcached://127.0.0.1");
    assert!(!is_valid && text.contains("a URL like redis://"), "{text}");
    let (is_valid, text) = check("redis://a,b");
    assert!(!is_valid && text.contains("redis+cluster://"), "{text}");
    let (is_valid, text) = check("redis://127.0.0.1:6379/1");
    assert!(is_valid && text.contains("cache: redis://127.0.0.1:6379/1"), "{text}");
    let (_, text) = check("redis://cache.example");
    assert!(text.contains("unencrypted"), "{text}");

    let output = installation.command(&["check", "--json"]).output().unwrap();
    let report: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(report["cache"], format!("rediss://localhost:{}", installation.tls_port));
    assert!(!format!("{output:?}").contains(SECRET));
    let mut twice = installation.command(&["check"]);
    let twice = twice.env("COUNTERFOIL_CACHE", "redis://127.0.0.1").output().unwrap();
    assert!(!twice.status.success(), "{twice:?}");

    fs::set_permissions(installation.cache_file(), Permissions::from_mode(0o644)).unwrap();
    let exposed = installation.command(&["check"]).output().unwrap();
    assert!(String::from_utf8_lossy(&exposed.stdout).contains("other users can read"), "{exposed:?}");
}

#[test]
fn a_cache_before_a_file_is_refused_with_the_reason() {
    let temp = tempfile::tempdir().unwrap();
    let dir: &Path = temp.path();
    for arguments in [&["check"][..], &["serve", "--listen", "127.0.0.1:0"]] {
        let mut command = counterfoil(&in_dir(&dir.join("data"), arguments));
        let output = command.env("COUNTERFOIL_CACHE", "redis://127.0.0.1").output().unwrap();
        let text =
            format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        assert!(!output.status.success() && text.contains("exactly in memory"), "{text}");
    }
    assert!(!dir.join("data").exists(), "nothing was created");
    let refused = run(&in_dir(dir, &["check", "--store", "redis://127.0.0.1"]));
    assert!(refused.stdout.contains("sessions are not kept in Redis"), "{refused:?}");
}
