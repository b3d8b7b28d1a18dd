//! Errors of the file system name the path, the operation, and the part of the path that is wrong.

use std::fs;
use std::os::unix::fs::{PermissionsExt as _, chown};
use std::os::unix::process::CommandExt as _;
use std::path::Path;

use counterfoil_test_support::skip;

use crate::common::{CommandOutput, Server, copy_of_counterfoil, in_dir, output_of, run};
use crate::{Fixture, write_private};

/// The user of the commands that may not do something.
const OTHER_USER: u32 = 65534;

fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

/// Runs the command as another user than root, without further groups. `program` is a copy of the binary that every user may run.
fn run_as_other_user(program: &Path, arguments: &[&str]) -> CommandOutput {
    let mut command = copy_of_counterfoil(program, arguments);
    output_of(command.uid(OTHER_USER).gid(OTHER_USER).output().unwrap())
}

#[track_caller]
fn assert_error(output: &CommandOutput, message: &str, hint: &str) {
    assert_ne!(output.status, 0, "{output:?}");
    let (error, rest) = output.stderr.split_once("\nhint: ").unwrap_or_else(|| panic!("no hint: {output:?}"));
    assert!(error.contains(message), "{message}: {output:?}");
    assert!(rest.contains(hint), "{hint}: {output:?}");
}

#[test]
fn a_backup_says_what_is_wrong_with_its_path() {
    let fixture = Fixture::new(&["ada"]);
    let missing = fixture.path("no/such/dir/x");
    let through_file = format!("{}/x", fixture.password);
    let backup = |file: &str| run(&in_dir(&fixture.dir, &["backup", file]));
    for is_served in [false, true] {
        let server = is_served.then(|| Server::serve(&fixture.dir));
        let message = format!("the backup {missing} cannot be written: ");
        assert_error(&backup(&missing), &message, &format!("{} does not exist", fixture.path("no")));
        let hint = format!("{} is not a directory", fixture.password);
        assert_error(&backup(&through_file), "cannot be written", &hint);
        assert_error(&backup("/proc/x"), "/proc/x cannot be written", "/proc");
        drop(server);
    }
    assert_error(&backup("/dev/full/x"), "cannot be written", "/dev/full is not a directory");
}

#[test]
fn a_data_directory_that_cannot_be_used_is_named_before_its_files() {
    let fixture = Fixture::new(&["ada"]);
    let users = |dir: &Path| run(&in_dir(dir, &["user", "list"]));
    let file = Path::new(&fixture.password);
    assert_error(
        &run(&in_dir(file, &["serve", "--listen", "127.0.0.1:0"])),
        "data directory",
        "is not a directory",
    );
    let missing = fixture.temp.path().join("no/such/data");
    let serve = run(&in_dir(&missing, &["serve", "--listen", "127.0.0.1:0"]));
    assert_error(&serve, "data directory", &format!("{} does not exist", fixture.path("no")));
    assert_error(&users(&missing), "there is no store", "--data-dir");
    if !is_root() {
        return skip("only root can run commands as another user");
    }
    fs::set_permissions(fixture.temp.path(), fs::Permissions::from_mode(0o755)).unwrap();
    // The directories of the build may be private.
    let program = fixture.temp.path().join("counterfoil");
    fs::copy(env!("CARGO_BIN_EXE_counterfoil"), &program).unwrap();
    for mode in [0o500, 0o555, 0o000] {
        let dir = fixture.temp.path().join(format!("closed-{mode:o}"));
        fs::create_dir(&dir).unwrap();
        chown(&dir, Some(OTHER_USER), None).unwrap();
        fs::set_permissions(&dir, fs::Permissions::from_mode(mode)).unwrap();
        let output = run_as_other_user(&program, &in_dir(&dir, &["serve", "--listen", "127.0.0.1:0"]));
        assert_error(
            &output,
            &format!("the data directory {} cannot be written", dir.display()),
            &format!("(mode {mode:04o})"),
        );
        assert!(!output.stderr.contains("master key"), "{output:?}");
    }
    let output = run_as_other_user(&program, &in_dir(&fixture.dir, &["user", "list"]));
    assert_error(&output, fixture.dir.to_str().unwrap(), "belongs to the user 0 (mode 0700)");
    assert!(!output.stderr.contains("master key"), "{output:?}");
}

#[test]
fn every_file_that_is_read_is_named_with_what_is_wrong() {
    let fixture = Fixture::new(&["ada"]);
    let dir = fixture.path("dir");
    fs::create_dir(&dir).unwrap();
    let commands: [&[&str]; 8] = [
        &["user", "passwd", "ada", "--password-file"],
        &["user", "import"],
        &["key", "import"],
        &["key", "import", "--secret-file"],
        &["key", "rekey", "--new-master-key-file"],
        &["token", "verify", "eyJ", "--jwks"],
        &["token", "verify", "eyJ", "--secret-file"],
        &["restore", "--yes"],
    ];
    let missing = fixture.path("missing/file");
    for command in commands {
        let output = run(&in_dir(&fixture.dir, &[command, &[missing.as_str()]].concat()));
        assert_error(&output, "", &format!("{} does not exist", fixture.path("missing")));
        assert!(output.stderr.contains("missing"), "{command:?}: {output:?}");
        let output = run(&in_dir(&fixture.dir, &[command, &[dir.as_str()]].concat()));
        assert_ne!(output.status, 0, "{command:?}");
        assert!(output.stderr.contains(&dir) && output.stderr.contains("hint: "), "{command:?}: {output:?}");
    }
    for command in [
        &["init", "--answers", &missing][..],
        &["check", "--config", &missing],
        &["passwords", "build-filter", &missing, "x"],
        &["passwords", "check-filter", &missing],
    ] {
        let output = run(command);
        assert!(output.status != 0, "{command:?}: {output:?}");
        let text = output.stderr + &output.stdout;
        assert!(text.contains(&missing) && text.contains("hint: "), "{command:?}: {text}");
    }
}

#[test]
fn every_file_that_is_written_is_named_with_what_is_wrong() {
    let fixture = Fixture::new(&[]);
    let missing = fixture.path("missing/file");
    let answers = write_private(
        fixture.temp.path(),
        "answers",
        "issuer = \"https://a.example\"\nclients = [\"pages\"]\n",
    );
    let list = write_private(fixture.temp.path(), "list", "password\n");
    for command in [
        &["init", "--answers", &answers, "--out", &missing][..],
        &["passwords", "build-filter", &list, &missing, "--plain"],
    ] {
        let hint = format!("{} does not exist", fixture.path("missing"));
        assert_error(&run(command), &format!("cannot write {missing}"), &hint);
    }
}
