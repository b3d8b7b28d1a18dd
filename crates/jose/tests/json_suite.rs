//! JSONTestSuite: what must be refused is, what must be read is, and nothing panics.

#![allow(clippy::unwrap_used, reason = "what a test can't prepare fails it")]

mod support;

use std::fs;
use std::path::Path;

use counterfoil_jose::json::{self, JsonFault, Limits, Value};

/// Valid JSON that we refuse on purpose: a name twice in one object.
const DUPLICATES: [&str; 2] = ["y_object_duplicated_key.json", "y_object_duplicated_key_and_value.json"];

fn cases(folder: &Path) -> Vec<(String, Vec<u8>)> {
    let entries = fs::read_dir(folder.join("json/test_parsing")).unwrap();
    let case =
        |path: &Path| (path.file_name().unwrap().to_str().unwrap().to_owned(), fs::read(path).unwrap());
    entries.map(|entry| case(&entry.unwrap().path())).collect()
}

#[test]
fn json_test_suite() {
    let Some(folder) = support::vectors("json_test_suite") else { return };
    let (mut accepted, mut refused, mut either) = (0, 0, 0);
    for (name, text) in cases(&folder) {
        let read = json::value(&text, &Limits::default());
        match name.as_bytes()[0] {
            b'y' if DUPLICATES.contains(&name.as_str()) => {
                assert_eq!(read.unwrap_err().fault(), JsonFault::DuplicateMember, "{name}");
                refused += 1;
            }
            b'y' => {
                assert!(read.is_ok(), "{name}: {read:?}");
                accepted += 1;
            }
            b'n' => {
                assert!(read.is_err_and(|error| error.is_syntax()), "{name}");
                refused += 1;
            }
            _ => either += 1,
        }
    }
    println!("json_test_suite: {accepted} accepted, {refused} refused, {either} either way");
    assert_eq!((accepted, refused, either), (93, 190, 35));
}

#[test]
fn what_is_accepted_is_read_as_everybody_reads_it() {
    let Some(folder) = support::vectors("what_is_accepted_is_read_as_everybody_reads_it") else { return };
    let mut compared = 0;
    for (name, text) in cases(&folder) {
        if let Ok(value) = json::value(&text, &Limits::default()) {
            assert_eq!(value, serde_json::from_slice::<Value>(&text).unwrap(), "{name}");
            compared += 1;
        }
    }
    println!("what_is_accepted_is_read_as_everybody_reads_it: {compared}");
}
