//! The rules that hold for all commands: they ask before what cannot be undone, print JSON, read standard input, and say
//! which path is wrong.

#![allow(clippy::unwrap_used, reason = "what a test cannot prepare fails it")]

#[path = "../common/mod.rs"]
mod common;

mod arguments;
mod confirmation;
mod init;
mod json_output;
mod pages_export;
mod path_errors;
mod rate_limits;
mod roles;
mod standard_input;

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::common::{Server, succeed};

const PASSWORD: &str = "correct horse battery staple";

/// A data directory with the users `names`.
struct Fixture {
    temp: TempDir,
    dir: PathBuf,
    password: String,
}

impl Fixture {
    fn new(names: &[&str]) -> Self {
        let temp = tempfile::tempdir().unwrap();
        let dir = temp.path().join("data");
        let password = write_private(temp.path(), "password", PASSWORD);
        let fixture = Self { temp, dir, password };
        for name in names {
            fixture.succeed(&["user", "add", name, "--password-file", &fixture.password]);
        }
        fixture
    }

    fn path(&self, name: &str) -> String {
        self.temp.path().join(name).to_str().unwrap().to_owned()
    }

    fn succeed(&self, arguments: &[&str]) -> String {
        succeed(&self.dir, arguments)
    }

    fn json(&self, arguments: &[&str]) -> Value {
        let text = self.succeed(&[arguments, &["--json"]].concat());
        serde_json::from_str(&text).unwrap_or_else(|_| panic!("{arguments:?}: {text}"))
    }
}

/// Writes a file for its owner alone; returns its path.
fn write_private(dir: &Path, name: &str, text: impl AsRef<[u8]>) -> String {
    let file = dir.join(name);
    fs::write(&file, text).unwrap();
    fs::set_permissions(&file, fs::Permissions::from_mode(0o600)).unwrap();
    file.to_str().unwrap().to_owned()
}

fn login(server: &Server, name: &str, password: &str) -> (u16, Value) {
    server.post("/v1/login", &json!({ "username": name, "password": password }))
}
