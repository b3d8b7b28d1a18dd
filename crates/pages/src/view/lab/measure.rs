//! Measurements of this machine: the button, the one that runs, and those that have ended.

use serde::Serialize;

use crate::moment::Moment;
use crate::view::View;

/// A measurement that runs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct MeasurementProgress {
    /// Its number in this process.
    pub number: u64,
    /// When it was started.
    pub started: Moment,
    /// For how many seconds it has been running.
    pub seconds: u64,
    /// What is being measured; empty until the first step.
    pub part: String,
    /// How many steps of the part are done.
    pub done: usize,
    /// How many steps the part has.
    pub of: usize,
}

/// How a measurement ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum MeasurementOutcome {
    /// With a report.
    Done,
    /// With a report of a machine that was too busy.
    TooBusy,
    /// Without one.
    Failed,
    /// By its button.
    Stopped,
}

/// A measurement that has ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct MeasurementRow {
    /// Its number in this process.
    pub number: u64,
    /// When it was started.
    pub started: Moment,
    /// How it ended.
    pub outcome: MeasurementOutcome,
}

/// The button, and the measurements of this process.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct MeasurementsView {
    /// The one that runs.
    pub running: Option<MeasurementProgress>,
    /// Those that have ended, the newest first.
    pub ended: Vec<MeasurementRow>,
    /// How many are kept.
    pub most: usize,
}

impl View for MeasurementsView {
    const TEMPLATE: &'static str = "lab/measurements.html";
}

/// The measurement that runs, with its progress.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RunningMeasurementView {
    /// Its progress.
    pub progress: MeasurementProgress,
    /// Whether another one was asked for meanwhile, which was not started.
    pub is_refused: bool,
    /// After how many seconds the browser loads the page again, if it does.
    pub every: Option<u64>,
}

impl View for RunningMeasurementView {
    const TEMPLATE: &'static str = "lab/measuring.html";
}

/// A measurement without a report.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct FailedMeasurementView {
    /// Its number in this process.
    pub number: u64,
    /// When it was started.
    pub started: Moment,
    /// Why it failed, one line each; nothing if it was stopped by its button.
    pub cause: Vec<String>,
}

impl View for FailedMeasurementView {
    const TEMPLATE: &'static str = "lab/measurement_failed.html";
}
