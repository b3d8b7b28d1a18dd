//! Signing keys that were made elsewhere, under the real binary.

#![allow(clippy::unwrap_used, reason = "what a test cannot prepare fails it")]

mod common;

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use counterfoil_jose::{Algorithm, SigningKey};
use rustix::fs::{CWD, FileType, Mode, mknodat};
use rustix::process::Signal;
use serde_json::Value;

use crate::common::{Said, Server, counterfoil, in_dir, run, said, succeed};

/// A data directory with a store.
fn data_dir(place: &Path) -> PathBuf {
    let dir = place.join("data");
    assert!(Server::serve(&dir).stop(Signal::TERM).success());
    dir
}

/// A file that its owner alone can read.
fn keep(dir: &Path, name: &str, text: &str) -> PathBuf {
    let file = dir.join(name);
    fs::write(&file, text).unwrap();
    fs::set_permissions(&file, fs::Permissions::from_mode(0o600)).unwrap();
    file
}

fn import(dir: &Path, file: &Path) -> Said {
    run(&in_dir(dir, &["key", "import", file.to_str().unwrap()]))
}

/// The ids of the keys in a state, the oldest first.
fn in_state(dir: &Path, state: &str) -> Vec<String> {
    let list: Value = serde_json::from_str(&succeed(dir, &["key", "list", "--json"])).unwrap();
    let keys = list["keys"].as_array().unwrap().iter().filter(|key| key["state"] == state);
    keys.map(|key| key["id"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn a_key_comes_in_as_the_next_one_with_and_without_a_server() {
    let place = tempfile::tempdir().unwrap();
    let dir = data_dir(place.path());
    let [by_pem, by_jwk] = [(); 2].map(|()| SigningKey::generate(Algorithm::Es256).unwrap());
    let pem = keep(place.path(), "key.pem", by_pem.to_private_pem().unwrap().expose());
    let jwk = keep(place.path(), "key.json", by_jwk.to_private_jwk().expose());

    let said = import(&dir, &pem);
    assert_eq!(said.code, 0, "{said:?}");
    assert!(said.out.starts_with(&format!("{} is the next key, and signs from ", by_pem.kid())), "{said:?}");
    assert_eq!(in_state(&dir, "next"), [by_pem.kid()]);

    let server = Server::serve(&dir);
    let current = in_state(&dir, "current");
    let told = succeed(&dir, &["key", "import", "--json", jwk.to_str().unwrap()]);
    let told: Value = serde_json::from_str(&told).unwrap();
    assert_eq!((&told["id"], &told["state"]), (&by_jwk.kid().into(), &"next".into()));
    assert_eq!((in_state(&dir, "next"), in_state(&dir, "current")), (vec![by_jwk.kid().to_owned()], current));
    let (_, public) = server.curl("/.well-known/jwks.json", &[]);
    let public = public["keys"].as_array().unwrap();
    assert!(public.iter().any(|key| key["kid"] == by_jwk.kid()), "it is published at once");
    assert!(succeed(&dir, &["event", "list", "--json"]).contains("key_imported"));
    succeed(&dir, &["key", "rotate", "--now"]);
    assert_eq!(in_state(&dir, "current"), [by_jwk.kid()]);
}

#[test]
fn a_key_that_does_not_fit_changes_nothing() {
    let place = tempfile::tempdir().unwrap();
    let dir = data_dir(place.path());
    let key = SigningKey::generate(Algorithm::Es256).unwrap();
    let other = SigningKey::generate(Algorithm::Ed25519).unwrap();
    let good = keep(place.path(), "good", key.to_private_pem().unwrap().expose());
    let foreign = keep(place.path(), "foreign", other.to_private_jwk().expose());
    let garbage = keep(place.path(), "garbage", "no key");
    let open = keep(place.path(), "open", key.to_private_jwk().expose());
    fs::set_permissions(&open, fs::Permissions::from_mode(0o640)).unwrap();
    let pipe = place.path().join("pipe");
    mknodat(CWD, &pipe, FileType::Fifo, Mode::RUSR | Mode::WUSR, 0).unwrap();
    let before = in_state(&dir, "next");

    for (file, why) in [
        (&foreign, "another algorithm"),
        (&garbage, "not one PEM block"),
        (&open, "can be read by others (mode 640)"),
        (&place.path().join("missing"), "cannot be read"),
        (&pipe, "not a regular file"),
    ] {
        let said = import(&dir, file);
        assert!(said.code == 1 && said.err.contains(why) && said.err.contains("hint: "), "{said:?}");
    }
    assert_eq!(in_state(&dir, "next"), before);

    assert_eq!(import(&dir, &good).code, 0);
    let again = import(&dir, &good);
    assert!(again.code == 1 && again.err.contains("already exists (next)"), "{again:?}");
}

#[test]
fn where_no_rotation_leads_to_the_configured_algorithm_keys_for_the_present_one_come_in() {
    for (present, configured) in [(Algorithm::Es256, "HS256"), (Algorithm::Hs256, "ES256")] {
        let place = tempfile::tempdir().unwrap();
        let (dir, password) = (place.path().join("data"), place.path().join("password"));
        fs::write(&password, "correct horse battery staple").unwrap();
        let set_to = |algorithm: &str, arguments: &[&str]| {
            let mut command = counterfoil(&in_dir(&dir, arguments));
            said(command.env("COUNTERFOIL_ALGORITHM", algorithm).output().unwrap())
        };
        let add = ["user", "add", "ada", "--password-file", password.to_str().unwrap()];
        assert_eq!(set_to(present.as_str(), &add).code, 0);
        let key = SigningKey::generate(present).unwrap();
        let other = SigningKey::generate(configured.parse().unwrap()).unwrap();
        let file = keep(place.path(), "key", key.to_private_jwk().expose());
        let wrong = keep(place.path(), "other", other.to_private_jwk().expose());

        let refused = set_to(configured, &["key", "import", wrong.to_str().unwrap()]);
        let taken = set_to(configured, &["key", "import", file.to_str().unwrap()]);

        let hint = format!("hint: the next key is for {present}");
        assert!(refused.code == 1 && refused.err.contains(&hint), "{refused:?}");
        assert!(taken.code == 0 && taken.out.starts_with(key.kid()), "{taken:?}");
    }
}
