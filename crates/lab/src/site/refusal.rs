//! Why the lab has not done something.

use counterfoil_jose::Time;

use crate::error::LabError;

/// Why something was not done.
#[derive(Debug, thiserror::Error)]
pub(super) enum Refusal {
    /// There are as many labs as there may be.
    #[error("there are too many labs")]
    TooManyLabs {
        /// When one of them is removed if it is not used.
        free_at: Time,
        /// In how many seconds that is.
        retry_after: u64,
    },
    /// There is no such lab.
    #[error("there is no such lab")]
    NoSuchLab,
    /// Another act is being played.
    #[error("an act is being played")]
    Busy,
    /// The clock was moved as often as it may be, or the last act failed.
    #[error("the clock cannot be moved")]
    ClockStands,
    /// The act cannot be played.
    #[error(transparent)]
    Failed(#[from] LabError),
}
