//! `counterfoil backup`: a consistent copy of the store.

use std::path::{self, PathBuf};

use clap::Args;
use counterfoil::admin;

use crate::configuration::Common;
use crate::fault::Fault;
use crate::operate::administer;
use crate::printable::printable;
use crate::show;

/// Where to.
#[derive(Args)]
pub(crate) struct Options {
    /// The new file; what exists is not overwritten. The master key is not in it: keep that elsewhere.
    file: PathBuf,
}

/// Runs the command.
pub(crate) async fn run(common: &Common, options: Options) -> Result<(), Fault> {
    // The server that writes it has another working directory.
    let file = path::absolute(&options.file)
        .map_err(|error| Fault::because(&format!("{} is no path", options.file.display()), &error))?;
    if file.symlink_metadata().is_ok() {
        return Err(Fault::failure(format!("{} exists already", file.display())).hint("name a new file"));
    }
    administer(common, admin::Command::Backup { file: file.clone() }).await?;
    show::say(&printable(&file.to_string_lossy()))
}
