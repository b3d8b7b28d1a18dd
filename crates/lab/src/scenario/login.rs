//! `login`: three logins, and what the issuer stores of each.

use crate::error::LabError;
use crate::scenario::stage::Stage;

pub(super) fn run(stage: &mut Stage) -> Result<(), LabError> {
    stage.log_in_all().map(drop)
}
