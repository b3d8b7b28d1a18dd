//! The model of a report, as its JSON schema describes it.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::measure::plan::Profile;
use crate::statistics::interval::Interval;
use crate::statistics::quantiles::Quantiles;

/// A report: what was measured, how, and on which machine.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Report {
    /// The format.
    pub schema: SchemaId,
    /// When the run ended, in Unix seconds.
    pub made_at: i64,
    /// How long the run took.
    pub seconds: f64,
    /// The program.
    pub tool: Tool,
    /// The machine.
    pub machine: Machine,
    /// How it was measured.
    pub method: Method,
    /// The figures.
    pub figures: Vec<Figure>,
    /// The rows of the comparison, each answered by figures.
    pub table: Vec<TableRow>,
}

/// The format of a report.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum SchemaId {
    /// The first one.
    #[serde(rename = "counterfoil/lab-report/1")]
    V1,
}

/// The program that made a report.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Tool {
    /// Its version.
    pub version: String,
    /// The commit, if the build knows it.
    pub commit: Option<String>,
    /// How long was measured.
    pub profile: Profile,
    /// The build profile: `debug`, `release`, `dist`.
    pub build: String,
}

/// The machine of a report.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Machine {
    /// The distribution.
    pub os: String,
    /// The version of the kernel.
    pub kernel: String,
    /// The processor.
    pub cpu: String,
    /// The number of cores.
    pub cores: u64,
    /// The memory.
    pub memory_bytes: u64,
    /// Whether server and client had a core each.
    pub pinned: bool,
    /// The load of the machine before the run: the average of a minute.
    pub load: f64,
}

/// How a report was measured.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Method {
    /// The seed of the orders and of the intervals.
    pub seed: u64,
    /// The number of rounds.
    pub rounds: u64,
    /// How many of them were disturbed: the client was the limit, or other processes used more than a tenth of a core.
    pub rounds_disturbed: u64,
    /// How long each row was measured in a round.
    pub row_seconds: f64,
    /// The number of connections.
    pub connections: u64,
    /// The number of credentials of each mode that are presented in turn.
    pub credentials: u64,
    /// The requests a second of the open loop; 0 if it did not run.
    pub open_loop_rate: f64,
    /// The kind of the intervals.
    pub interval: IntervalKind,
    /// The number of samples of the bootstrap.
    pub resamples: u64,
    /// The signature algorithm of the tokens.
    pub algorithm: String,
    /// The store.
    pub store: String,
    /// The bare handler beside itself: what no difference looks like.
    pub aa: Cell,
    /// Whether more than a third of the rounds were disturbed.
    pub too_busy: bool,
}

/// The kind of an interval.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum IntervalKind {
    /// 95 %, by bootstrap of the rounds.
    #[serde(rename = "bootstrap-95")]
    Bootstrap95,
}

/// A column of the report.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Column {
    /// The handler without authentication.
    Bare,
    /// Mode `session`.
    Session,
    /// Mode `jwt`.
    Jwt,
    /// Mode `hybrid`.
    Hybrid,
    /// An Express application of the usual kind.
    Guide,
}

/// A figure.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Figure {
    /// Its name.
    pub id: String,
    /// Its unit.
    pub unit: Unit,
    /// Which values are better.
    pub better: Better,
    /// Where it comes from.
    pub how: Source,
    /// What it means, in words.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub note: String,
    /// The values.
    pub values: BTreeMap<Column, Cell>,
}

/// The unit of a figure.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Unit {
    /// A ratio to the bare handler within a round.
    Ratio,
    /// Microseconds.
    Us,
    /// Milliseconds.
    Ms,
    /// Seconds.
    S,
    /// Bytes.
    Bytes,
    /// A rate.
    PerS,
    /// A number.
    Count,
    /// HTTP statuses.
    Status,
    /// Yes or no.
    YesNo,
}

/// Which values are better.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Better {
    /// Lower ones.
    Lower,
    /// Higher ones.
    Higher,
    /// It depends on what is wanted.
    None,
}

/// Where a figure comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Source {
    /// Measured in this run.
    Measured,
    /// Measured on a clock that the lab moves.
    LabClock,
    /// Computed from what this run measured or was configured with.
    Derived,
    /// Known, not measured.
    Stated,
}

/// A value.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Cell {
    /// The value; a median, if it was measured several times.
    pub value: CellValue,
    /// The lower end of its interval.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub low: Option<f64>,
    /// The upper end of its interval.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub high: Option<f64>,
    /// How often it was measured.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub n: Option<u64>,
    /// The median of all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub p50: Option<f64>,
    /// The 99th percentile.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub p99: Option<f64>,
    /// The 99.9th percentile.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub p999: Option<f64>,
    /// How many requests that began after the answer to a logout were accepted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub accepted_after: Option<u64>,
    /// Whether the bare handler differs from itself as much.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub no_difference: Option<bool>,
}

