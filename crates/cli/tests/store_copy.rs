//! `counterfoil store copy`: every login survives the move, an interrupted copy is continued, and no two servers use the
//! same sessions.

#![cfg(feature = "postgres")]
#![allow(clippy::unwrap_used, reason = "what a test cannot prepare fails it")]

mod common;

use std::fs;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use counterfoil_test_support::{PostgresServer, skip};
use rustix::process::Signal;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::common::{CommandOutput, Server, counterfoil, in_dir, output_of};

const PASSWORD: &str = "correct horse battery staple";

/// How many sessions the copy that is interrupted has, and a tenth of them users. The long form has more.
const SESSIONS: &str = "COUNTERFOIL_STORE_COPY_SESSIONS";

/// Every table that a copy contains. The mark of the copy is no part of it, and the number of the writer neither.
const TABLES: [(&str, &str); 14] = [
    ("users", "users"),
    ("clients", "clients"),
    ("sessions", "sessions"),
    ("session_data", "session_data"),
    ("admin_keys", "admin_keys"),
    ("verifier_keys", "verifier_keys"),
    ("keys", "keys"),
    ("revocation_log", "revocation_log"),
    ("revocation_log_head", "revocation_log_head"),
    ("status_lists", "status_lists"),
    ("audit_events", "audit_events"),
    ("counters", "counters"),
    ("metadata", "(SELECT * FROM metadata WHERE key <> 'store_copy')"),
    ("newest", "(SELECT newest_at FROM writer)"),
];

/// A data directory, and a database server.
struct Installation {
    database: PostgresServer,
    temp: TempDir,
}

impl Installation {
    #[track_caller]
    fn new() -> Option<Self> {
        let Some(database) = PostgresServer::own() else {
            skip("PostgreSQL is not installed");
            return None;
        };
        Some(Self { database, temp: tempfile::tempdir().unwrap() })
    }

    fn dir(&self) -> PathBuf {
        self.temp.path().join("data")
    }

    /// The URL of a file that does not exist yet.
    fn file(&self, name: &str) -> String {
        format!("sqlite:{}", self.temp.path().join(name).display())
    }

    fn command(&self, store: &str, arguments: &[&str]) -> Command {
        counterfoil(&in_dir(&self.dir(), &[arguments, &["--store", store]].concat()))
    }

    fn serve(&self, store: &str) -> Server {
        // The issuer of the tokens stays, whatever the port is.
        let options = ["serve", "--listen", "127.0.0.1:0", "--issuer", "http://localhost:8080"];
        let mut command = self.command(store, &options);
        Server::start(&mut command, &self.temp.path().join("server.log"))
    }

    /// What `serve` says that refuses a store.
    fn refusal(&self, store: &str) -> String {
        let output = self.command(store, &["serve", "--listen", "127.0.0.1:0"]).output().unwrap();
        assert!(!output.status.success(), "{output:?}");
        String::from_utf8(output.stderr).unwrap()
    }

    /// What `store check` says of a store: its findings, and the rows of each table.
    fn check(&self, store: &str) -> [Value; 2] {
        let output = self.command(store, &["store", "check", store, "--json"]).output().unwrap();
        let answer: Value = serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{output:?}"));
        [answer["findings"].clone(), answer["tables"].clone()]
    }

    /// A digest of each table of a database, made by PostgreSQL.
    fn digests(&self, database: &str) -> Vec<String> {
        let digest = |(name, table)| {
            let sql = format!("SELECT count(*), sum(hashtextextended(t::text, 0)::numeric) FROM {table} t");
            format!("{name} {}", self.database.sql(database, &sql))
        };
        TABLES.into_iter().map(digest).collect()
    }
}

fn copy(from: &str, to: &str) -> CommandOutput {
    output_of(counterfoil(&["store", "copy", from, to, "--json"]).output().unwrap())
}

