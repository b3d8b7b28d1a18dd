//! Backup, rollback and restore: an older store is detected, and a restored one has no valid former credentials.

#![allow(clippy::unwrap_used, reason = "what a test cannot prepare fails it")]

mod common;

use std::fs;
use std::io::Write as _;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Instant;

use rustix::process::Signal;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::common::{CommandOutput, Server, counterfoil, in_dir, output_of, run, run_with_input, succeed};

const PASSWORD: &str = "correct horse battery staple";

/// The credentials of a user.
struct Credentials {
    session: Value,
    /// Ended after the backup.
    ended: Value,
    jwt: Value,
    hybrid: Value,
}

/// A data directory without a server, a backup of it with the credentials of that time, and a logout after the backup.
struct BackupFixture {
    temp: TempDir,
    dir: PathBuf,
    backup: PathBuf,
    port: u16,
    credentials: Credentials,
    keys: Value,
}

impl BackupFixture {
    fn new() -> Self {
        let temp = tempfile::tempdir().unwrap();
        let (dir, backup) = (temp.path().join("data"), temp.path().join("backup.db"));
        let server = Server::serve(&dir);
        add_ada(&dir, &temp.path().join("password"));
        let credentials = Credentials {
            session: login(&server, "session"),
            ended: login(&server, "session"),
            jwt: login(&server, "jwt"),
            hybrid: login(&server, "hybrid"),
        };
        succeed(&dir, &["admin-key", "add", "deploy"]);
        succeed(&dir, &["backup", backup.to_str().unwrap()]);
        // An id may begin with a hyphen.
        succeed(&dir, &["session", "revoke", "--", text(&credentials.ended["session"], "id")]);
        let (port, keys) = (server.port(), server.curl("/.well-known/jwks.json", &[]).1);
        assert!(server.stop(Signal::TERM).success());
        Self { temp, dir, backup, port, credentials, keys }
    }

    /// Copies the backup over the database, instead of restoring it.
    fn copy_back(&self) {
        fs::copy(&self.backup, self.dir.join("counterfoil.db")).unwrap();
    }

    fn restore(&self, more: &[&str]) -> Value {
        let backup = self.backup.to_str().unwrap();
        let restored = succeed(&self.dir, &[&["restore", backup, "--yes", "--json"], more].concat());
        serde_json::from_str(&restored).unwrap()
    }

    /// The status for each credential: session, ended session, two access tokens, refresh token.
    fn statuses(&self, server: &Server) -> [u16; 5] {
        let me = |of: &Value, name| server.get("/v1/me", text(of, name)).0;
        let Credentials { session, ended, jwt, hybrid } = &self.credentials;
        let refresh = json!({ "refresh_token": text(hybrid, "refresh_token") });
        [
            me(session, "session_token"),
            me(ended, "session_token"),
            me(jwt, "access_token"),
            me(hybrid, "access_token"),
            server.post("/v1/refresh", &refresh).0,
        ]
    }
}

fn add_ada(dir: &Path, password: &Path) {
    fs::write(password, PASSWORD).unwrap();
    succeed(dir, &["user", "add", "ada", "--password-file", password.to_str().unwrap()]);
}

fn login(server: &Server, mode: &str) -> Value {
    let body = json!({ "username": "ada", "password": PASSWORD, "mode": mode });
    let (status, answer) = server.post("/v1/login", &body);
    assert_eq!(status, 200, "{answer}");
    answer
}

fn text<'a>(answer: &'a Value, name: &str) -> &'a str {
    answer[name].as_str().unwrap_or_else(|| panic!("no {name} in {answer}"))
}

/// The position of the revocation log at which an access token was issued.
fn pos(token: &str) -> u64 {
    let inspected = run_with_input(&["token", "inspect", "-", "--json"], token).stdout;
    serde_json::from_str::<Value>(&inspected).unwrap()["payload"]["pos"].as_u64().unwrap()
}

/// Whether the output is only one `error:` line and one `hint:` line.
fn is_error_with_hint(output: &CommandOutput) -> bool {
    let lines: Vec<&str> = output.stderr.lines().collect();
    output.status == 1
        && output.stdout.is_empty()
        && matches!(lines[..], [error, hint] if error.starts_with("error: ") && hint.starts_with("hint: "))
}

fn serve(dir: &Path) -> CommandOutput {
    run(&in_dir(dir, &["serve", "--listen", "127.0.0.1:0"]))
}

fn restore(dir: &Path, backup: &Path) -> CommandOutput {
    run(&in_dir(dir, &["restore", backup.to_str().unwrap(), "--yes"]))
}

