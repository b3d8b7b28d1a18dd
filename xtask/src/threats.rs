//! Whether the threat model tells the truth: each test that it names is there, and no row is missing.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::ops::RangeInclusive;
use std::path::Path;

use anyhow::{Context, Result, bail};

use crate::workspace;

/// The table, below the root.
const MODEL: &str = "docs/threat-model.md";

/// The list of the laws that every store is held to, below `crates`.
const LAWS: &str = "core/src/store/conformance.rs";

/// The rows that engine, store, HTTP and command line have to satisfy.
const ROWS: [RangeInclusive<u16>; 14] = [
    1..=37,
    43..=45,
    47..=66,
    68..=69,
    71..=92,
    105..=107,
    109..=114,
    117..=125,
    127..=128,
    138..=138,
    151..=157,
    160..=161,
    166..=170,
    181..=188,
];

/// What stands in the last column where something is not there yet.
const GAPS: [&str; 3] = ["open", "not built", "none"];

/// A row of the table.
#[derive(Debug, PartialEq, Eq)]
struct Row {
    number: u16,
    /// What shows it: the last column.
    shown_by: String,
}

/// Reads the table, says what is still open, and fails where it names what is not there.
pub(crate) fn run() -> Result<()> {
    let root = workspace::root();
    let text = fs::read_to_string(root.join(MODEL)).with_context(|| format!("cannot read {MODEL}"))?;
    let rows = rows(&text);
    let mut faults = missing(&rows);
    let mut named = 0;
    for row in &rows {
        let tests = tests_in(&row.shown_by);
        named += tests.len();
        let read = |folder: &str, file: &str| fs::read_to_string(root.join(folder).join(file)).ok();
        // Below the crates, or below the root: what the project does with itself is tested too.
        faults.extend(judge(row, &tests, &|file| read("crates", file).or_else(|| read("", file))));
    }
    let gaps: Vec<_> = rows.iter().filter(|row| !gaps_of(&row.shown_by).is_empty()).collect();
    println!("{} rows name {named} tests; {} of them say what is missing:", rows.len(), gaps.len());
    for row in gaps {
        println!("  R{}: {}", row.number, gaps_of(&row.shown_by).join("; "));
    }
    for fault in &faults {
        eprintln!("error: {fault}");
    }
    if !faults.is_empty() {
        bail!("{} faults in {MODEL}", faults.len());
    }
    Ok(())
}

/// The rows of all tables: `| R7 | what | where | test |`.
fn rows(text: &str) -> Vec<Row> {
    let row = |line: &str| {
        let cells: Vec<&str> = line.strip_prefix("| R")?.trim_end().strip_suffix('|')?.split(" | ").collect();
        let [number, .., shown_by] = &cells[..] else { return None };
        Some(Row { number: number.parse().ok()?, shown_by: shown_by.trim().to_owned() })
    };
    text.lines().filter_map(row).collect()
}

/// Rows that are to be there and are not, and those that stand twice.
fn missing(rows: &[Row]) -> Vec<String> {
    let mut seen = BTreeMap::new();
    for row in rows {
        *seen.entry(row.number).or_insert(0) += 1;
    }
    let wanted = ROWS.into_iter().flatten();
    let mut faults: Vec<_> = wanted
        .filter(|number| !seen.contains_key(number))
        .map(|number| format!("R{number} is missing"))
        .collect();
    faults.extend(seen.iter().filter(|(_, times)| **times > 1).map(|(n, _)| format!("R{n} stands twice")));
    faults
}

/// The tests that a cell names: `path/file.rs::name` between backticks, the path below `crates` or the root.
fn tests_in(cell: &str) -> BTreeSet<(String, String)> {
    let quoted = cell.split('`').skip(1).step_by(2);
    let test = |text: &str| {
        let (file, name) = text.split_once("::")?;
        let is_file = file.contains('/') && file.ends_with(".rs");
        is_file.then(|| (file.to_owned(), name.to_owned()))
    };
    quoted.filter_map(test).collect()
}

/// What a cell says to be missing, each gap with its reason.
fn gaps_of(cell: &str) -> Vec<&str> {
    let parts = cell.split("; ").map(str::trim);
    parts.filter(|part| GAPS.iter().any(|gap| part.starts_with(gap) || part.contains(": open"))).collect()
}

