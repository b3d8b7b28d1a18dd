//! Several servers on one PostgreSQL database: what one commits counts on the others, and a node that is cut off accepts
//! nothing from memory.

#![cfg(feature = "postgres")]
#![allow(clippy::unwrap_used, reason = "what a test cannot prepare fails it")]

mod common;

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::thread;
use std::time::{Duration, Instant};

use counterfoil_fault_injection::endurance::FAKETIME;
use counterfoil_test_support::{PostgresServer, skip};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::common::{Server, counterfoil, in_dir, wait_until};

const PASSWORD: &str = "correct horse battery staple";
const ISSUER: &str = "http://localhost:7001";

/// Servers on one database.
struct Fleet {
    database: PostgresServer,
    url: String,
    temp: TempDir,
    lease: &'static str,
}

impl Fleet {
    #[track_caller]
    fn new(lease: &'static str) -> Option<Self> {
        let Some(database) = PostgresServer::own() else {
            skip("PostgreSQL is not installed");
            return None;
        };
        let url = database.new_database();
        let temp = tempfile::tempdir().unwrap();
        let file = temp.path().join("store-url");
        fs::write(&file, &url).unwrap();
        fs::set_permissions(&file, Permissions::from_mode(0o600)).unwrap();
        Some(Self { database, url, temp, lease })
    }

    fn dir(&self, name: &str) -> PathBuf {
        self.temp.path().join(name)
    }

    fn command(&self, name: &str, arguments: &[&str]) -> Command {
        let mut command = counterfoil(&in_dir(&self.dir(name), arguments));
        command.env("COUNTERFOIL_STORE_FILE", self.temp.path().join("store-url"));
        command.env("COUNTERFOIL_ISSUER", ISSUER).env("COUNTERFOIL_NODE_LEASE", self.lease);
        let key = self.dir("a").join("master-key");
        if name != "a" {
            command.env("COUNTERFOIL_MASTER_KEY_FILE", key);
        }
        command
    }

    fn serve(&self, name: &str) -> Server {
        Server::start(
            &mut self.command(name, &["serve", "--listen", "127.0.0.1:0"]),
            &self.temp.path().join(format!("{name}.log")),
        )
    }

    /// Two servers, and the user `ada` on both.
    fn two(&self) -> [Server; 2] {
        let a = self.serve("a");
        let b = self.serve("b");
        assert_eq!(register(&a, "ada").0, 201);
        [a, b]
    }

    fn log(&self, name: &str) -> String {
        fs::read_to_string(self.temp.path().join(format!("{name}.log"))).unwrap()
    }

    fn run(&self, name: &str, arguments: &[&str]) -> Output {
        self.command(name, arguments).output().unwrap()
    }

    fn sql(&self, sql: &str) -> String {
        self.database.sql(&self.url, sql)
    }
}

