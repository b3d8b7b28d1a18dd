//! The report of a scenario: each criterion with its goal and the measured value.

use std::fmt;
use std::time::Duration;

use comfy_table::{Table, presets};
use serde::Serialize;

/// One criterion, or one measurement without a goal.
#[derive(Debug, Clone, Serialize)]
pub struct Row {
    /// The name of what is measured.
    pub criterion: String,
    /// The value that is required; empty for a mere measurement.
    pub goal: String,
    /// The measured value.
    pub measured: String,
    /// Whether the measured value meets the goal.
    pub met: bool,
}

/// All criteria of a scenario.
///
/// ```
/// use counterfoil_fault_injection::report::Report;
///
/// let mut report = Report::new("kill");
/// report.add_criterion("iterations", "200", 200, true);
/// assert!(report.is_met());
/// ```
#[derive(Debug, Clone, Serialize)]
pub struct Report {
    /// The name of the scenario.
    pub scenario: String,
    /// The criteria and measurements, in the order of the table.
    pub rows: Vec<Row>,
    /// A description of each violation.
    pub violations: Vec<String>,
}

impl Report {
    /// An empty report.
    pub fn new(scenario: &str) -> Self {
        Self { scenario: scenario.to_owned(), rows: Vec::new(), violations: Vec::new() }
    }

    /// Adds a criterion with its goal.
    pub fn add_criterion(&mut self, criterion: &str, goal: &str, measured: impl fmt::Display, met: bool) {
        let (criterion, goal, measured) = (criterion.to_owned(), goal.to_owned(), measured.to_string());
        self.rows.push(Row { criterion, goal, measured, met });
    }

    /// Adds a measurement that has no goal.
    pub fn add_measurement(&mut self, name: &str, measured: impl fmt::Display) {
        self.add_criterion(name, "", measured, true);
    }

    /// Adds violations; the criterion is met if there are none.
    pub fn add_violations(&mut self, criterion: &str, violations: Vec<String>) {
        self.add_criterion(criterion, "0", violations.len(), violations.is_empty());
        self.violations.extend(violations);
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
        table.set_header([self.scenario.as_str(), "goal", "measured", "met"]);
        for row in &self.rows {
            let met = if row.met { "yes" } else { "NO" };
            table.add_row([&row.criterion, &row.goal, &row.measured, met]);
        }
        write!(f, "{table}")?;
        for violation in self.violations.iter().take(20) {
            write!(f, "\n  {violation}")?;
        }
        match self.violations.len().saturating_sub(20) {
            0 => Ok(()),
            more => write!(f, "\n  and {more} more"),
        }
    }
}

/// A callback that a scenario calls after each finished step.
pub type Progress<'a> = &'a dyn Fn();

/// The duration in milliseconds, with one decimal.
pub fn format_millis(duration: Duration) -> String {
    format!("{:.1} ms", duration.as_secs_f64() * 1e3)
}

/// The size in megabytes (10⁶ bytes), with one decimal.
pub fn format_megabytes(bytes: u64) -> String {
    format!("{:.1} MB", bytes as f64 / 1e6)
}

/// The 99th percentile; zero without samples. Sorts `samples`.
pub fn percentile_99(samples: &mut [Duration]) -> Duration {
    samples.sort_unstable();
    samples.get(samples.len() * 99 / 100).copied().unwrap_or_default()
}

/// The median; zero without samples. Sorts `samples`.
pub fn median(samples: &mut [Duration]) -> Duration {
    samples.sort_unstable();
    samples.get(samples.len() / 2).copied().unwrap_or_default()
}