#[test]
fn an_older_database_is_refused_until_it_is_restored() {
    let fixture = BackupFixture::new();
    fixture.copy_back();

    for command in [&["serve", "--listen", "127.0.0.1:0"][..], &["user", "list"]] {
        let refused = run(&in_dir(&fixture.dir, command));
        assert!(is_error_with_hint(&refused), "{refused:?}");
        assert!(
            refused.stderr.contains("rolled back") && refused.stderr.contains("`counterfoil restore FILE`")
        );
    }
    let restored = fixture.restore(&[]);

    let server = Server::serve_on(&fixture.dir, fixture.port);
    assert_eq!(fixture.statuses(&server), [401; 5]);
    let jwt = login(&server, "jwt");
    assert_eq!(server.get("/v1/me", text(&jwt, "access_token")).0, 200);
    assert_eq!(server.get("/v1/me", text(&login(&server, "session"), "session_token")).0, 200);
    let keys = server.curl("/.well-known/jwks.json", &[]).1;
    let kids = |keys: &Value| -> Vec<Value> {
        keys["keys"].as_array().unwrap().iter().map(|key| key["kid"].clone()).collect()
    };
    assert!(kids(&keys).contains(&restored["key"]), "{keys}");
    assert!(!kids(&keys).iter().any(|kid| kids(&fixture.keys).contains(kid)), "{keys}");
    let former = pos(text(&fixture.credentials.hybrid, "access_token"));
    assert!(pos(text(&jwt, "access_token")) > former + (1 << 32), "no position is used twice");
    assert_eq!(restored["removed_admin_keys"], json!(["deploy"]));
    assert!(Path::new(text(&restored, "previous_database")).exists());
}

#[test]
fn keep_sessions_keeps_cookie_sessions_and_is_recorded_in_the_audit_log() {
    let fixture = BackupFixture::new();

    let restored = fixture.restore(&["--keep-sessions"]);

    let server = Server::serve_on(&fixture.dir, fixture.port);
    // The session that ended after the backup is active again, as the help of --keep-sessions warns.
    assert_eq!(fixture.statuses(&server), [200, 200, 401, 401, 401]);
    assert_eq!(restored["kept_sessions"], true);
    let audit = succeed(&fixture.dir, &["audit", "list", "--json"]);
    let audit: Value = serde_json::from_str(&audit).unwrap();
    let event = audit["events"].as_array().unwrap().iter().find(|event| event["kind"] == "restored").unwrap();
    assert_eq!(event["detail"], "cookie sessions were kept");
}

#[test]
fn a_backup_on_a_new_machine_is_served_only_after_a_restore() {
    let fixture = BackupFixture::new();
    let dir = fixture.temp.path().join("new");
    fs::create_dir(&dir).unwrap();
    fs::copy(fixture.dir.join("master-key"), dir.join("master-key")).unwrap();
    fs::copy(&fixture.backup, dir.join("counterfoil.db")).unwrap();

    let refused = serve(&dir);
    assert!(is_error_with_hint(&refused), "{refused:?}");
    assert!(refused.stderr.contains("rollback-guard is missing"), "{refused:?}");
    fs::remove_file(dir.join("counterfoil.db")).unwrap();
    succeed(&dir, &["restore", fixture.backup.to_str().unwrap(), "--yes"]);

    let server = Server::serve_on(&dir, fixture.port);
    assert_eq!(fixture.statuses(&server), [401; 5]);
    login(&server, "session");
}

#[test]
fn a_missing_store_or_a_damaged_rollback_guard_is_refused_until_a_restore() {
    let fixture = BackupFixture::new();
    let database = fixture.dir.join("counterfoil.db");
    fs::rename(&database, fixture.temp.path().join("away.db")).unwrap();

    let output = serve(&fixture.dir);
    assert!(is_error_with_hint(&output) && output.stderr.contains("counterfoil restore"), "{output:?}");
    let guard = fs::read(fixture.dir.join("rollback-guard")).unwrap();
    let in_place = run(&in_dir(&fixture.dir, &["restore", "--in-place", "--yes"]));
    assert!(is_error_with_hint(&in_place) && in_place.stderr.contains("there is no store"), "{in_place:?}");
    assert_eq!(fs::read(fixture.dir.join("rollback-guard")).unwrap(), guard);
    assert!(!database.exists());
    fs::rename(fixture.temp.path().join("away.db"), &database).unwrap();
    let whole = fs::read(fixture.dir.join("rollback-guard")).unwrap();
    for damaged in [&b""[..], b"{}", &whole[..10]] {
        fs::write(fixture.dir.join("rollback-guard"), damaged).unwrap();
        let refused = serve(&fixture.dir);
        assert!(is_error_with_hint(&refused) && refused.stderr.contains("damaged"), "{refused:?}");
    }

    succeed(&fixture.dir, &["restore", fixture.backup.to_str().unwrap(), "--yes"]);

    assert!(fixture.dir.join("rollback-guard.damaged").exists());
    login(&Server::serve(&fixture.dir), "session");
}

