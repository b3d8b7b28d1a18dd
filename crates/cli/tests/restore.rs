//! Backup, rollback and restore with the real binary: an older store is noticed, and what is put back is safe.

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

use crate::common::{Said, Server, counterfoil, in_dir, run, run_with_input, said, succeed};

const PASSWORD: &str = "correct horse battery staple";

/// What somebody holds.
struct Held {
    session: Value,
    /// Ended after the backup was made.
    ended: Value,
    jwt: Value,
    hybrid: Value,
}

/// A data directory, a backup of it, what was held then, and a logout after it. Nobody serves it any more.
struct Before {
    place: TempDir,
    dir: PathBuf,
    backup: PathBuf,
    port: u16,
    held: Held,
    keys: Value,
}

impl Before {
    fn there_was_a_backup() -> Self {
        let place = tempfile::tempdir().unwrap();
        let (dir, backup) = (place.path().join("data"), place.path().join("backup.db"));
        let server = Server::serve(&dir);
        add_ada(&dir, &place.path().join("password"));
        let held = Held {
            session: login(&server, "session"),
            ended: login(&server, "session"),
            jwt: login(&server, "jwt"),
            hybrid: login(&server, "hybrid"),
        };
        succeed(&dir, &["admin-key", "add", "deploy"]);
        succeed(&dir, &["backup", backup.to_str().unwrap()]);
        // An id may begin with a hyphen.
        succeed(&dir, &["session", "revoke", "--", text(&held.ended["session"], "id")]);
        let (port, keys) = (server.port(), server.curl("/.well-known/jwks.json", &[]).1);
        assert!(server.stop(Signal::TERM).success());
        Self { place, dir, backup, port, held, keys }
    }

    /// Copies the backup over the live file, as somebody in a hurry would.
    fn copy_back(&self) {
        fs::copy(&self.backup, self.dir.join("counterfoil.db")).unwrap();
    }

    fn restore(&self, more: &[&str]) -> Value {
        let backup = self.backup.to_str().unwrap();
        let restored = succeed(&self.dir, &[&["restore", backup, "--yes", "--json"], more].concat());
        serde_json::from_str(&restored).unwrap()
    }