/// What is wrong with a row: it names a test that is not there, or neither a test nor what is missing.
fn judge(
    row: &Row,
    tests: &BTreeSet<(String, String)>,
    read: &impl Fn(&str) -> Option<String>,
) -> Vec<String> {
    let Row { number, shown_by } = row;
    let mut faults = Vec::new();
    for (file, name) in tests {
        match read(file) {
            None => faults.push(format!("R{number}: there is no file {file}")),
            Some(text) if is_test(&text, name) || is_law(file, &text, name, read) => {}
            Some(_) => faults.push(format!("R{number}: {file} has no test {name}")),
        }
    }
    let is_an_example = shown_by.contains("compile_fail") || shown_by.contains("every answer in");
    if tests.is_empty() && gaps_of(shown_by).is_empty() && !is_an_example {
        faults.push(format!("R{number} names no test, and does not say what is missing"));
    }
    faults
}

/// Whether `text` has a function of this name that the test runner runs: an attribute says so.
fn is_test(text: &str, name: &str) -> bool {
    let lines: Vec<&str> = text.lines().map(str::trim).collect();
    let is_it = |line: &str| line.contains(&format!("fn {name}(")) || line.contains(&format!("fn {name}<"));
    let begins = lines.iter().enumerate().filter(|(_, line)| is_it(line)).map(|(at, _)| at);
    let attributes = |at: usize| {
        let above = lines[..at].iter().rev();
        above.take_while(|line| line.starts_with("#[") || line.starts_with("//")).any(|line| {
            let attribute = line.trim_start_matches("#[").trim_end_matches(']');
            attribute == "test" || attribute.starts_with("tokio::test")
        })
    };
    begins.into_iter().any(attributes)
}

/// Whether it is a law of stores that is tried: it is there, and stands in the list.
fn is_law(file: &str, text: &str, name: &str, read: &impl Fn(&str) -> Option<String>) -> bool {
    Path::new(file).starts_with(Path::new(LAWS).with_extension(""))
        && text.contains(&format!("async fn {name}("))
        && read(LAWS).is_some_and(|laws| laws.contains(&format!("{name},")))
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "| row | what | where | test |\n|---|---|---|---|\n\
                        | R1 | a thing | core | `a/b.rs::good`; `a/b.rs::asynchronous`; open: more of it |\n\
                        | R2 | another | - | not built: nothing |\n";
    const FILE: &str = "#[test]\nfn good() {}\n\n#[tokio::test(flavor = \"multi_thread\")]\n// Why.\n\
                        async fn asynchronous() {}\n\nfn helper() {}\n";

    fn read(file: &str) -> Option<String> {
        match file {
            "a/b.rs" => Some(FILE.to_owned()),
            LAWS => Some("    sessions {\n        a_law,\n    }\n".to_owned()),
            "core/src/store/conformance/sessions.rs" => {
                Some("pub(super) async fn a_law(s) {}\nasync fn no_law(s) {}\n".to_owned())
            }
            _ => None,
        }
    }

    fn faults(shown_by: &str) -> Vec<String> {
        let row = Row { number: 7, shown_by: shown_by.to_owned() };
        judge(&row, &tests_in(shown_by), &read)
    }

    #[test]
    fn rows_are_read_with_what_shows_them() {
        let rows = rows(TEXT);

        assert_eq!(rows.iter().map(|row| row.number).collect::<Vec<_>>(), [1, 2]);
        assert_eq!(tests_in(&rows[0].shown_by).len(), 2);
        assert_eq!(gaps_of(&rows[0].shown_by), ["open: more of it"]);
        assert_eq!(gaps_of(&rows[1].shown_by), ["not built: nothing"]);
    }

    #[test]
    fn a_row_names_tests_that_run_or_says_what_is_missing() {
        for good in
            ["`a/b.rs::good`; `a/b.rs::asynchronous`", "open: all of it", "the `compile_fail` example"]
        {
            assert!(faults(good).is_empty(), "{good}");
        }
        for bad in ["`a/b.rs::gone`", "`a/b.rs::helper`", "`a/c.rs::good`", "it is so", ""] {
            assert_eq!(faults(bad).len(), 1, "{bad}");
        }
    }

    #[test]
    fn a_law_counts_if_it_is_tried() {
        assert!(faults("`core/src/store/conformance/sessions.rs::a_law`").is_empty());
        assert_eq!(faults("`core/src/store/conformance/sessions.rs::no_law`").len(), 1);
    }

    #[test]
    fn a_row_that_is_missing_or_stands_twice_is_told() {
        let all: Vec<_> = ROWS.into_iter().flatten().collect();
        let row = |number: &u16| Row { number: *number, shown_by: String::new() };
        assert!(missing(&all.iter().map(row).collect::<Vec<_>>()).is_empty());
        let without_last = all[..all.len() - 1].iter().map(row).chain([row(&1)]).collect::<Vec<_>>();

        assert_eq!(missing(&without_last), ["R188 is missing", "R1 stands twice"]);
    }
}
