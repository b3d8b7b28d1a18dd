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

/// A row of a table whose last column is `test`.
#[derive(Debug, PartialEq, Eq)]
struct Row {
    /// Its number, if it is one of [`ROWS`]: `7` of `R7`.
    number: Option<u16>,
    /// How messages name it: its id, or its line and its first words.
    label: String,
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
        println!("  {}: {}", row.label, gaps_of(&row.evidence).join("; "));
    }
    for violation in &violations {
        eprintln!("error: {violation}");
    }
    if !violations.is_empty() {
        bail!("{} errors in {MODEL}", violations.len());
    }
    Ok(())
}

/// The rows of all tables whose last column is `test`: `| R7 | what | where | test |`.
fn rows(text: &str) -> Vec<Row> {
    let mut rows = Vec::new();
    // Of the table that the line belongs to.
    let mut columns: Option<Vec<&str>> = None;
    for (at, line) in text.lines().enumerate() {
        let Some(cells) = cells(line) else {
            columns = None;
            continue;
        };
        let Some(columns) = &columns else {
            columns = Some(cells);
            continue;
        };
        let is_rule = cells.iter().all(|cell| cell.chars().all(|c| c == '-' || c == '|'));
        if columns.last() == Some(&"test") && !is_rule {
            rows.push(Row::new(at + 1, columns[0] == "row", &cells));
        }
    }
    rows
}

/// The cells of a line of a table.
fn cells(line: &str) -> Option<Vec<&str>> {
    let inner = line.strip_prefix('|')?.trim_end();
    Some(inner.strip_suffix('|').unwrap_or(inner).split(" | ").map(str::trim).collect())
}

impl Row {
    /// The row in this line, whose first cell is an id or a text.
    fn new(line: usize, has_id: bool, cells: &[&str]) -> Self {
        let first = cells.first().copied().unwrap_or_default();
        let label = match has_id {
            true => first.to_owned(),
            false => format!("line {line} ({}...)", first.chars().take(40).collect::<String>()),
        };
        let number = first.strip_prefix('R').filter(|_| has_id).and_then(|number| number.parse().ok());
        Self { number, label, evidence: cells.last().copied().unwrap_or_default().to_owned() }
    }
}

/// The expected rows that are missing, and the rows that are repeated.
fn missing(rows: &[Row]) -> Vec<String> {
    let mut seen = BTreeMap::new();
    for number in rows.iter().filter_map(|row| row.number) {
        *seen.entry(number).or_insert(0) += 1;
    }
    let wanted = ROWS.into_iter().flatten();
    let mut violations: Vec<_> = wanted
        .filter(|number| !seen.contains_key(number))
        .map(|number| format!("R{number} is missing"))
        .collect();
    violations.extend(seen.iter().filter(|(_, times)| **times > 1).map(|(n, _)| format!("R{n} is repeated")));
    violations
}

