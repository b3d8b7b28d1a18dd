//! The rows of a report, for tables.

use crate::report::cell_text::{plain, value};
use crate::report::guide_table::{label, usual_answer};
use crate::report::model::{Column, Figure, Report, Row, Source};

/// A figure: its name, its values in the columns bare, session, JWT, hybrid and Express, and what it means.
#[must_use]
pub fn figures(report: &Report) -> Vec<[String; 7]> {
    let row = |figure: &Figure| {
        let columns = [Column::Bare, Column::Session, Column::Jwt, Column::Hybrid, Column::Guide];
        let [bare, session, jwt, hybrid, express] = columns.map(|column| value(figure, column));
        [figure.id.clone(), bare, session, jwt, hybrid, express, meaning(figure)]
    };
    report.figures.iter().map(row).collect()
}

/// Whether an Express application was measured, too.
#[must_use]
pub fn has_express(report: &Report) -> bool {
    report.figures.iter().any(|figure| figure.values.contains_key(&Column::Guide))
}

/// What a figure means, and where it comes from if it was not measured.
pub(crate) fn meaning(figure: &Figure) -> String {
    let origin = match figure.how {
        Source::Measured => "",
        Source::LabClock => " (on the clock of the lab)",
        Source::Derived => " (derived)",
        Source::Stated => " (stated, not measured)",
    };
    format!("{}{origin}", figure.note)
}

/// A row of the comparison.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// The feature.
    pub feature: &'static str,
    /// What is usually said of sessions and of JWTs.
    pub usual: String,
    /// The values of the first figure of the row, for session, JWT and hybrid.
    pub values: [String; 3],
    /// The answer in a sentence.
    pub says: String,
}

/// The rows of the comparison.
#[must_use]
pub fn answers(report: &Report) -> Vec<Answer> {
    let values = |id: Option<&String>| {
        let figure = id.and_then(|id| report.figure(id));
        [Column::Session, Column::Jwt, Column::Hybrid].map(|column| {
            let text = figure.map(|figure| value(figure, column)).unwrap_or_default();
            if text.is_empty() { "–".to_owned() } else { text }
        })
    };
    let answer = |row: Row, figures: &[String], says: &str| {
        let (sessions, jwt) = usual_answer(row);
        Answer {
            feature: label(row),
            usual: format!("{sessions} / {jwt}"),
            values: values(figures.first()),
            says: says.to_owned(),
        }
    };
    report.table.iter().map(|row| answer(row.row, &row.figures, &row.says)).collect()
}

/// The warning of a machine that was too busy to measure, if it was.
#[must_use]
pub fn warning(report: &Report) -> Option<String> {
    disturbance(report).map(|text| format!("this machine is too busy: {text}"))
}

/// How busy the machine was, if it was too busy.
pub(crate) fn disturbance(report: &Report) -> Option<String> {
    let method = &report.method;
    method.too_busy.then(|| {
        format!(
            "{} of {} rounds were disturbed by other processes or limited by the client, so rates and \
             times say little",
            method.rounds_disturbed, method.rounds
        )
    })
}

/// On which machine and how the report was made, one sentence a line.
#[must_use]
pub fn conditions(report: &Report) -> Vec<String> {
    let (machine, method, tool) = (&report.machine, &report.method, &report.tool);
    let memory = plain((machine.memory_bytes as f64 / f64::from(1 << 30)).round());
    let cores = if machine.cores == 1 { "1 core".to_owned() } else { format!("{} cores", machine.cores) };
    let placement = match machine.pinned {
        true => "the server on one core and the client on another",
        false => "server and client share their cores, which the ratios to the bare handler contain",
    };
    let mut lines = vec![
        format!(
            "{}, {cores}, {memory} GiB, {}, Linux {}; {placement}.",
            machine.cpu, machine.os, machine.kernel
        ),
        format!(
            "Counterfoil {}, build profile {}; {}, {}; load before the run {}.",
            tool.version, tool.build, method.algorithm, method.store, machine.load
        ),
    ];
    if method.rounds > 0 {
        lines.push(format!(
            "{} rounds of {} s for each row, {} connections, {} credentials of each mode in turn, seed {}; {} rounds disturbed. \
             Ratios are medians over the rounds with their 95 % intervals; the bare handler beside itself: {}.",
            method.rounds,
            plain(method.row_seconds),
            method.connections,
            plain(method.credentials as f64),
            method.seed,
            method.rounds_disturbed,
            crate::report::cell_text::text(crate::report::model::Unit::Ratio, &method.aa),
        ));
    }
    lines
}
