//! Reads a report that was made before. It may come from anywhere, so it is checked.

use crate::report::model::Report;

/// The most bytes of a report.
pub const MAX_REPORT_SIZE: u64 = 1 << 20;

/// The most figures of a report, and the most rows of its table.
const MAX_ITEMS: usize = 1_000;

/// Why a text is no report.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ReadError {
    /// It is not JSON of the schema.
    #[error("this is not a report of `counterfoil compare`")]
    Format(#[from] serde_json::Error),
    /// It has too many figures.
    #[error("a report has at most {MAX_ITEMS} figures")]
    TooLong,
}

/// Reads a report.
///
/// # Errors
///
/// If the text does not have the format of a report.
pub fn read(text: &str) -> Result<Report, ReadError> {
    let report: Report = serde_json::from_str(text)?;
    match report.figures.len() <= MAX_ITEMS && report.table.len() <= MAX_ITEMS {
        true => Ok(report),
        false => Err(ReadError::TooLong),
    }
}