/// The tests that a cell names: `path/file.rs::name` between backticks, the path below `crates` or the root; or a file of
/// JavaScript between backticks, and after it titles between quotes.
fn tests_in(cell: &str) -> BTreeSet<(String, String)> {
    let mut tests = BTreeSet::new();
    let (mut rest, mut script) = (cell, None);
    while let Some(start) = rest.find(['`', '"']) {
        let (quote, after) = rest[start..].split_at(1);
        // A title may contain a backtick, and a path no quote.
        let Some((text, after)) = after.split_once(quote) else { break };
        rest = after;
        match (quote, text.split_once("::")) {
            ("`", Some((file, name))) if file.contains('/') && file.ends_with(".rs") => {
                tests.insert((file.to_owned(), name.to_owned()));
            }
            ("`", _) => script = Some(text).filter(|file| file.ends_with(".test.mjs")),
            (_, _) => tests.extend(script.map(|file| (file.to_owned(), text.to_owned()))),
        }
    }
    tests
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
    let Row { label, evidence, .. } = row;
    let mut violations = Vec::new();
    for (file, name) in tests {
        match read(file) {
            None => violations.push(format!("{label}: {file} does not exist")),
            Some(text) if file.ends_with(".mjs") && text.contains(&format!("test(\"{name}\"")) => {}
            Some(text) if is_test(&text, name) || is_conformance_case(file, &text, name, read) => {}
            Some(_) => violations.push(format!("{label}: {file} has no test {name}")),
        }
    }
    let is_an_example = evidence.contains("compile_fail") || evidence.contains("every answer in");
    if tests.is_empty() && gaps_of(evidence).is_empty() && !is_an_example {
        violations.push(format!("{label} names neither a test nor what is missing"));
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
                        | R2 | another | - | not built: nothing |\n\n\
                        | row | vulnerability | test |\n|---|---|---|\n| V3 | a flaw | `a/b.rs::good` |\n\n\
                        | requirement | code | test |\n|---|---|---|\n| A fault (R1) ends \\| well | core | it is so |\n\
                        No table.\n\
                        | attacker | has |\n|---|---|\n| **User** | a browser |\n";
    const FILE: &str = "#[test]\nfn good() {}\n\n#[tokio::test(flavor = \"multi_thread\")]\n// Why.\n\
                        async fn asynchronous() {}\n\nfn helper() {}\n";

    fn read(file: &str) -> Option<String> {
        match file {
            "a/b.rs" => Some(FILE.to_owned()),
            "a/c.test.mjs" => Some("test(\"one; two `three`\", async () => {\n".to_owned()),
            CONFORMANCE => Some("    sessions {\n        a_case,\n    }\n".to_owned()),
            "core/src/store/conformance/sessions.rs" => {
                Some("pub(super) async fn a_case(s) {}\nasync fn unlisted(s) {}\n".to_owned())
            }
            _ => None,
        }
    }

    fn violations(evidence: &str) -> Vec<String> {
        let row = Row { number: Some(7), label: "R7".to_owned(), evidence: evidence.to_owned() };
        check(&row, &tests_in(evidence), &read)
    }

    #[test]
    fn rows_are_read_with_their_tests() {
        let rows = rows(TEXT);

        let labels: Vec<_> = rows.iter().map(|row| (row.number, row.label.as_str())).collect();
        let text = "line 12 (A fault (R1) ends \\| well...)";
        assert_eq!(labels, [(Some(1), "R1"), (Some(2), "R2"), (None, "V3"), (None, text)]);
        assert_eq!(tests_in(&rows[0].evidence).len(), 2);
        assert_eq!(gaps_of(&rows[0].evidence), ["open: more of it"]);
        assert_eq!(gaps_of(&rows[1].evidence), ["not built: nothing"]);
    }

    #[test]
    fn a_row_names_existing_tests_or_what_is_missing() {
        for good in [
            "`a/b.rs::good`; `a/b.rs::asynchronous`",
            "open: all of it",
            "the `compile_fail` example",
            "`a/c.test.mjs`: \"one; two `three`\"; `a/b.rs::good`",
        ] {
            assert!(violations(good).is_empty(), "{good}");
        }
        for bad in [
            "`a/b.rs::gone`",
            "`a/b.rs::helper`",
            "`a/c.rs::good`",
            "`a/c.test.mjs`: \"one\"",
            "`a/c.test.mjs`: \"one; two `three`\"; \"four\"",
            "`a/d.test.mjs`: \"one; two `three`\"",
            "`a/c.test.mjs`",
            "it is so",
            "",
        ] {
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
        let row = |number: &u16| Row {
            number: Some(*number),
            label: format!("R{number}"),
            evidence: String::new(),
        };
        assert!(missing(&all.iter().map(row).collect::<Vec<_>>()).is_empty());
        let without_last = all[..all.len() - 1].iter().map(row).chain([row(&1)]).collect::<Vec<_>>();

        assert_eq!(missing(&without_last), ["R188 is missing", "R1 is repeated"]);
    }
}
