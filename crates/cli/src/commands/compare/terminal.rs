//! A report as tables for a terminal.

use counterfoil_lab::{Report, rows};

use crate::error::CliError;
use crate::escape::escape_controls;
use crate::output::print_line;
use crate::table::{Column, print_table};

/// Prints the conditions, the figures, and the comparison with its sentences.
pub(super) fn print(report: &Report) -> Result<(), CliError> {
    if let Some(warning) = rows::warning(report) {
        print_line(&format!("WARNING: {}\n", escape_controls(&warning)))?;
    }
    for line in rows::conditions(report) {
        print_line(&escape_controls(&line))?;
    }
    print_line("")?;
    let columns = [
        Column::from("figure"),
        Column::from("bare").optional(2),
        Column::cut("session"),
        Column::cut("jwt"),
        Column::cut("hybrid"),
        Column::cut("what it is").optional(1),
    ];
    print_table(columns, rows::figures(report))?;
    let answers = rows::answers(report);
    if answers.is_empty() {
        return Ok(());
    }
    print_line("")?;
    let columns = [
        Column::from("feature"),
        Column::from("usually said").optional(1),
        Column::cut("session"),
        Column::cut("jwt"),
        Column::cut("hybrid"),
    ];
    let row = |answer: &rows::Answer| {
        let [session, jwt, hybrid] = answer.values.clone();
        [answer.feature.to_owned(), answer.usual.clone(), session, jwt, hybrid]
    };
    print_table(columns, answers.iter().map(row))?;
    print_line("")?;
    for answer in answers {
        print_line(&format!("{}: {}", answer.feature, escape_controls(&answer.says)))?;
    }
    Ok(())
}
