//! A report as a table in Markdown, for a document that shows figures of a run.

use std::fmt::Write as _;

use crate::report::model::Report;
use crate::report::rows;

/// The comparison of a report, with its conditions above it.
#[must_use]
pub fn table(report: &Report) -> String {
    let mut text = String::new();
    if let Some(warning) = rows::warning(report) {
        let _ = writeln!(text, "**Warning:** {}.\n", escape(&warning));
    }
    for line in rows::conditions(report) {
        let _ = writeln!(text, "{}", escape(&line));
    }
    text.push_str("\n| | usually said | session | JWT | hybrid | measured |\n|---|---|---|---|---|---|\n");
    for answer in rows::answers(report) {
        let [session, jwt, hybrid] = answer.values.map(|value| escape(&value));
        let (feature, usual, says) = (answer.feature, escape(&answer.usual), escape(&answer.says));
        let _ = writeln!(text, "| {feature} | {usual} | {session} | {jwt} | {hybrid} | {says} |");
    }
    text
}

/// Text in a cell.
fn escape(text: &str) -> String {
    text.replace('\\', "\\\\")
        .replace('|', "\\|")
        .replace('<', "&lt;")
        .replace('*', "\\*")
        .replace('_', "\\_")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cell_stays_one_cell() {
        assert_eq!(escape("a|b<c>_*"), "a\\|b&lt;c>\\_\\*");
    }
}
