//! The doctor: what the server has seen of this browser's requests.

use serde::Serialize;

use crate::moment::Moment;
use crate::view::View;

/// A check of the doctor.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct DoctorRow {
    /// What was checked.
    pub check: String,
    /// What was seen.
    pub seen: String,
    /// The verdict, as a word.
    pub verdict: &'static str,
    /// The tone of the verdict: `good`, `warn`, `bad` or nothing.
    pub tone: &'static str,
    /// The line that mends it.
    pub mend: Option<String>,
}

/// What the server has seen of this browser's requests, and how to see the rest.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct DoctorView {
    /// The issuer, as clients name it.
    pub issuer: String,
    /// The checks.
    pub rows: Vec<DoctorRow>,
    /// A probe for the command line on another machine.
    pub probe: String,
    /// When the probe ends.
    pub probe_ends: Moment,
}

impl View for DoctorView {
    const TEMPLATE: &'static str = "console/doctor.html";
}