fn register(server: &Server, name: &str) -> (u16, Value) {
    server.post("/v1/register", &json!({ "username": name, "password": PASSWORD }))
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

fn session(server: &Server) -> String {
    text(&login(server, "session"), "session_token")
}

fn me(server: &Server, token: &str) -> u16 {
    server.get("/v1/me", token).0
}

fn signal(server: &Server, signal: Signal) {
    let pid = Pid::from_raw(i32::try_from(server.pid()).unwrap()).unwrap();
    kill_process(pid, signal).unwrap();
}

#[test]
fn a_login_counts_on_every_node_and_its_end_too() {
    let Some(fleet) = Fleet::new("2s") else { return };
    let [a, b] = fleet.two();
    let token = session(&a);
    assert_eq!((me(&a, &token), me(&b, &token)), (200, 200));
    let access = text(&login(&b, "jwt"), "access_token");
    assert_eq!((me(&a, &access), me(&b, &access)), (200, 200));

    let bearer = format!("Authorization: Bearer {token}");
    assert_eq!(a.curl("/v1/logout", &["-X", "POST", "-H", &bearer]).0, 204);
    assert_eq!(me(&a, &token), 401, "the node that was asked");
    wait_until("the other node knows of the logout", || me(&b, &token) == 401);

    // A wait for the fleet covers the other node: no moment after it.
    for _ in 0..3 {
        let (token, access) = (session(&b), text(&login(&b, "jwt"), "access_token"));
        assert_eq!((me(&b, &token), me(&b, &access)), (200, 200));
        let revoked = fleet.run("a", &["revoke", "user:ada", "--yes", "--wait", "fleet"]);
        assert!(revoked.status.success(), "{revoked:?}");
        assert_eq!((me(&b, &token), me(&b, &access)), (401, 401));
    }
    for server in [a, b] {
        assert!(server.stop(Signal::TERM).success());
    }
    assert_eq!(fleet.sql("SELECT count(*) FROM nodes"), "0", "a node that stops removes its row");
}

#[test]
fn races_on_two_nodes_have_one_winner() {
    let Some(fleet) = Fleet::new("2s") else { return };
    let [a, b] = fleet.two();
    for number in 0..3 {
        let name = format!("grace{number}");
        let statuses = thread::scope(|scope| {
            let [one, other] = [&a, &b].map(|server| scope.spawn(|| register(server, &name).0));
            [one.join().unwrap(), other.join().unwrap()]
        });
        assert!(statuses.contains(&201) && statuses.iter().any(|status| *status != 201), "{statuses:?}");
    }

    let mut token = text(&login(&a, "hybrid"), "refresh_token");
    for _ in 0..3 {
        let refresh = json!({ "refresh_token": token });
        let answers = thread::scope(|scope| {
            let [one, other] = [&a, &b].map(|server| scope.spawn(|| server.post("/v1/refresh", &refresh)));
            [one.join().unwrap(), other.join().unwrap()]
        });
        assert!(answers.iter().all(|(status, _)| *status == 200), "{answers:?}");
        let [one, other] = answers.map(|(_, answer)| text(&answer, "refresh_token"));
        assert_eq!(one, other, "one successor");
        token = one;
    }
}

#[test]
fn a_changed_password_and_a_disabled_user_count_on_the_other_node() {
    let Some(fleet) = Fleet::new("2s") else { return };
    let [a, b] = fleet.two();
    let (kept, other, access) = (session(&a), session(&b), text(&login(&b, "jwt"), "access_token"));
    assert_eq!((me(&b, &kept), me(&b, &other), me(&b, &access)), (200, 200, 200));

    let change = json!({ "current_password": PASSWORD, "new_password": "another horse battery" });
    let bearer = format!("Authorization: Bearer {kept}");
    let body = change.to_string();
    let options = ["-H", &bearer, "-H", "Content-Type: application/json", "-d", &body];
    let (status, answer) = a.curl("/v1/password", &options);
    assert_eq!(status, 200, "{answer}");
    let renewed = text(&answer, "session_token");
    wait_until("the others are ended on b", || {
        me(&b, &other) == 401 && me(&b, &access) == 401 && me(&b, &kept) == 401
    });
    assert_eq!(me(&b, &renewed), 200);

    // Nothing is revoked by a role, and the cached session has it nevertheless.
    let roles = |server: &Server| server.get("/v1/me", &renewed).1.to_string();
    assert!(fleet.run("a", &["user", "roles", "ada", "--add", "editor"]).status.success());
    wait_until("the role is there", || roles(&b).contains("editor"));
    assert!(fleet.run("a", &["user", "disable", "ada"]).status.success());
    wait_until("the user is disabled on b", || me(&b, &renewed) == 401);
}

#[test]
fn a_wait_for_the_fleet_ends_after_the_lease_of_a_node_that_was_killed() {
    let Some(fleet) = Fleet::new("1s") else { return };
    let [a, b] = fleet.two();
    let access = text(&login(&b, "jwt"), "access_token");
    assert_eq!(me(&b, &access), 200);
    b.crash();

    let revoked = fleet.run("a", &["revoke", "user:ada", "--yes", "--wait", "fleet", "--json"]);
    assert!(revoked.status.success(), "{revoked:?}");
    let answer: Value = serde_json::from_slice(&revoked.stdout).unwrap();
    // It counts as expired, unless its row was removed meanwhile.
    assert_eq!(answer["confirmed"], 0, "{answer}");
    assert_eq!(me(&a, &access), 401);
    wait_until("the row of that node is removed", || fleet.sql("SELECT count(*) FROM nodes") == "1");
}

#[test]
fn a_node_that_was_frozen_accepts_nothing_from_memory_afterwards() {
    let Some(fleet) = Fleet::new("1s") else { return };
    let [a, b] = fleet.two();
    let (token, access) = (session(&b), text(&login(&b, "jwt"), "access_token"));
    assert_eq!((me(&b, &token), me(&b, &access)), (200, 200));
    signal(&b, Signal::STOP);

    let revoked = fleet.run("a", &["revoke", "user:ada", "--yes", "--wait", "fleet"]);
    assert!(revoked.status.success(), "{revoked:?}");
    signal(&b, Signal::CONT);

    // The first answer counts: it may be a 503, and never a 200.
    for credential in [&token, &access] {
        let status = me(&b, credential);
        assert!([401, 503].contains(&status), "{status}");
    }
    wait_until("it is ready again", || b.curl("/readyz", &[]).0 == 200);
    assert_eq!((me(&b, &token), me(&b, &access)), (401, 401));
    assert_eq!(me(&b, &session(&a)), 200);
}

#[test]
fn a_revocation_is_known_within_the_lease_without_an_announcement() {
    let Some(fleet) = Fleet::new("1s") else { return };
    let [a, b] = fleet.two();
    let access = text(&login(&b, "jwt"), "access_token");
    assert_eq!(me(&b, &access), 200);
    // Every connection, also those that listen.
    fleet.sql(
        "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity
         WHERE datname = current_database() AND pid <> pg_backend_pid()",
    );

    wait_until("a revokes", || fleet.run("a", &["revoke", "user:ada", "--yes"]).status.success());
    wait_until("b knows of it", || me(&b, &access) == 401);
    for server in [&a, &b] {
        wait_until("it is ready", || server.curl("/readyz", &[]).0 == 200);
    }
}

#[test]
fn while_the_database_is_stopped_nothing_is_accepted_and_then_everything_is_as_before() {
    let Some(fleet) = Fleet::new("1s") else { return };
    let [a, b] = fleet.two();
    let (token, access) = (session(&a), text(&login(&a, "jwt"), "access_token"));
    assert_eq!((me(&b, &token), me(&b, &access)), (200, 200));
    let database = Pid::from_raw(i32::try_from(fleet.database.pid()).unwrap()).unwrap();
    kill_process(database, Signal::STOP).unwrap();
    // Its processes too: the one that serves a connection answers without the first one.
    let children = format!("kill -STOP $(pgrep -P {})", fleet.database.pid());
    assert!(Command::new("sh").args(["-c", &children]).status().unwrap().success());

    for server in [&a, &b] {
        wait_until("it accepts nothing", || me(server, &token) == 503 && me(server, &access) == 503);
        let (status, answer) = server.curl("/readyz", &[]);
        assert_eq!(status, 503, "{answer}");
    }
    let children = children.replace("STOP", "CONT");
    assert!(Command::new("sh").args(["-c", &children]).status().unwrap().success());
    kill_process(database, Signal::CONT).unwrap();

    for server in [&a, &b] {
        wait_until("it is ready again", || server.curl("/readyz", &[]).0 == 200);
        wait_until("it accepts", || me(server, &token) == 200 && me(server, &access) == 200);
    }
    assert!(fleet.log("b").contains("lease of this node was not renewed"), "{}", fleet.log("b"));
}

#[test]
fn a_key_is_rotated_once_and_known_to_every_node() {
    let Some(fleet) = Fleet::new("2s") else { return };
    let [a, b] = fleet.two();
    let rotated = fleet.run("a", &["key", "rotate", "--now"]);
    assert!(rotated.status.success(), "{rotated:?}");
    let access = text(&login(&a, "jwt"), "access_token");
    wait_until("b knows the key", || me(&b, &access) == 200);
    let count = "SELECT count(*) FROM keys WHERE purpose LIKE '%sign%' AND state = 'current'";
    assert_eq!(fleet.sql(count), "1");
}

/// The response to a refresh was lost in the crash of a node, and the node that stops cleanly afterwards knows nothing of it.
#[test]
fn the_clean_stop_of_a_node_does_not_hide_the_crash_of_another() {
    let Some(fleet) = Fleet::new("2s") else { return };
    let serve = |name: &str| {
        let mut command = fleet.command(name, &["serve", "--listen", "127.0.0.1:0"]);
        command.env("COUNTERFOIL_REFRESH_REUSE_GRACE", "6s");
        Server::start(&mut command, &fleet.temp.path().join(format!("{name}.log")))
    };
    let (a, b) = (serve("a"), serve("b"));
    assert_eq!(register(&a, "ada").0, 201);
    let used = json!({ "refresh_token": text(&login(&a, "hybrid"), "refresh_token") });
    let (status, lost) = a.post("/v1/refresh", &used);
    assert_eq!(status, 200, "{lost}");
    let rotated_at = Instant::now();
    a.crash();
    assert!(b.stop(Signal::TERM).success());
    // Longer than the grace period.
    thread::sleep(Duration::from_millis(6_200).saturating_sub(rotated_at.elapsed()));

    let a = serve("a");

    let (status, repeated) = a.post("/v1/refresh", &used);
    assert_eq!(status, 200, "it is repeated, as after a crash of the only process: {repeated}");
    assert_eq!(text(&repeated, "refresh_token"), text(&lost, "refresh_token"));
    assert!(a.stop(Signal::TERM).success());
    let marks = "SELECT count(*) FROM metadata WHERE key LIKE 'clean_shutdown:%'";
    assert_eq!(fleet.sql(marks), "1", "the mark of the process that was killed");
}

#[test]
fn the_jobs_of_a_killed_node_are_free_when_its_lease_has_ended() {
    let Some(fleet) = Fleet::new("1s") else { return };
    let a = fleet.serve("a");
    // Much longer than a job holds its lock.
    fleet.sql(
        "INSERT INTO job_locks (job, holder, expires_at)
         SELECT job, id, 9000000000000000 FROM nodes, unnest(ARRAY['purge', 'key_rotation']) job
         ON CONFLICT (job) DO UPDATE SET holder = excluded.holder, expires_at = excluded.expires_at",
    );
    let b = fleet.serve("b");
    let held = "SELECT count(*) FROM job_locks WHERE expires_at = 9000000000000000";
    assert_eq!(fleet.sql(held), "2");
    a.crash();

    wait_until("the locks are free", || fleet.sql(held) == "0");

    assert_eq!(b.curl("/readyz", &[]).0, 200);
    let rotated = fleet.run("b", &["key", "rotate"]);
    assert!(rotated.status.success(), "{rotated:?}");
}

/// What is due each minute is done by one node, and after its death by the other, long before the locks would expire. Their
/// clocks are set forward, each for itself, so that nothing waits for a minute.
#[test]
fn keys_are_rotated_and_records_purged_by_another_node_after_the_one_that_did_it_was_killed() {
    if !Path::new(FAKETIME).exists() {
        return skip("faketime is not installed");
    }
    let Some(fleet) = Fleet::new("1s") else { return };
    let serve = |name: &str| {
        let clock = fleet.temp.path().join(format!("{name}.clock"));
        set_clock(&clock, "+0");
        let mut command = fleet.command(name, &["serve", "--listen", "127.0.0.1:0"]);
        command.env("LD_PRELOAD", FAKETIME).env("FAKETIME_TIMESTAMP_FILE", &clock);
        command.env("FAKETIME_NO_CACHE", "1").env("NO_FAKE_STAT", "1");
        (Server::start(&mut command, &fleet.temp.path().join(format!("{name}.log"))), clock)
    };
    let (a, clock_of_a) = serve("a");
    let id_of_a = fleet.sql("SELECT encode(id, 'hex') FROM nodes");
    let (b, clock_of_b) = serve("b");
    assert_eq!(register(&a, "ada").0, 201);
    let mut a = Some(a);
    let current = "SELECT id FROM keys WHERE purpose LIKE '%sign%' AND state = 'current'";
    let jobs = |holder: &str| {
        fleet.sql(&format!("SELECT count(*) FROM job_locks WHERE encode(holder, 'hex') {holder}"))
    };
    let mut keys = vec![fleet.sql(current)];
    let mut tokens = Vec::new();
    for (clock, is_of_a) in [(&clock_of_a, true), (&clock_of_b, false)] {
        tokens.push(text(&login(&b, "jwt"), "access_token"));
        // The interval of rotation is over, and a counter has expired.
        fleet.sql(
            "UPDATE keys SET created_at = created_at - 8640000000, activated_at = activated_at - 8640000000",
        );
        fleet.sql("INSERT INTO counters VALUES ('expired', 1, 1)");

        set_clock(clock, "+70s");

        wait_until("the key is rotated", || fleet.sql(current) != *keys.last().unwrap());
        wait_until("the counter is purged", || {
            fleet.sql("SELECT count(*) FROM counters WHERE key = 'expired'") == "0"
        });
        keys.push(fleet.sql(current));
        let holder = format!("{} '{id_of_a}'", if is_of_a { "=" } else { "<>" });
        wait_until("the node holds both locks", || jobs(&holder) == "2");
        if let Some(a) = a.take() {
            a.crash();
            wait_until("the locks are free", || jobs("IS NOT NULL") == "0");
        }
    }
    for token in &tokens {
        assert_eq!(me(&b, token), 200, "what the former keys have signed is valid");
    }
}

/// Sets the clock of a process that reads it from this file.
fn set_clock(file: &Path, offset: &str) {
    let next = file.with_extension("next");
    fs::write(&next, offset).unwrap();
    fs::rename(next, file).unwrap();
}

/// A node stands still for so long that the others have forgotten what was revoked meanwhile.
#[test]
fn a_node_that_was_frozen_beyond_the_retention_of_the_revocation_log_serves_nothing_from_before() {
    let Some(fleet) = Fleet::new("1s") else { return };
    let [a, b] = fleet.two();
    let token = session(&b);
    assert_eq!(me(&b, &token), 200);
    signal(&b, Signal::STOP);
    let revoked = fleet.run("a", &["revoke", "user:ada", "--yes", "--wait", "fleet"]);
    assert!(revoked.status.success(), "{revoked:?}");
    wait_until("the row of that node is removed", || fleet.sql("SELECT count(*) FROM nodes") == "1");
    // As the purge does it at the end of the retention.
    fleet.sql("DELETE FROM revocation_log; DELETE FROM node_changes");

    signal(&b, Signal::CONT);

    // The first answer counts: it may be a 503, and never a 200.
    let status = me(&b, &token);
    assert!([401, 503].contains(&status), "{status}");
    wait_until("it is ready again", || b.curl("/readyz", &[]).0 == 200);
    assert_eq!(me(&b, &token), 401);
    assert_eq!(me(&b, &session(&a)), 200);
}

/// A server uses tables that a newer version has migrated, because they say that it may. The version after that locks it out.
/// The version of the tables alone does not say so: it is already the one that the newest migration needs.
#[test]
fn a_migration_is_refused_while_a_server_that_it_locks_out_uses_the_tables_of_a_version_in_between() {
    let Some(fleet) = Fleet::new("2s") else { return };
    let of_version = |name: &str, added: &str| {
        let mut command = fleet.command(name, &["serve", "--listen", "127.0.0.1:0"]);
        command.env("TEST_NEXT_SCHEMA", added);
        command
    };
    let newest = || fleet.sql("SELECT max(version) FROM refinery_schema_history").parse::<u32>().unwrap();
    let next = Server::start(&mut of_version("a", "1"), &fleet.temp.path().join("a.log"));
    let migrated = newest();
    let older = fleet.serve("b");
    assert!(next.stop(Signal::TERM).success());

    let refused = of_version("c", "2").output().unwrap();

    let message = String::from_utf8_lossy(&refused.stderr);
    assert!(!refused.status.success(), "{message}");
    assert!(message.contains("servers of a version that cannot use it afterwards have it open"), "{message}");
    assert_eq!(newest(), migrated, "nothing was migrated");
    assert_eq!(register(&older, "ada").0, 201, "the older server was not disturbed");

    assert!(older.stop(Signal::TERM).success());
    let after_next = Server::start(&mut of_version("a", "2"), &fleet.temp.path().join("a.log"));
    assert_eq!(newest(), migrated + 1);
    assert_eq!(fleet.sql("SELECT min_reader FROM schema_compatibility"), migrated.to_string());
    let refused = fleet.run("b", &["serve", "--listen", "127.0.0.1:0"]);
    let message = String::from_utf8_lossy(&refused.stderr);
    assert!(message.contains(&format!("needs a program of version {migrated} or newer")), "{message}");
    assert!(after_next.stop(Signal::TERM).success());
}

/// Both are named after the host.
#[test]
fn two_nodes_with_one_name_serve_and_each_reports_the_other() {
    let Some(fleet) = Fleet::new("500ms") else { return };
    let [a, b] = fleet.two();

    for name in ["a", "b"] {
        wait_until("it reports the other", || {
            fleet.log(name).contains("another node has the name of this one")
        });
    }
    assert!(a.stop(Signal::TERM).success() && b.stop(Signal::TERM).success());
}
