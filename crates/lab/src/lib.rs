//! Measures what sessions, JWTs and the hybrid cost, side by side on this machine.
//!
//! A run starts an installation in this process, with a temporary store, mounts one handler twice, bare and behind the
//! layer that authenticates, and sends both the same requests in interleaved rounds. The result is a [`Report`], which
//! [`html::page`], [`svg::drawings`] and [`rows`] render. Nothing here prints or reads arguments. The server, the clients and the
//! statistics are in `counterfoil-load`.
//!
//! ```text
//!   measure           the plan of a run, and one file for each group of figures
//!   rig               the modes, the credentials of many logins, the Express application, and a server program
//!   report            the report, and how it is shown
//!   scenario          the acts of the lab, each of which gives a trace
//!   sandbox           an installation for one act, with services that verify its tokens and a clock that can be advanced
//!   site              the lab as pages
//! ```

mod error;
mod measure;
mod progress;
mod report;
mod rig;
mod sandbox;
mod scenario;
mod site;

pub use error::LabError;
pub use measure::figure_id::{FigureId, UnknownFigure};
pub use measure::plan::Plan;
pub use measure::run;
pub use progress::{Progress, ProgressLine};
pub use report::cell::{Cell, CellValue};
pub use report::model::{
    Better, Column, Figure, Machine, Method, Profile, Report, Row, Source, TableRow, Tool, Unit,
};
pub use report::read::{MAX_REPORT_SIZE, ReadError, read};
pub use report::{SCHEMA, guide_table, html, markdown, rows, svg};
pub use scenario::act::{Act, UnknownAct};
pub use scenario::question::Question;
pub use scenario::trace::{Frame, FrameKind, Kept, Place, TRACE_SCHEMA, Trace, TraceMode, Verdict, Wire};
pub use scenario::{answer, play};
pub use site::compare_command::CompareCommand;
pub use site::{ConfigurationText, LabSite};
