//! `counterfoil completions`: what a shell needs to complete our commands.

use clap::{Args, Command};
use clap_complete::Shell;

use crate::error::CliError;
use crate::table;

/// For whom.
#[derive(Args)]
pub(crate) struct Options {
    /// Which shell: write the output where it looks, like
    /// `counterfoil completions bash > /etc/bash_completion.d/counterfoil`.
    shell: Shell,
}

/// Prints them for `command`.
pub(crate) fn run(options: &Options, mut command: Command) -> Result<(), CliError> {
    let mut script = Vec::new();
    clap_complete::generate(options.shell, &mut command, "counterfoil", &mut script);
    table::print_line(String::from_utf8_lossy(&script).trim_end())
}