#[test]
fn a_restore_that_fails_changes_nothing() {
    let fixture = BackupFixture::new();
    let other = fixture.temp.path().join("other");
    let refused = |backup: &Path, what: &str| {
        let refused = restore(&fixture.dir, backup);
        assert!(is_error_with_hint(&refused), "{what}: {refused:?}");
        refused.stderr
    };
    let whole = fs::read(&fixture.backup).unwrap();
    for (what, bytes) in [
        ("an empty one", &b""[..]),
        ("a text", b"Dear Ada,\n"),
        ("one that is cut off", &whole[..whole.len() / 2]),
    ] {
        fs::write(&other, bytes).unwrap();
        refused(&other, what);
    }
    refused(&fixture.temp.path().join("missing"), "a missing one");
    refused(&fixture.dir, "a directory");
    let unconfirmed = run(&in_dir(&fixture.dir, &["restore", fixture.backup.to_str().unwrap()]));
    assert_eq!(unconfirmed.status, 2, "{unconfirmed:?}");
    assert!(unconfirmed.stderr.contains("--yes"), "{unconfirmed:?}");
    fs::rename(fixture.dir.join("master-key"), &other).unwrap();
    refused(&fixture.backup, "without the master key");
    let mut command =
        counterfoil(&in_dir(&fixture.dir, &["restore", fixture.backup.to_str().unwrap(), "--yes"]));
    let another = command.env("COUNTERFOIL_MASTER_KEY", "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY");
    let another = output_of(another.output().unwrap());
    assert!(is_error_with_hint(&another) && another.stderr.contains("master key"), "{another:?}");
    fs::rename(&other, fixture.dir.join("master-key")).unwrap();

    let server = Server::serve_on(&fixture.dir, fixture.port);
    assert!(refused(&fixture.backup, "while a server runs").contains("stop the server"));
    assert_eq!(fixture.statuses(&server), [200, 401, 200, 200, 200]);
}

#[test]
fn a_restore_that_is_killed_leaves_the_previous_store_or_the_restored_one() {
    const ROUNDS: u32 = 30;
    let fixture = BackupFixture::new();
    let [kept, ended] = [&fixture.credentials.session, &fixture.credentials.ended]
        .map(|login| text(&login["session"], "id").to_owned());
    let copied = |number: u32| {
        let dir = fixture.temp.path().join(format!("round{number}"));
        let copy = Command::new("cp").arg("-a").args([&fixture.dir, &dir]).status().unwrap();
        assert!(copy.success());
        dir
    };
    let start = Instant::now();
    assert_eq!(restore(&copied(ROUNDS), &fixture.backup).status, 0);
    let duration = start.elapsed();

    let (mut previous, mut restored) = (0, 0);
    for round in 0..ROUNDS {
        let dir = copied(round);
        let mut command = counterfoil(&in_dir(&dir, &["restore", fixture.backup.to_str().unwrap(), "--yes"]));
        let mut child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        // The moment of the kill is different in each round.
        std::thread::sleep(duration * round / ROUNDS);
        child.kill().unwrap();
        child.wait().unwrap();

        let listed = succeed(&dir, &["session", "list", "ada"]);

        assert!(!listed.contains(&ended), "round {round}: the backup was opened without a restore: {listed}");
        *(if listed.contains(&kept) { &mut previous } else { &mut restored }) += 1;
        assert!(succeed(&dir, &["user", "list"]).contains("ada"));
    }
    println!("{ROUNDS} kills: {previous} left the previous store, {restored} the restored one");
    assert!(previous > 0);
}

#[test]
fn two_concurrent_restores_do_not_mix() {
    let fixture = BackupFixture::new();
    let start = || {
        let arguments = ["restore", fixture.backup.to_str().unwrap(), "--yes"];
        let mut command = counterfoil(&in_dir(&fixture.dir, &arguments));
        command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
    };

    let both = [start(), start()].map(|child| output_of(child.wait_with_output().unwrap()));

    assert!(both.iter().any(|output| output.status == 0), "{both:?}");
    for refused in both.iter().filter(|output| output.status != 0) {
        assert!(is_error_with_hint(refused) && refused.stderr.contains("is in use"), "{refused:?}");
    }
    login(&Server::serve(&fixture.dir), "session");
}

