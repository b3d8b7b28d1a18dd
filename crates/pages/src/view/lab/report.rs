//! The report of a measurement.

use serde::Serialize;

use crate::moment::Moment;
use crate::view::View;
use crate::view::lab::{LifePlot, RangePlot};

/// A row of the usual comparison, answered by figures.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ReportAnswer {
    /// The feature.
    pub feature: String,
    /// What is usually said of sessions and of JWTs.
    pub usual: String,
    /// The values of session, JWT and hybrid.
    pub values: [String; 3],
    /// The answer in a sentence.
    pub says: String,
}

/// The quantiles of the response times of a column.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct QuantileRow {
    /// What was measured.
    pub label: String,
    /// The median, the 99th and the 99.9th percentile.
    pub values: [String; 3],
}

/// A figure.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct FigureRow {
    /// Its name.
    pub id: String,
    /// The values of the bare handler, session, JWT and hybrid.
    pub values: [String; 4],
    /// What it is.
    pub meaning: String,
}

/// The report of a measurement.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ReportView {
    /// The number of the measurement in this process.
    pub number: u64,
    /// When it was made.
    pub made: Moment,
    /// How long was measured, as a word.
    pub profile: String,
    /// How long it took.
    pub duration: String,
    /// How busy the machine was, if the figures say little.
    pub warning: Option<String>,
    /// The rows of the usual comparison.
    pub answers: Vec<ReportAnswer>,
    /// What a check costs beside no check.
    pub checks: Option<RangePlot>,
    /// How soon a logout has an effect.
    pub revocation: Option<LifePlot>,
    /// The response times, from the median to the 99.9th percentile.
    pub times: Option<RangePlot>,
    /// The same as numbers.
    pub quantiles: Vec<QuantileRow>,
    /// All figures.
    pub figures: Vec<FigureRow>,
    /// The machine, and how it was measured, one sentence each.
    pub conditions: Vec<String>,
}

impl View for ReportView {
    const TEMPLATE: &'static str = "lab/report.html";
}
