//! The table of the README is the one of the report that is stored beside the documents.

#![allow(clippy::unwrap_used, reason = "what a test cannot prepare fails it")]

use std::path::Path;
use std::{env, fs};

use counterfoil_lab::{markdown, read};

const BEGIN: &str = "<!-- table of docs/compare/report.json: written by a test -->\n";
const END: &str = "<!-- end of the table -->\n";

#[test]
fn the_readme_shows_the_stored_report() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let report = read(&fs::read_to_string(root.join("docs/compare/report.json")).unwrap()).unwrap();
    let readme = fs::read_to_string(root.join("README.md")).unwrap();
    let (before, rest) = readme.split_once(BEGIN).expect("the README has the table");
    let (shown, after) = rest.split_once(END).expect("the table has an end");
    let table = markdown::table(&report);

    if env::var_os("COUNTERFOIL_WRITE_DOCS").is_some() {
        fs::write(root.join("README.md"), format!("{before}{BEGIN}{table}{END}{after}")).unwrap();
        return;
    }
    assert_eq!(
        shown, table,
        "COUNTERFOIL_WRITE_DOCS=1 cargo test -p counterfoil-lab writes the table of the README"
    );
    assert_eq!(report.table.len(), 7, "every row is answered");
}
