//! Measures what sessions, JWTs and the hybrid cost, side by side on this machine.
//!
//! A run starts an installation in this process, with a temporary store, mounts one handler twice, bare and behind the
//! layer that authenticates, and sends both the same requests in interleaved rounds. The result is a [`Report`], which
//! [`html::page`], [`svg::drawings`] and [`rows`] render. Nothing here prints or reads arguments.
//!
//! ```text
//!   report      the report, and how it is shown
//!   measure     the plan of a run, and one file for each group of figures
//!   rig         the measured server, a service that verifies its tokens, and the credentials
//!   load        the clients
//!   statistics, machine
//! ```

mod error;
pub mod load;
pub mod machine;
mod measure;
mod report;
mod rig;
pub mod statistics;

pub use error::LabError;
pub use measure::figure_id::{FigureId, UnknownFigure};
pub use measure::plan::{Plan, Profile};
pub use measure::progress::Progress;
pub use measure::run;
pub use report::model::{
    Better, Cell, CellValue, Column, Figure, Machine, Method, Report, Row, Source, TableRow, Tool, Unit,
};
pub use report::read::{MAX_REPORT_SIZE, ReadError, read};
pub use report::{SCHEMA, guide_table, html, markdown, rows, svg};