/// The value of a cell.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum CellValue {
    /// A number.
    Number(f64),
    /// Yes or no.
    YesNo(bool),
    /// Words.
    Text(String),
    /// No value: it does not apply.
    #[default]
    Nothing,
}

/// A row of the comparison.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TableRow {
    /// The feature.
    pub row: Row,
    /// The figures that answer it; the first one is shown.
    pub figures: Vec<String>,
    /// The answer in a sentence.
    pub says: String,
}

/// A feature that sessions and JWTs are usually compared by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Row {
    /// Where the state is stored.
    Storage,
    /// What more requests and more services cost.
    Scalability,
    /// What a stolen credential is worth.
    Security,
    /// How soon a logout has an effect.
    Revocation,
    /// How much each request carries.
    PayloadSize,
    /// Whether other services can check a credential.
    CrossDomain,
    /// What works without the server that has the state.
    State,
}

impl Figure {
    /// A figure without values.
    pub(crate) fn new(id: &str, unit: Unit, better: Better, note: &str) -> Self {
        let (id, note) = (id.to_owned(), note.to_owned());
        Self { id, unit, better, how: Source::Measured, note, values: BTreeMap::new() }
    }

    /// Says where it comes from, if it was not measured.
    pub(crate) fn how(self, how: Source) -> Self {
        Self { how, ..self }
    }

    /// Adds a value.
    pub(crate) fn with(mut self, column: Column, cell: Cell) -> Self {
        self.values.insert(column, cell);
        self
    }
}

impl Report {
    /// The figure with this name.
    #[must_use]
    pub fn figure(&self, id: &str) -> Option<&Figure> {
        self.figures.iter().find(|figure| figure.id == id)
    }
}

impl Cell {
    /// An exact number.
    pub(crate) fn number(value: f64) -> Self {
        Self { value: CellValue::Number(significant(value)), ..Self::default() }
    }

    /// An exact number of bytes or of something else.
    pub(crate) fn count(value: usize) -> Self {
        Self { value: CellValue::Number(value as f64), ..Self::default() }
    }

    /// Yes or no.
    pub(crate) fn yes_no(value: bool) -> Self {
        Self { value: CellValue::YesNo(value), ..Self::default() }
    }

    /// Words.
    pub(crate) fn text(value: &str) -> Self {
        Self { value: CellValue::Text(value.to_owned()), ..Self::default() }
    }

    /// A median over rounds.
    pub(crate) fn interval(interval: &Interval) -> Self {
        Self {
            low: Some(significant(interval.low)),
            high: Some(significant(interval.high)),
            n: Some(interval.n as u64),
            ..Self::number(interval.median)
        }
    }

    /// Quantiles, in units of so many microseconds. Three digits.
    pub(crate) fn quantiles(quantiles: &Quantiles, microseconds: f64) -> Self {
        let scaled = |value: f64| round(value / microseconds, 3);
        Self {
            value: CellValue::Number(scaled(quantiles.p50)),
            p50: Some(scaled(quantiles.p50)),
            p99: Some(scaled(quantiles.p99)),
            p999: Some(scaled(quantiles.p999)),
            n: Some(quantiles.n as u64),
            ..Self::default()
        }
    }

    /// The value, if it is a number.
    #[must_use]
    pub const fn as_number(&self) -> Option<f64> {
        match self.value {
            CellValue::Number(number) => Some(number),
            CellValue::YesNo(_) | CellValue::Text(_) | CellValue::Nothing => None,
        }
    }
}

/// Four digits: more would be noise.
fn significant(value: f64) -> f64 {
    round(value, 4)
}

/// Rounds to so many digits.
fn round(value: f64, digits: i32) -> f64 {
    if value == 0.0 || !value.is_finite() {
        return 0.0;
    }
    let exponent = digits - 1 - value.abs().log10().floor() as i32;
    match exponent >= 0 {
        true => (value * 10_f64.powi(exponent)).round() / 10_f64.powi(exponent),
        false => (value / 10_f64.powi(-exponent)).round() * 10_f64.powi(-exponent),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_rounded_to_their_digits() {
        assert_eq!(round(0.987_654, 4), 0.987_7);
        assert_eq!(round(123_456.0, 3), 123_000.0);
        assert_eq!(round(-12.345, 3), -12.3);
        assert_eq!(round(f64::NAN, 3), 0.0);
        assert_eq!(significant(99_999.9), 100_000.0);
    }

    #[test]
    fn a_value_that_does_not_apply_is_null() {
        let cell = Cell::default();
        assert_eq!(serde_json::to_string(&cell).unwrap(), r#"{"value":null}"#);
        assert_eq!(serde_json::from_str::<Cell>(r#"{"value":null}"#).unwrap(), cell);
        assert_eq!(serde_json::from_str::<Cell>(r#"{"value":true}"#).unwrap(), Cell::yes_no(true));
    }
}
