//! The report: its model, its schema, and how it is shown. All forms are made from the model.

mod cells;
pub mod guide_table;
pub mod html;
pub mod markdown;
pub(crate) mod model;
pub(crate) mod read;
pub mod rows;
pub mod svg;

/// The JSON schema of a report.
pub const SCHEMA: &str = include_str!("lab-report-1.json");
