//! `cargo xtask threat-model-check`: every test that the threat model names exists, and no row is missing.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::ops::RangeInclusive;
use std::path::Path;

use anyhow::{Context, Result, bail};

use crate::workspace;

/// The table, below the root.
const MODEL: &str = "docs/threat-model.md";

/// The list of the conformance cases that every store passes, below `crates`.
const CONFORMANCE: &str = "core/src/store/conformance/mod.rs";

/// The rows that core, store, HTTP and command line must satisfy.
const ROWS: [RangeInclusive<u16>; 15] = [
    1..=37,
    43..=45,
    47..=66,
    68..=69,
    71..=92,
    105..=107,
    109..=114,
    117..=125,
    127..=128,
    134..=135,
    138..=138,
    151..=157,
    160..=161,
    166..=170,
    181..=188,
];

/// The words by which the last column says that something is missing.
const GAPS: [&str; 3] = ["open", "not built", "none"];

/// A row of the table.
#[derive(Debug, PartialEq, Eq)]
struct Row {
    number: u16,
    /// The last column: the tests that show it.
    evidence: String,
}

/// Reads the table and prints what is open.
///
/// # Errors
///
/// If a row names a test that does not exist, or a row is missing.
pub(crate) fn run() -> Result<()> {
    let root = workspace::root();
    let text = fs::read_to_string(root.join(MODEL)).with_context(|| format!("cannot read {MODEL}"))?;
    let rows = rows(&text);
    let mut violations = missing(&rows);
    let mut named = 0;
    for row in &rows {
        let tests = tests_in(&row.evidence);
        named += tests.len();
        let read = |folder: &str, file: &str| fs::read_to_string(root.join(folder).join(file)).ok();
        // Below `crates`, or below the root for xtask and the fault-injection crate.
        violations.extend(check(row, &tests, &|file| read("crates", file).or_else(|| read("", file))));
    }
    let gaps: Vec<_> = rows.iter().filter(|row| !gaps_of(&row.evidence).is_empty()).collect();
    println!("{} rows name {named} tests; {} of them are incomplete:", rows.len(), gaps.len());
    for row in gaps {
        println!("  R{}: {}", row.number, gaps_of(&row.evidence).join("; "));
    }
    for violation in &violations {
        eprintln!("error: {violation}");
    }
    if !violations.is_empty() {
        bail!("{} errors in {MODEL}", violations.len());
    }
    Ok(())
}

/// The rows of all tables: `| R7 | what | where | test |`.
fn rows(text: &str) -> Vec<Row> {
    let row = |line: &str| {
        let cells: Vec<&str> = line.strip_prefix("| R")?.trim_end().strip_suffix('|')?.split(" | ").collect();
        let [number, .., evidence] = &cells[..] else { return None };
        Some(Row { number: number.parse().ok()?, evidence: evidence.trim().to_owned() })
    };
    text.lines().filter_map(row).collect()
}

/// The expected rows that are missing, and the rows that are repeated.
fn missing(rows: &[Row]) -> Vec<String> {
    let mut seen = BTreeMap::new();
    for row in rows {
        *seen.entry(row.number).or_insert(0) += 1;
    }
    let wanted = ROWS.into_iter().flatten();
    let mut violations: Vec<_> = wanted
        .filter(|number| !seen.contains_key(number))
        .map(|number| format!("R{number} is missing"))
        .collect();
    violations.extend(seen.iter().filter(|(_, times)| **times > 1).map(|(n, _)| format!("R{n} is repeated")));
    violations
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

/// What a cell names as missing, each gap with its reason.
fn gaps_of(cell: &str) -> Vec<&str> {
    let parts = cell.split("; ").map(str::trim);
    parts.filter(|part| GAPS.iter().any(|gap| part.starts_with(gap) || part.contains(": open"))).collect()
}

/// What is wrong with a row: it names a test that does not exist, or neither a test nor what is missing.
fn check(
    row: &Row,
    tests: &BTreeSet<(String, String)>,
    read: &impl Fn(&str) -> Option<String>,
) -> Vec<String> {
    let Row { number, evidence } = row;
    let mut violations = Vec::new();
    for (file, name) in tests {
        match read(file) {
            None => violations.push(format!("R{number}: {file} does not exist")),
            Some(text) if is_test(&text, name) || is_conformance_case(file, &text, name, read) => {}
            Some(_) => violations.push(format!("R{number}: {file} has no test {name}")),
        }
    }
    let is_an_example = evidence.contains("compile_fail") || evidence.contains("every answer in");
    if tests.is_empty() && gaps_of(evidence).is_empty() && !is_an_example {
        violations.push(format!("R{number} names neither a test nor what is missing"));
    }
    violations
}

/// Whether `text` has a function of this name with the attribute of a test.
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

/// Whether `name` is a conformance case of stores: it exists and is in the list.
fn is_conformance_case(file: &str, text: &str, name: &str, read: &impl Fn(&str) -> Option<String>) -> bool {
    Path::new(CONFORMANCE).parent().is_some_and(|folder| Path::new(file).starts_with(folder))
        && text.contains(&format!("async fn {name}("))
        && read(CONFORMANCE).is_some_and(|cases| cases.contains(&format!("{name},")))
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
            CONFORMANCE => Some("    sessions {\n        a_case,\n    }\n".to_owned()),
            "core/src/store/conformance/sessions.rs" => {
                Some("pub(super) async fn a_case(s) {}\nasync fn unlisted(s) {}\n".to_owned())
            }
            _ => None,
        }
    }

    fn violations(evidence: &str) -> Vec<String> {
        let row = Row { number: 7, evidence: evidence.to_owned() };
        check(&row, &tests_in(evidence), &read)
    }

    #[test]
    fn rows_are_read_with_their_tests() {
        let rows = rows(TEXT);

        assert_eq!(rows.iter().map(|row| row.number).collect::<Vec<_>>(), [1, 2]);
        assert_eq!(tests_in(&rows[0].evidence).len(), 2);
        assert_eq!(gaps_of(&rows[0].evidence), ["open: more of it"]);
        assert_eq!(gaps_of(&rows[1].evidence), ["not built: nothing"]);
    }

    #[test]
    fn a_row_names_existing_tests_or_what_is_missing() {
        for good in
            ["`a/b.rs::good`; `a/b.rs::asynchronous`", "open: all of it", "the `compile_fail` example"]
        {
            assert!(violations(good).is_empty(), "{good}");
        }
        for bad in ["`a/b.rs::gone`", "`a/b.rs::helper`", "`a/c.rs::good`", "it is so", ""] {
            assert_eq!(violations(bad).len(), 1, "{bad}");
        }
    }

    #[test]
    fn a_conformance_case_counts_if_the_list_names_it() {
        assert!(violations("`core/src/store/conformance/sessions.rs::a_case`").is_empty());
        assert_eq!(violations("`core/src/store/conformance/sessions.rs::unlisted`").len(), 1);
    }

    #[test]
    fn a_missing_or_repeated_row_is_an_error() {
        let all: Vec<_> = ROWS.into_iter().flatten().collect();
        let row = |number: &u16| Row { number: *number, evidence: String::new() };
        assert!(missing(&all.iter().map(row).collect::<Vec<_>>()).is_empty());
        let without_last = all[..all.len() - 1].iter().map(row).chain([row(&1)]).collect::<Vec<_>>();

        assert_eq!(missing(&without_last), ["R188 is missing", "R1 is repeated"]);
    }
}
