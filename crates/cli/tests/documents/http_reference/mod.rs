//! `docs/http-api.md`: made from the OpenAPI document and from answers of a server.

mod answer;
mod example_server;
mod examples;
mod ordered_json;
mod page;
#[path = "../../../../counterfoil/src/pages/reference/schema.rs"]
mod schema;

use std::path::Path;
use std::{env, fs};

use serde_json::Value;

use crate::common;
use crate::http_reference::example_server::ExampleServer;
use crate::http_reference::page::Page;

/// The page.
const DOCUMENT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/http-api.md");

#[test]
fn http_reference() {
    let dir = tempfile::tempdir().unwrap();
    let openapi: Value = serde_json::from_str(&common::run(&["openapi"]).stdout).unwrap();
    let server = ExampleServer::start(&dir.path().join("data"));

    let page = Page { openapi: &openapi }.text(&server.run(examples::all()));

    if env::var_os("COUNTERFOIL_WRITE_DOCS").is_some() {
        fs::write(DOCUMENT, &page).unwrap();
    }
    let written = fs::read_to_string(Path::new(DOCUMENT)).unwrap_or_default();
    let differing = written.lines().zip(page.lines()).find(|(written, made)| written != made);
    assert!(
        written == page,
        "docs/http-api.md is stale: COUNTERFOIL_WRITE_DOCS=1 cargo test -p counterfoil-cli http_reference writes it; \
         the first difference: {differing:?}"
    );
}
