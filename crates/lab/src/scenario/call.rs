//! `call`: the protected route at all places, and how often the issuer reads its store for it.

use crate::error::LabError;
use crate::scenario::stage::{Stage, places};
use crate::scenario::trace::Place;

pub(super) fn run(stage: &mut Stage) -> Result<(), LabError> {
    for held in stage.log_in_all()? {
        let mode = held.login.mode;
        stage.step("Ask every place");
        let bytes = mode.header(&held.login.token).len() + "\r\n".len();
        stage.note(Some(mode), format!("the credential adds {bytes} bytes to each request"));
        // The first request after a login may read the store.
        stage.ask(&held, Place::Client, Place::Issuer)?;
        let before = stage.sandbox.server()?.store_reads();
        for place in places(mode) {
            stage.ask(&held, Place::Client, *place)?;
        }
        let reads = stage.sandbox.server()?.store_reads() - before;
        stage.note(Some(mode), format!("reads of the store for these checks: {reads}"));
    }
    Ok(())
}
