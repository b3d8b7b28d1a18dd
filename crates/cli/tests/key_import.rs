//! `counterfoil key import`: signing keys that were generated elsewhere.

#![allow(clippy::unwrap_used, reason = "what a test cannot prepare fails it")]

mod common;

use std::fs;
use std::io::Write as _;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use counterfoil_jose::{Algorithm, HmacKey, SigningKey, base64url};
use rustix::fs::{CWD, FileType, Mode, mknodat};
use rustix::process::Signal;
use serde_json::Value;

use crate::common::{CommandOutput, Server, counterfoil, in_dir, output_of, run, succeed};

/// A data directory with a store.
fn data_dir(temp: &Path) -> PathBuf {
    let dir = temp.join("data");
    assert!(Server::serve(&dir).stop(Signal::TERM).success());
    dir
}

/// Writes a file that only its owner can read.
fn write_private(dir: &Path, name: &str, text: &str) -> PathBuf {
    let file = dir.join(name);
    fs::write(&file, text).unwrap();
    fs::set_permissions(&file, fs::Permissions::from_mode(0o600)).unwrap();
    file
}

fn import(dir: &Path, file: &Path) -> CommandOutput {
    run(&in_dir(dir, &["key", "import", file.to_str().unwrap()]))
}

/// The ids of the keys in a state, the oldest first.
fn in_state(dir: &Path, state: &str) -> Vec<String> {
    let list: Value = serde_json::from_str(&succeed(dir, &["key", "list", "--json"])).unwrap();
    let keys = list["keys"].as_array().unwrap().iter().filter(|key| key["state"] == state);
    keys.map(|key| key["id"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn a_key_is_imported_as_the_next_one_with_and_without_a_server() {
    let temp = tempfile::tempdir().unwrap();
    let dir = data_dir(temp.path());
    let [by_pem, by_jwk] = [(); 2].map(|()| SigningKey::generate(Algorithm::Es256).unwrap());
    let pem = write_private(temp.path(), "key.pem", by_pem.to_private_pem().unwrap().expose());
    let jwk = write_private(temp.path(), "key.json", by_jwk.to_private_jwk().expose());

    let output = import(&dir, &pem);
    assert_eq!(output.status, 0, "{output:?}");
    assert!(
        output.stdout.starts_with(&format!("{} is the next key, and signs from ", by_pem.kid())),
        "{output:?}"
    );
    assert_eq!(in_state(&dir, "next"), [by_pem.kid()]);

    let server = Server::serve(&dir);
    let current = in_state(&dir, "current");
    let imported = succeed(&dir, &["key", "import", "--json", jwk.to_str().unwrap()]);
    let imported: Value = serde_json::from_str(&imported).unwrap();
    assert_eq!((&imported["id"], &imported["state"]), (&by_jwk.kid().into(), &"next".into()));
    assert_eq!((in_state(&dir, "next"), in_state(&dir, "current")), (vec![by_jwk.kid().to_owned()], current));
    let (_, public) = server.curl("/.well-known/jwks.json", &[]);
    let public = public["keys"].as_array().unwrap();
    assert!(public.iter().any(|key| key["kid"] == by_jwk.kid()), "the key is published at once");
    assert!(succeed(&dir, &["audit", "list", "--json"]).contains("key_imported"));
    succeed(&dir, &["key", "rotate", "--now"]);
    assert_eq!(in_state(&dir, "current"), [by_jwk.kid()]);
}

#[test]
fn a_key_that_cannot_be_imported_changes_nothing() {
    let temp = tempfile::tempdir().unwrap();
    let dir = data_dir(temp.path());
    let key = SigningKey::generate(Algorithm::Es256).unwrap();
    let other = SigningKey::generate(Algorithm::Ed25519).unwrap();
    let good = write_private(temp.path(), "good", key.to_private_pem().unwrap().expose());
    let other_algorithm = write_private(temp.path(), "foreign", other.to_private_jwk().expose());
    let malformed = write_private(temp.path(), "garbage", "no key");
    let open = write_private(temp.path(), "open", key.to_private_jwk().expose());
    fs::set_permissions(&open, fs::Permissions::from_mode(0o644)).unwrap();
    let pipe = temp.path().join("pipe");
    mknodat(CWD, &pipe, FileType::Fifo, Mode::RUSR | Mode::WUSR, 0).unwrap();
    let before = in_state(&dir, "next");

    for (file, reason) in [
        (&other_algorithm, "another algorithm"),
        (&malformed, "not one PEM block"),
        (&open, "can be read by other users (mode 644)"),
        (&temp.path().join("missing"), "cannot be read"),
        (&pipe, "not a regular file"),
    ] {
        let output = import(&dir, file);
        assert!(
            output.status == 1 && output.stderr.contains(reason) && output.stderr.contains("hint: "),
            "{output:?}"
        );
    }
    assert_eq!(in_state(&dir, "next"), before);

    assert_eq!(import(&dir, &good).status, 0);
    let again = import(&dir, &good);
    assert!(again.status == 1 && again.stderr.contains("already exists (next)"), "{again:?}");
}

#[test]
fn if_the_algorithm_cannot_be_switched_keys_for_the_present_one_are_imported() {
    for (present, configured) in [(Algorithm::Es256, "HS256"), (Algorithm::Hs256, "ES256")] {
        let temp = tempfile::tempdir().unwrap();
        let (dir, password) = (temp.path().join("data"), temp.path().join("password"));
        fs::write(&password, "correct horse battery staple").unwrap();
        let set_to = |algorithm: &str, arguments: &[&str]| {
            let mut command = counterfoil(&in_dir(&dir, arguments));
            output_of(command.env("COUNTERFOIL_ALGORITHM", algorithm).output().unwrap())
        };
        let add = ["user", "add", "ada", "--password-file", password.to_str().unwrap()];
        assert_eq!(set_to(present.as_str(), &add).status, 0);
        let key = SigningKey::generate(present).unwrap();
        let other = SigningKey::generate(configured.parse().unwrap()).unwrap();
        let file = write_private(temp.path(), "key", key.to_private_jwk().expose());
        let wrong = write_private(temp.path(), "other", other.to_private_jwk().expose());

        let refused = set_to(configured, &["key", "import", wrong.to_str().unwrap()]);
        let taken = set_to(configured, &["key", "import", file.to_str().unwrap()]);

        let hint = format!("hint: the next key must be for {present}");
        assert!(refused.status == 1 && refused.stderr.contains(&hint), "{refused:?}");
        assert!(taken.status == 0 && taken.stdout.starts_with(key.kid()), "{taken:?}");
    }
}

/// A secret as an application has it in `JWT_SECRET` verifies tokens after the move, with HMAC alone.
#[test]
fn a_shared_secret_is_imported_as_text_and_signs() {
    let temp = tempfile::tempdir().unwrap();
    let dir = temp.path().join("data");
    let hs256 = |arguments: &[&str], input: &[u8]| {
        let mut command = counterfoil(&in_dir(&dir, arguments));
        let piped = command.env("COUNTERFOIL_ALGORITHM", "HS256").stdin(Stdio::piped());
        let mut child = piped.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let _ = child.stdin.take().unwrap().write_all(input);
        output_of(child.wait_with_output().unwrap())
    };
    let secret = "a text that an application has in JWT_SECRET";
    assert_eq!(
        hs256(&["user", "add", "ada", "--password-file", "-"], b"correct horse battery staple").status,
        0
    );

    let short = hs256(&["key", "import", "--secret-file", "-"], b"supersecret\n");
    assert_eq!(short.status, 1, "{short:?}");
    assert!(short.stderr.contains("at least 32") && short.stderr.contains("hint: "), "{short:?}");
    let open = temp.path().join("open");
    fs::write(&open, secret).unwrap();
    fs::set_permissions(&open, fs::Permissions::from_mode(0o644)).unwrap();
    assert_eq!(hs256(&["key", "import", "--secret-file", open.to_str().unwrap()], b"").status, 1);
    let file = write_private(temp.path(), "secret", &format!("{secret}\n"));
    let imported = hs256(&["key", "import", "--secret-file", file.to_str().unwrap(), "--json"], b"");
    assert_eq!(imported.status, 0, "{imported:?}");
    assert!(imported.stderr.contains("warning: every service that verifies"), "{imported:?}");
    let again = hs256(&["key", "import", "--secret-file", "-"], secret.as_bytes());
    assert!(again.stderr.contains("already exists"), "the newline of the file is no part of it: {again:?}");

    assert_eq!(hs256(&["key", "rotate", "--now"], b"").status, 0);
    let minted = hs256(&["token", "mint", "--user", "ada"], b"").stdout;
    let token = minted.trim();
    let (signed, signature) = token.rsplit_once('.').unwrap();
    let key = HmacKey::new(secret.as_bytes());
    assert_eq!(base64url::encode(key.mac(&[signed.as_bytes()])), signature, "as jsonwebtoken computes it");
    let verified = hs256(&["token", "verify", token, "--secret-file", "-"], secret.as_bytes());
    assert_eq!(verified.status, 0, "{verified:?}");
}

#[test]
fn a_shared_secret_is_refused_where_tokens_have_public_keys() {
    let temp = tempfile::tempdir().unwrap();
    let dir = data_dir(temp.path());
    let file = write_private(temp.path(), "secret", &"s".repeat(40));

    let refused = run(&in_dir(&dir, &["key", "import", "--secret-file", file.to_str().unwrap()]));

    assert_eq!(refused.status, 1, "{refused:?}");
    assert!(refused.stderr.contains("signs with ES256") && refused.stderr.contains("HS256"), "{refused:?}");
}