    /// The statuses with which all that was held is answered: session, ended session, two access tokens, refresh.
    fn statuses(&self, server: &Server) -> [u16; 5] {
        let me = |of: &Value, name| server.get("/v1/me", text(of, name)).0;
        let Held { session, ended, jwt, hybrid } = &self.held;
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

/// The head of the log at which an access token was minted.
fn pos(dir: &Path, token: &str) -> u64 {
    let told = run_with_input(&in_dir(dir, &["token", "inspect", "-", "--json"]), token).out;
    serde_json::from_str::<Value>(&told).unwrap()["payload"]["pos"].as_u64().unwrap()
}

/// One `error:` line, one `hint:` line, nothing else.
fn is_one_clear_error(said: &Said) -> bool {
    let lines: Vec<&str> = said.err.lines().collect();
    said.code == 1
        && said.out.is_empty()
        && matches!(lines[..], [error, hint] if error.starts_with("error: ") && hint.starts_with("hint: "))
}

fn serve(dir: &Path) -> Said {
    run(&in_dir(dir, &["serve", "--listen", "127.0.0.1:0"]))
}

fn restore(dir: &Path, backup: &Path) -> Said {
    run(&in_dir(dir, &["restore", backup.to_str().unwrap(), "--yes"]))
}

#[test]
fn an_older_database_is_refused_and_restore_makes_it_safe() {
    let before = Before::there_was_a_backup();
    before.copy_back();

    for command in [&["serve", "--listen", "127.0.0.1:0"][..], &["user", "list"]] {
        let refused = run(&in_dir(&before.dir, command));
        assert!(is_one_clear_error(&refused), "{refused:?}");
        assert!(refused.err.contains("rolled back") && refused.err.contains("`counterfoil restore FILE`"));
    }
    let restored = before.restore(&[]);

    let server = Server::serve_on(&before.dir, before.port);
    assert_eq!(before.statuses(&server), [401; 5]);
    let jwt = login(&server, "jwt");
    assert_eq!(server.get("/v1/me", text(&jwt, "access_token")).0, 200);
    assert_eq!(server.get("/v1/me", text(&login(&server, "session"), "session_token")).0, 200);
    let keys = server.curl("/.well-known/jwks.json", &[]).1;
    let kids = |keys: &Value| -> Vec<Value> {
        keys["keys"].as_array().unwrap().iter().map(|key| key["kid"].clone()).collect()
    };
    assert!(kids(&keys).contains(&restored["key"]), "{keys}");
    assert!(!kids(&keys).iter().any(|kid| kids(&before.keys).contains(kid)), "{keys}");
    let former = pos(&before.dir, text(&before.held.hybrid, "access_token"));
    assert!(pos(&before.dir, text(&jwt, "access_token")) > former + (1 << 32), "a position could come again");
    assert_eq!(restored["removed_admin_keys"], json!(["deploy"]));
    assert!(Path::new(text(&restored, "former")).exists());
}

#[test]
fn cookie_sessions_live_on_if_that_is_wanted_and_the_journal_tells_it() {
    let before = Before::there_was_a_backup();

    let restored = before.restore(&["--keep-sessions"]);

    let server = Server::serve_on(&before.dir, before.port);
    // The one that was ended after the backup lives again: the risk that the command names.
    assert_eq!(before.statuses(&server), [200, 200, 401, 401, 401]);
    assert_eq!(restored["kept_sessions"], true);
    let journal = succeed(&before.dir, &["event", "list", "--json"]);
    let journal: Value = serde_json::from_str(&journal).unwrap();
    let told =
        journal["events"].as_array().unwrap().iter().find(|event| event["kind"] == "restored").unwrap();
    assert_eq!(told["detail"], "cookie sessions were kept");
}

#[test]
fn a_backup_on_a_new_machine_is_served_only_after_a_restore() {
    let before = Before::there_was_a_backup();
    let dir = before.place.path().join("new");
    fs::create_dir(&dir).unwrap();
    fs::copy(before.dir.join("master-key"), dir.join("master-key")).unwrap();
    fs::copy(&before.backup, dir.join("counterfoil.db")).unwrap();

    let refused = serve(&dir);
    assert!(is_one_clear_error(&refused), "{refused:?}");
    assert!(refused.err.contains("rollback-guard is missing"), "{refused:?}");
    fs::remove_file(dir.join("counterfoil.db")).unwrap();
    succeed(&dir, &["restore", before.backup.to_str().unwrap(), "--yes"]);

    let server = Server::serve_on(&dir, before.port);
    assert_eq!(before.statuses(&server), [401; 5]);
    login(&server, "session");
}

#[test]
fn a_store_that_is_gone_or_another_ones_log_head_is_no_reason_to_begin_anew() {
    let before = Before::there_was_a_backup();
    let database = before.dir.join("counterfoil.db");
    fs::rename(&database, before.place.path().join("away.db")).unwrap();

    let gone = serve(&before.dir);
    assert!(is_one_clear_error(&gone) && gone.err.contains("counterfoil restore"), "{gone:?}");
    assert!(!database.exists());
    fs::rename(before.place.path().join("away.db"), &database).unwrap();
    let whole = fs::read(before.dir.join("rollback-guard")).unwrap();
    for damaged in [&b""[..], b"{}", &whole[..10]] {
        fs::write(before.dir.join("rollback-guard"), damaged).unwrap();
        let refused = serve(&before.dir);
        assert!(is_one_clear_error(&refused) && refused.err.contains("damaged"), "{refused:?}");
    }

    succeed(&before.dir, &["restore", before.backup.to_str().unwrap(), "--yes"]);

    assert!(before.dir.join("rollback-guard.damaged").exists());
    login(&Server::serve(&before.dir), "session");
}

#[test]
fn what_cannot_be_restored_changes_nothing() {
    let before = Before::there_was_a_backup();
    let other = before.place.path().join("other");
    let refused = |backup: &Path, what: &str| {
        let refused = restore(&before.dir, backup);
        assert!(is_one_clear_error(&refused), "{what}: {refused:?}");
        refused.err
    };
    let whole = fs::read(&before.backup).unwrap();
    for (what, bytes) in [
        ("an empty one", &b""[..]),
        ("a text", b"Dear Ada,\n"),
        ("one that is cut off", &whole[..whole.len() / 2]),
    ] {
        fs::write(&other, bytes).unwrap();
        refused(&other, what);
    }
    refused(&before.place.path().join("missing"), "a missing one");
    refused(&before.dir, "a directory");
    let unasked = run(&in_dir(&before.dir, &["restore", before.backup.to_str().unwrap()]));
    assert_eq!(unasked.code, 2, "{unasked:?}");
    assert!(unasked.err.contains("--yes"), "{unasked:?}");
    fs::rename(before.dir.join("master-key"), &other).unwrap();
    refused(&before.backup, "without the master key");
    let mut command =
        counterfoil(&in_dir(&before.dir, &["restore", before.backup.to_str().unwrap(), "--yes"]));
    let another = command.env("COUNTERFOIL_MASTER_KEY", "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY");
    let another = said(another.output().unwrap());
    assert!(is_one_clear_error(&another) && another.err.contains("master key"), "{another:?}");
    fs::rename(&other, before.dir.join("master-key")).unwrap();

    let server = Server::serve_on(&before.dir, before.port);
    assert!(refused(&before.backup, "while a server runs").contains("stop the server"));
    assert_eq!(before.statuses(&server), [200, 401, 200, 200, 200]);
}

#[test]
fn a_restore_that_is_killed_leaves_the_former_store_or_the_restored_one() {
    const ROUNDS: u32 = 30;
    let before = Before::there_was_a_backup();
    let [kept, ended] =
        [&before.held.session, &before.held.ended].map(|login| text(&login["session"], "id").to_owned());
    let copied = |number: u32| {
        let dir = before.place.path().join(format!("round{number}"));
        let copy = Command::new("cp").arg("-a").args([&before.dir, &dir]).status().unwrap();
        assert!(copy.success());
        dir
    };
    let began = Instant::now();
    assert_eq!(restore(&copied(ROUNDS), &before.backup).code, 0);
    let whole = began.elapsed();

    let (mut former, mut restored) = (0, 0);
    for round in 0..ROUNDS {
        let dir = copied(round);
        let mut command = counterfoil(&in_dir(&dir, &["restore", before.backup.to_str().unwrap(), "--yes"]));
        let mut child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        // A kill has no told time: it comes at another moment in each round.
        std::thread::sleep(whole * round / ROUNDS);
        child.kill().unwrap();
        child.wait().unwrap();

        let listed = succeed(&dir, &["session", "list", "ada"]);

        assert!(!listed.contains(&ended), "round {round}: a plain old backup was opened: {listed}");
        *(if listed.contains(&kept) { &mut former } else { &mut restored }) += 1;
        assert!(succeed(&dir, &["user", "list"]).contains("ada"));
    }
    println!("{ROUNDS} kills: {former} left the former store, {restored} the restored one");
    assert!(former > 0);
}

#[test]
fn of_two_restores_at_once_one_is_done_at_a_time() {
    let before = Before::there_was_a_backup();
    let start = || {
        let arguments = ["restore", before.backup.to_str().unwrap(), "--yes"];
        let mut command = counterfoil(&in_dir(&before.dir, &arguments));
        command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
    };

    let both = [start(), start()].map(|child| said(child.wait_with_output().unwrap()));

    assert!(both.iter().any(|said| said.code == 0), "{both:?}");
    for refused in both.iter().filter(|said| said.code != 0) {
        assert!(is_one_clear_error(refused) && refused.err.contains("is in use"), "{refused:?}");
    }
    login(&Server::serve(&before.dir), "session");
}

#[test]
fn a_full_disk_stops_a_restore_and_leaves_the_store() {
    let before = Before::there_was_a_backup();
    let small = before.place.path().join("small");
    fs::create_dir(&small).unwrap();
    let Some(_mounted) = Mounted::tmpfs(&small, "1m") else {
        counterfoil_test_support::skip("a file system cannot be mounted here");
        return;
    };
    let dir = small.join("data");
    assert!(Command::new("cp").arg("-a").args([&before.dir, &dir]).status().unwrap().success());
    let ballast = small.join("ballast");

    let mut refusals = 0;
    for room in (0..).step_by(16 * 1024) {
        fill(&ballast, room);
        let told = restore(&dir, &before.backup);
        fs::remove_file(&ballast).unwrap();
        if told.code == 0 {
            break;
        }
        // Before it the log may tell what the disk has refused.
        let is_clear = told.code == 1 && told.err.contains("\nhint: ") && told.err.contains("error: ");
        assert!(is_clear && told.out.is_empty(), "{room}: {told:?}");
        assert!(!dir.join("counterfoil.db.restoring").exists(), "{room}");
        let listed = succeed(&dir, &["session", "list", "ada"]);
        assert!(listed.contains(text(&before.held.session["session"], "id")), "{room}: {listed}");
        refusals += 1;
    }

    println!("{refusals} restores had no room");
    assert!(refusals > 3);
    login(&Server::serve(&dir), "session");
}

/// Fills the file system up, but for `room` bytes.
fn fill(ballast: &Path, room: u64) {
    let mut file = fs::File::create(ballast).unwrap();
    let mut length = 0;
    while file.write_all(&[7; 4096]).is_ok() {
        length += 4096;
    }
    file.set_len(u64::saturating_sub(length, room)).unwrap();
}

/// A file system of its own, until it is dropped.
struct Mounted(PathBuf);

impl Mounted {
    fn tmpfs(place: &Path, size: &str) -> Option<Self> {
        let mut mount = Command::new("mount");
        mount.args(["-t", "tmpfs", "-o", &format!("size={size},mode=0700"), "tmpfs"]).arg(place);
        let mounted = mount.stderr(Stdio::null()).status().is_ok_and(|status| status.success());
        mounted.then(|| Self(place.to_owned()))
    }
}

impl Drop for Mounted {
    fn drop(&mut self) {
        // Lazily: a server may be ending.
        let _ = Command::new("umount").arg("-l").arg(&self.0).status();
    }
}

#[test]
fn a_backup_replaces_nothing_unless_that_is_wanted() {
    let before = Before::there_was_a_backup();
    let file = before.backup.to_str().unwrap();
    let newer = fs::read(&before.backup).unwrap();

    let refused = run(&in_dir(&before.dir, &["backup", file]));
    assert!(is_one_clear_error(&refused) && refused.err.contains("--force"), "{refused:?}");
    assert_eq!(fs::read(&before.backup).unwrap(), newer);
    let told: Value =
        serde_json::from_str(&succeed(&before.dir, &["backup", file, "--force", "--json"])).unwrap();

    assert_eq!(told, json!({ "file": file, "bytes": before.backup.metadata().unwrap().len() }));
    assert_ne!(fs::read(&before.backup).unwrap(), newer);
    assert!(!before.place.path().join("backup.db.partial").exists());
}

#[test]
fn no_backup_takes_the_place_of_what_the_installation_lives_on() {
    let before = Before::there_was_a_backup();
    let refused = || {
        for name in [
            "counterfoil.db",
            "counterfoil.db-wal",
            "counterfoil.db.restored",
            "master-key",
            "rollback-guard",
        ] {
            let file = before.dir.join(name);
            let which = || file.metadata().ok().map(|about| about.ino());
            let kept = which();
            let said = run(&in_dir(&before.dir, &["backup", file.to_str().unwrap(), "--force"]));
            assert!(is_one_clear_error(&said) && said.err.contains("belongs to this"), "{name}: {said:?}");
            // The rollback-guard is another file each time that it is saved.
            assert!(name == "rollback-guard" || which() == kept, "{name}");
        }
    };

    refused();
    let server = Server::serve(&before.dir);
    refused();

    assert!(server.stop(Signal::TERM).success());
    assert!(Server::serve(&before.dir).stop(Signal::TERM).success(), "it is the same installation");
}

#[test]
fn a_command_for_another_store_does_not_go_to_the_server() {
    let before = Before::there_was_a_backup();
    let server = Server::serve(&before.dir);
    let other = format!("sqlite:{}", before.backup.display());
    let own = format!("sqlite:{}/./counterfoil.db", before.dir.display());
    let password = before.place.path().join("password");
    let add = |name, store| {
        let password = password.to_str().unwrap();
        run(&in_dir(&before.dir, &["user", "add", name, "--password-file", password, "--store", store]))
    };

    let refused = add("eve", &other);
    assert!(is_one_clear_error(&refused) && refused.err.contains("--store"), "{refused:?}");
    assert_eq!(add("bob", &own).code, 0);

    let users = succeed(&before.dir, &["user", "list"]);
    assert!(users.contains("bob") && !users.contains("eve"), "{users}");
    assert!(server.stop(Signal::TERM).success());
}
