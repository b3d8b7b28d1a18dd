//! `counterfoil completions`: prints the completion script for a shell.

use clap::{Args, Command};
use clap_complete::Shell;

use crate::error::CliError;
use crate::output::print_line;

/// The options of `completions`.
#[derive(Args)]
pub(crate) struct Options {
    /// The shell. Write the output to the directory where it looks for completions, like
    /// `counterfoil completions bash > /etc/bash_completion.d/counterfoil`.
    shell: Shell,
}

/// Prints the completion script for `command`.
pub(crate) fn run(options: &Options, mut command: Command) -> Result<(), CliError> {
    let mut script = Vec::new();
    clap_complete::generate(options.shell, &mut command, "counterfoil", &mut script);
    print_line(String::from_utf8_lossy(&script).trim_end())
}