#[track_caller]
fn copied(output: &CommandOutput) -> Value {
    assert_eq!(output.status, 0, "{output:?}");
    serde_json::from_str(&output.stdout).unwrap()
}

fn login(server: &Server, mode: &str) -> Value {
    let (status, answer) =
        server.post("/v1/login", &json!({ "username": "ada", "password": PASSWORD, "mode": mode }));
    assert_eq!(status, 200, "{answer}");
    answer
}

fn text(answer: &Value, name: &str) -> String {
    answer[name].as_str().unwrap_or_else(|| panic!("no {name} in {answer}")).to_owned()
}

/// What clients hold, and one session that was ended.
struct Credentials {
    session: String,
    access: String,
    refresh: String,
    ended: String,
}

impl Credentials {
    fn new(server: &Server) -> Self {
        let hybrid = login(server, "hybrid");
        let ended = text(&login(server, "session"), "session_token");
        let bearer = format!("Authorization: Bearer {ended}");
        assert_eq!(server.curl("/v1/logout", &["-X", "POST", "-H", &bearer]).0, 204);
        let session = text(&login(server, "session"), "session_token");
        Self {
            session,
            access: text(&hybrid, "access_token"),
            refresh: text(&hybrid, "refresh_token"),
            ended,
        }
    }

    /// Uses each of them; the refresh token is replaced by its successor.
    fn check(&mut self, server: &Server) {
        assert_eq!(server.get("/v1/me", &self.session).0, 200);
        assert_eq!(server.get("/v1/me", &self.access).0, 200);
        assert_eq!(server.get("/v1/me", &self.ended).0, 401);
        let (status, answer) = server.post("/v1/refresh", &json!({ "refresh_token": self.refresh }));
        assert_eq!(status, 200, "{answer}");
        self.refresh = text(&answer, "refresh_token");
        login(server, "session");
    }
}

#[test]
fn every_login_survives_the_move_to_postgresql_and_back() {
    let Some(installation) = Installation::new() else { return };
    let (first, database, back) =
        (installation.file("first.db"), installation.database.new_database(), installation.file("back.db"));
    let server = installation.serve(&first);
    assert_eq!(server.post("/v1/register", &json!({ "username": "ada", "password": PASSWORD })).0, 201);
    let mut credentials = Credentials::new(&server);
    credentials.check(&server);
    let in_use = copy(&first, &database);
    assert!(in_use.stderr.contains("is in use"), "{in_use:?}");
    assert!(server.stop(Signal::TERM).success());

    let answer = copied(&copy(&first, &database));

    assert_eq!((&answer["resumed"], answer["tables"].as_array().unwrap().len()), (&json!(false), 16));
    assert!(installation.refusal(&first).contains("was moved to"), "{}", installation.refusal(&first));
    let server = installation.serve(&database);
    credentials.check(&server);
    assert!(copy(&database, &back).stderr.contains("is in use"));
    assert!(server.stop(Signal::TERM).success());

    copied(&copy(&database, &back));

    assert!(installation.refusal(&database).contains("was moved to"));
    let server = installation.serve(&back);
    credentials.check(&server);
    assert!(server.stop(Signal::TERM).success());
}

#[test]
fn a_store_with_records_is_never_overwritten_and_a_store_that_was_moved_is_not_copied() {
    let Some(installation) = Installation::new() else { return };
    let (one, two) = (installation.file("one.db"), installation.file("two.db"));
    let database = installation.database.new_database();
    for store in [&one, &two] {
        assert!(installation.serve(store).stop(Signal::TERM).success());
        fs::remove_file(installation.dir().join("rollback-guard")).unwrap();
    }

    let not_empty = copy(&one, &two);
    assert!(not_empty.stderr.contains("the target is not empty"), "{not_empty:?}");
    let absent = copy(&installation.file("absent.db"), &database);
    assert!(absent.stderr.contains("there is no store"), "{absent:?}");
    let empty = copy(&installation.database.new_database(), &installation.file("new.db"));
    assert!(empty.stderr.contains("has no store"), "{empty:?}");
    assert!(!installation.temp.path().join("absent.db").exists());
    assert!(!installation.temp.path().join("new.db").exists());

    copied(&copy(&one, &database));
    let moved = copy(&one, &installation.database.new_database());
    assert!(moved.stderr.contains("already moved"), "{moved:?}");

    let unasked = counterfoil(&["store", "reopen", &one]).output().unwrap();
    assert_eq!(unasked.status.code(), Some(2));
    let reopened = counterfoil(&["store", "reopen", &one, "--yes", "--json"]).output().unwrap();
    assert!(reopened.status.success(), "{reopened:?}");
    copied(&copy(&one, &installation.database.new_database()));
}

