//! What the lab is, and the labs of this process.

use serde::Serialize;

use crate::moment::Moment;
use crate::view::View;

/// A lab of this process.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct LabRow {
    /// The id.
    pub id: String,
    /// The act that was played last.
    pub act: String,
    /// When it is removed, if it is not used until then.
    pub removed: Moment,
}

/// The first page of the lab.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct LabsView {
    /// The labs.
    pub labs: Vec<LabRow>,
    /// How many there may be.
    pub most: usize,
    /// How many minutes an unused lab is kept.
    pub idle_minutes: u64,
}

impl View for LabsView {
    const TEMPLATE: &'static str = "lab/home.html";
}
