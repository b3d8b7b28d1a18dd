//! The Express application of `docs/express.md`, run by Node against a server.

use std::path::PathBuf;
use std::process::Command;

use crate::test_server::{PASSWORD, TestServer};

/// The folder with Node's packages. `None` if they are not installed: the test is skipped.
fn node_folder() -> Option<PathBuf> {
    let folder = std::env::var_os("COUNTERFOIL_INTEROP").map(|folder| PathBuf::from(folder).join("node"));
    let folder = folder.filter(|folder| folder.join("node_modules/express").exists());
    if folder.is_none() {
        counterfoil_test_support::skip("Express is not installed (cargo xtask test installs it)");
    }
    folder
}

#[tokio::test(flavor = "multi_thread")]
async fn the_express_application_logs_users_in_and_refuses_other_sites() {
    let Some(folder) = node_folder() else { return };
    let server =
        TestServer::with(|settings| settings.trusted_proxies = vec!["127.0.0.0/8".parse().unwrap()]).await;
    server.register("ada").await;

    let mut node = Command::new("node");
    node.args(["--import", "./webcrypto.mjs", "express-test.mjs", &server.origin, PASSWORD]);
    // The application calls the server of this process, so this thread must not block its tasks.
    let output = tokio::task::block_in_place(|| node.current_dir(folder).output().unwrap());

    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

#[test]
fn docs_express_md_contains_the_tested_code_verbatim() {
    let document = include_str!("../../../../docs/express.md");
    for code in [
        include_str!("node/express-app.mjs"),
        include_str!("node/express-tokens.mjs"),
        include_str!("node/express-sessions.mjs"),
        include_str!("node/express-relay.mjs"),
    ] {
        assert!(document.contains(code), "docs/express.md must contain this code:\n{code}");
    }
}