/// How far an interrupted copy gets before it is killed.
enum Until<'i> {
    /// The database has sessions.
    Sessions(&'i PostgresServer, &'i str),
    /// The write-ahead log of the file has this many bytes.
    Bytes(PathBuf, u64),
}

impl Until<'_> {
    fn is_reached(&self) -> bool {
        match self {
            Self::Sessions(server, database) => {
                let sql = "SELECT to_regclass('sessions') IS NOT NULL";
                server.sql(database, sql) == "t"
                    && server.sql(database, "SELECT count(*) > 0 FROM sessions") == "t"
            }
            Self::Bytes(file, bytes) => file.metadata().is_ok_and(|file| file.len() > *bytes),
        }
    }
}

/// Starts a copy and kills it.
fn interrupt(from: &str, to: &str, until: &Until<'_>) {
    let mut command = counterfoil(&["store", "copy", from, to, "--json"]);
    let mut child = command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
    let started = Instant::now();
    while !until.is_reached() {
        assert!(started.elapsed() < Duration::from_secs(120), "the copy does not begin");
        if let Some(status) = child.try_wait().unwrap() {
            panic!("{status}: {:?}", output_of(child.wait_with_output().unwrap()));
        }
        std::thread::sleep(Duration::from_millis(2));
    }
    child.kill().unwrap();
    child.wait().unwrap();
}