#[test]
fn a_restore_on_a_full_disk_fails_and_keeps_the_store() {
    let fixture = BackupFixture::new();
    let small = fixture.temp.path().join("small");
    fs::create_dir(&small).unwrap();
    let Some(_mounted) = Mounted::tmpfs(&small, "1m") else {
        counterfoil_test_support::skip("a file system cannot be mounted here");
        return;
    };
    let dir = small.join("data");
    assert!(Command::new("cp").arg("-a").args([&fixture.dir, &dir]).status().unwrap().success());
    let ballast = small.join("ballast");

    let mut refusals = 0;
    for room in (0..).step_by(16 * 1024) {
        fill(&ballast, room);
        let output = restore(&dir, &fixture.backup);
        fs::remove_file(&ballast).unwrap();
        if output.status == 0 {
            break;
        }
        // The log may contain errors of the disk before it.
        let is_clear =
            output.status == 1 && output.stderr.contains("\nhint: ") && output.stderr.contains("error: ");
        assert!(is_clear && output.stdout.is_empty(), "{room}: {output:?}");
        assert!(!dir.join("counterfoil.db.restoring").exists(), "{room}");
        let listed = succeed(&dir, &["session", "list", "ada"]);
        assert!(listed.contains(text(&fixture.credentials.session["session"], "id")), "{room}: {listed}");
        refusals += 1;
    }

    println!("{refusals} restores failed for lack of space");
    assert!(refusals > 3);
    login(&Server::serve(&dir), "session");
}

/// Fills the file system except for `room` bytes.
fn fill(ballast: &Path, room: u64) {
    let mut file = fs::File::create(ballast).unwrap();
    let mut length = 0;
    while file.write_all(&[7; 4096]).is_ok() {
        length += 4096;
    }
    file.set_len(u64::saturating_sub(length, room)).unwrap();
}

/// A mounted file system; unmounted when dropped.
struct Mounted(PathBuf);

impl Mounted {
    fn tmpfs(temp: &Path, size: &str) -> Option<Self> {
        let mut mount = Command::new("mount");
        mount.args(["-t", "tmpfs", "-o", &format!("size={size},mode=0700"), "tmpfs"]).arg(temp);
        let mounted = mount.stderr(Stdio::null()).status().is_ok_and(|status| status.success());
        mounted.then(|| Self(temp.to_owned()))
    }
}

impl Drop for Mounted {
    fn drop(&mut self) {
        // Lazily, because a server may still be stopping.
        let _ = Command::new("umount").arg("-l").arg(&self.0).status();
    }
}

#[test]
fn a_backup_replaces_a_file_only_with_force() {
    let fixture = BackupFixture::new();
    let file = fixture.backup.to_str().unwrap();
    let newer = fs::read(&fixture.backup).unwrap();

    let refused = run(&in_dir(&fixture.dir, &["backup", file]));
    assert!(is_error_with_hint(&refused) && refused.stderr.contains("--force"), "{refused:?}");
    assert_eq!(fs::read(&fixture.backup).unwrap(), newer);
    let answer: Value =
        serde_json::from_str(&succeed(&fixture.dir, &["backup", file, "--force", "--json"])).unwrap();

    assert_eq!(answer, json!({ "file": file, "bytes": fixture.backup.metadata().unwrap().len() }));
    assert_ne!(fs::read(&fixture.backup).unwrap(), newer);
    assert!(!fixture.temp.path().join("backup.db.partial").exists());
}

#[test]
fn a_backup_never_replaces_a_file_of_the_installation() {
    let fixture = BackupFixture::new();
    let refused = || {
        for name in [
            "counterfoil.db",
            "counterfoil.db-wal",
            "counterfoil.db.restored",
            "master-key",
            "rollback-guard",
        ] {
            let file = fixture.dir.join(name);
            let inode = || file.metadata().ok().map(|metadata| metadata.ino());
            let before = inode();
            let output = run(&in_dir(&fixture.dir, &["backup", file.to_str().unwrap(), "--force"]));
            assert!(
                is_error_with_hint(&output) && output.stderr.contains("belongs to this"),
                "{name}: {output:?}"
            );
            // The rollback guard is a new file each time it is saved.
            assert!(name == "rollback-guard" || inode() == before, "{name}");
        }
    };

    refused();
    let server = Server::serve(&fixture.dir);
    refused();

    assert!(server.stop(Signal::TERM).success());
    assert!(Server::serve(&fixture.dir).stop(Signal::TERM).success(), "the installation is unchanged");
}

#[test]
fn a_command_for_another_store_is_not_sent_to_the_server() {
    let fixture = BackupFixture::new();
    let server = Server::serve(&fixture.dir);
    let other = format!("sqlite:{}", fixture.backup.display());
    let own = format!("sqlite:{}/./counterfoil.db", fixture.dir.display());
    let password = fixture.temp.path().join("password");
    let add = |name, store| {
        let password = password.to_str().unwrap();
        run(&in_dir(&fixture.dir, &["user", "add", name, "--password-file", password, "--store", store]))
    };

    let refused = add("eve", &other);
    assert!(is_error_with_hint(&refused) && refused.stderr.contains("--store"), "{refused:?}");
    assert_eq!(add("bob", &own).status, 0);

    let users = succeed(&fixture.dir, &["user", "list"]);
    assert!(users.contains("bob") && !users.contains("eve"), "{users}");
    assert!(server.stop(Signal::TERM).success());
}
