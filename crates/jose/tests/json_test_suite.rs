//! JSONTestSuite: invalid texts are rejected, valid ones are accepted, and none causes a panic.

#![allow(clippy::unwrap_used, reason = "a failed setup fails the test")]

mod support;

use std::fs;
use std::path::Path;

use counterfoil_jose::json::{self, JsonErrorKind, JsonLimits, Value};

/// Valid JSON that is rejected on purpose: an object with duplicate members.
const DUPLICATES: [&str; 2] = ["y_object_duplicated_key.json", "y_object_duplicated_key_and_value.json"];

fn cases(folder: &Path) -> Vec<(String, Vec<u8>)> {
    let entries = fs::read_dir(folder.join("json/test_parsing")).unwrap();
    let case =
        |path: &Path| (path.file_name().unwrap().to_str().unwrap().to_owned(), fs::read(path).unwrap());
    entries.map(|entry| case(&entry.unwrap().path())).collect()
}

#[test]
fn json_test_suite() {
    let Some(folder) = support::vectors() else { return };
    let (mut accepted, mut rejected, mut either) = (0, 0, 0);
    for (name, text) in cases(&folder) {
        let result = json::parse_value(&text, &JsonLimits::default());
        match name.as_bytes()[0] {
            b'y' if DUPLICATES.contains(&name.as_str()) => {
                assert_eq!(result.unwrap_err().kind(), JsonErrorKind::DuplicateMember, "{name}");
                rejected += 1;
            }
            b'y' => {
                assert!(result.is_ok(), "{name}: {result:?}");
                accepted += 1;
            }
            b'n' => {
                assert!(result.is_err_and(|error| error.is_syntax()), "{name}");
                rejected += 1;
            }
            _ => either += 1,
        }
    }
    println!("json_test_suite: {accepted} accepted, {rejected} rejected, {either} implementation-defined");
    assert_eq!((accepted, rejected, either), (93, 190, 35));
}

#[test]
fn accepted_texts_have_the_same_value_as_in_serde_json() {
    let Some(folder) = support::vectors() else {
        return;
    };
    let mut compared = 0;
    for (name, text) in cases(&folder) {
        if let Ok(value) = json::parse_value(&text, &JsonLimits::default()) {
            assert_eq!(value, serde_json::from_slice::<Value>(&text).unwrap(), "{name}");
            compared += 1;
        }
    }
    println!("accepted_texts_have_the_same_value_as_in_serde_json: {compared}");
}
