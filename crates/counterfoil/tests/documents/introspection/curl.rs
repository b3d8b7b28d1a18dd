//! The commands of the page, in a shell.

use std::process::Command;

use serde_json::Value;
use tempfile::TempDir;

use crate::introspection::{Issuer, PAGE};
use crate::programs::output;
use crate::test_server::text;

/// The shell blocks of the page, but for the one that adds a key.
fn commands() -> Vec<&'static str> {
    let blocks = PAGE.split("```sh\n").skip(1).map(|rest| rest.split("```").next().unwrap());
    blocks.filter(|block| !block.contains("verifier add")).collect()
}

#[tokio::test]
async fn the_commands_of_the_page_introspect_and_revoke() {
    if Command::new("curl").arg("--version").output().is_err() {
        return counterfoil_test_support::skip("curl is not installed");
    }
    let issuer = Issuer::start().await;
    let token = text(&issuer.server.login("ada", "session").await, "session_token").to_owned();
    let folder = TempDir::new().unwrap();
    std::fs::write(folder.path().join("orders.key"), &issuer.key).unwrap();
    let [introspect, revoke] = commands()[..] else { panic!("{:?}", commands()) };
    let script = format!("{introspect}\necho\n{revoke}\n{introspect}");
    let mut shell = Command::new("sh");
    shell.args(["-euc", &issuer.fill_in(&script)]).current_dir(folder.path());
    shell.env("token", token).env("no_proxy", "*");

    let printed = output(shell).await;

    let lines: Vec<&str> = printed.lines().collect();
    let shown: Value =
        serde_json::from_str(PAGE.split("```json\n").nth(1).unwrap().split("```").next().unwrap()).unwrap();
    let answer: Value = serde_json::from_str(lines[0]).unwrap();
    let members = |value: &Value| value.as_object().unwrap().keys().cloned().collect::<Vec<_>>();
    assert_eq!(members(&answer), members(&shown), "the page shows every member");
    assert_eq!(lines[1..], ["200", r#"{"active":false}"#]);
}
