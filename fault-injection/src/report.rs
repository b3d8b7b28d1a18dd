//! What came of a trial, beside what was aimed for.

use std::fmt;
use std::time::Duration;

use comfy_table::{Table, presets};
use serde::Serialize;

/// One criterion.
#[derive(Debug, Clone, Serialize)]
pub struct Row {
    /// What is judged.
    pub criterion: String,
    /// What it is to be.
    pub goal: String,
    /// What it is.
    pub reached: String,
    /// Whether that will do.
    pub met: bool,
}

/// All criteria of a trial.
///
/// ```
/// use counterfoil_fault_injection::report::Report;
///
/// let mut report = Report::of("kill");
/// report.row("rounds", "200", 200, true);
/// assert!(report.is_met());
/// ```
#[derive(Debug, Clone, Serialize)]
pub struct Report {
    /// The name of the trial.
    pub trial: String,
    /// What was judged.
    pub rows: Vec<Row>,
    /// What went wrong, as far as it can be told in words.
    pub faults: Vec<String>,
}

impl Report {
    /// An empty one.
    pub fn of(trial: &str) -> Self {
        Self { trial: trial.to_owned(), rows: Vec::new(), faults: Vec::new() }
    }

    /// Adds a criterion.
    pub fn row(&mut self, criterion: &str, goal: &str, reached: impl fmt::Display, met: bool) {
        let (criterion, goal, reached) = (criterion.to_owned(), goal.to_owned(), reached.to_string());
        self.rows.push(Row { criterion, goal, reached, met });
    }

    /// Adds a number that is told and not judged.
    pub fn note(&mut self, what: &str, reached: impl fmt::Display) {
        self.row(what, "", reached, true);
    }

    /// Takes up what went wrong; the criterion is that nothing did.
    pub fn faults(&mut self, criterion: &str, faults: Vec<String>) {
        self.row(criterion, "0", faults.len(), faults.is_empty());
        self.faults.extend(faults);
    }

    /// Whether every criterion is met.
    pub fn is_met(&self) -> bool {
        self.rows.iter().all(|row| row.met)
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut table = Table::new();
        table.load_style(presets::UTF8_FULL_CONDENSED);
        table.set_header([self.trial.as_str(), "goal", "reached", "met"]);
        for row in &self.rows {
            let met = if row.met { "yes" } else { "NO" };
            table.add_row([&row.criterion, &row.goal, &row.reached, met]);
        }
        write!(f, "{table}")?;
        for fault in self.faults.iter().take(20) {
            write!(f, "\n  {fault}")?;
        }
        match self.faults.len().saturating_sub(20) {
            0 => Ok(()),
            more => write!(f, "\n  and {more} more"),
        }
    }
}

/// Whoever runs a trial is told after each step that it is done.
pub type Tick<'a> = &'a dyn Fn();

/// Milliseconds, for people.
pub fn millis(span: Duration) -> String {
    format!("{:.1} ms", span.as_secs_f64() * 1e3)
}

/// Bytes, for people.
pub fn megabytes(bytes: u64) -> String {
    format!("{:.1} MB", bytes as f64 / 1e6)
}

/// The time that all but one in a hundred stay below.
pub fn p99(times: &mut [Duration]) -> Duration {
    times.sort_unstable();
    times.get(times.len() * 99 / 100).copied().unwrap_or_default()
}

/// The middle one.
pub fn median(times: &mut [Duration]) -> Duration {
    times.sort_unstable();
    times.get(times.len() / 2).copied().unwrap_or_default()
}