#[test]
fn a_copy_that_is_killed_twice_is_continued_in_both_directions() {
    let Some(installation) = Installation::new() else { return };
    let (from, to) = (installation.database.new_database(), installation.database.new_database());
    let (file, server) = (installation.file("store.db"), installation.serve(&from));
    assert_eq!(server.post("/v1/register", &json!({ "username": "ada", "password": PASSWORD })).0, 201);
    let mut credentials = Credentials::new(&server);
    let bearer = format!("Authorization: Bearer {}", credentials.session);
    let merge = ["-X", "PATCH", "-H", "Content-Type: application/json", "-d", r#"{"cart":[1.5,"\u0000"]}"#];
    assert_eq!(server.curl("/v1/session/data", &[&merge[..], &["-H", &bearer]].concat()).0, 200);
    assert!(server.stop(Signal::TERM).success());
    multiply(&installation.database, &from);
    let (before, check) = (installation.digests(&from), installation.check(&from));
    assert_eq!(check[0], json!([]), "nothing is wrong with it");
    for table in ["users", "sessions"] {
        let size = format!("SELECT pg_total_relation_size('{table}') / count(*) FROM {table}");
        println!("{table}: {} bytes a row with the indexes", installation.database.sql(&from, &size));
    }

    let started = Instant::now();
    let wal = installation.temp.path().join("store.db-wal");
    interrupt(&from, &file, &Until::Bytes(wal.clone(), 200_000));
    assert!(installation.refusal(&from).contains("is being copied to"));
    assert!(installation.refusal(&file).contains("is an unfinished copy of"));
    interrupt(&from, &file, &Until::Bytes(wal, 200_000));
    let to_file = copied(&copy(&from, &file));
    let to_file_took = started.elapsed();
    assert_eq!(check, installation.check(&file));
    let started = Instant::now();
    interrupt(&file, &to, &Until::Sessions(&installation.database, &to));
    assert!(installation.refusal(&to).contains("is an unfinished copy of"));
    let elsewhere = copy(&installation.file("store.db"), &to.replace("postgres@", "postgres:x@"));
    assert_eq!(elsewhere.status, 2, "a password is refused on the command line: {elsewhere:?}");
    interrupt(&file, &to, &Until::Sessions(&installation.database, &to));
    let to_database = copied(&copy(&file, &to));
    let to_database_took = started.elapsed();
    assert_eq!(check, installation.check(&to));

    assert_eq!((&to_file["resumed"], &to_database["resumed"]), (&json!(true), &json!(true)));
    assert_eq!(to_file["tables"], to_database["tables"]);
    assert_eq!(before, installation.digests(&to));
    let server = installation.serve(&to);
    credentials.check(&server);
    assert!(server.stop(Signal::TERM).success());
    for (name, answer, took) in
        [("to SQLite", to_file, to_file_took), ("to PostgreSQL", to_database, to_database_took)]
    {
        let (rows, last) = (&answer["tables"][2]["rows"], &answer["seconds"]);
        println!("{name}: {rows} rows of sessions in {:.1} s, the last part in {last} s", took.as_secs_f64());
    }
}

/// Adds users and sessions like those that there are, with texts that back ends store differently.
fn multiply(server: &PostgresServer, database: &str) {
    let sessions: u64 = std::env::var(SESSIONS).ok().map_or(20_000, |count| count.parse().unwrap());
    let users = sessions / 10;
    insert_like(
        server,
        database,
        "users",
        &[
            ("id", "decode(md5('user' || i), 'hex')"),
            ("username", "'user' || i"),
            ("username_folded", "'user' || i"),
            ("skeleton", "'user' || i"),
            ("email", "'user' || i || '@example.com'"),
            ("email_verified", "true"),
            ("password_change_required", "i % 2 = 0"),
        ],
        &format!("generate_series(1, {users}) i WHERE t.username = 'ada'"),
    );
    insert_like(
        server,
        database,
        "sessions",
        &[
            ("id", "decode(md5('session' || i), 'hex')"),
            ("user_id", &format!("decode(md5('user' || (1 + i % {users})), 'hex')")),
            ("user_agent", "'Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0'"),
            ("label", r"CASE WHEN i % 3 = 0 THEN 'a\0b\\c' END"),
            ("status_index", "i + 1000000"),
        ],
        &format!(
            "generate_series(1, {sessions}) i
             WHERE t.id = (SELECT id FROM sessions WHERE ended_at IS NULL AND credential = 'cookie' LIMIT 1)"
        ),
    );
    let rest = format!(
        "UPDATE status_lists SET next_index = {sessions} + 1000001;
         INSERT INTO session_data
         SELECT id, json_build_object('number', row_number() OVER ())::text, 1 FROM sessions
         WHERE id NOT IN (SELECT session_id FROM session_data) LIMIT 1000"
    );
    server.sql(database, &rest);
}

/// Inserts rows like those of `from`, in which these columns have other values.
fn insert_like(server: &PostgresServer, database: &str, table: &str, changed: &[(&str, &str)], from: &str) {
    let columns = format!("SELECT column_name FROM information_schema.columns WHERE table_name = '{table}'");
    let columns = server.sql(database, &columns);
    let columns: Vec<&str> = columns.lines().collect();
    let values = columns.iter().map(|column| {
        let value = changed.iter().find(|(name, _)| name == column).map(|(_, value)| (*value).to_owned());
        value.unwrap_or_else(|| format!("t.{column}"))
    });
    let values: Vec<String> = values.collect();
    let (columns, values) = (columns.join(", "), values.join(", "));
    server.sql(database, &format!("INSERT INTO {table} ({columns}) SELECT {values} FROM {table} t, {from}"));
}
