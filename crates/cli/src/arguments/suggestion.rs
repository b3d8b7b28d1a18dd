//! What an error about an unknown option suggests: an option of the command that was typed, and no other.
//!
//! The program has the options of all settings, so that they may precede the command. It would suggest one that the command
//! does not read.

use std::ffi::OsString;

use clap::error::{ContextKind, ContextValue, Error, ErrorKind};
use clap::{Arg, Command};

/// The least similarity of an option that is suggested, from 0 to 1.
const MIN_SIMILARITY: f64 = 0.8;

/// The error with the suggestion and the usage of the command in `line`.
pub(super) fn of_typed_command(mut error: Error, program: &Command, line: &[OsString]) -> Error {
    if error.kind() != ErrorKind::UnknownArgument {
        return error;
    }
    let Some(ContextValue::String(unknown)) = error.get(ContextKind::InvalidArg).cloned() else {
        return error;
    };
    let mut command = typed_command(program, line).clone();
    error.insert(ContextKind::Usage, ContextValue::StyledStr(command.render_usage()));
    match nearest_option(&command, &unknown) {
        Some(option) => error.insert(ContextKind::SuggestedArg, ContextValue::String(option)),
        None => error.remove(ContextKind::SuggestedArg),
    };
    error
}

/// The command that the words of the line name.
fn typed_command<'c>(program: &'c Command, line: &[OsString]) -> &'c Command {
    let words = line.iter().skip(1).filter_map(|word| word.to_str());
    words.fold(program, |command, word| command.find_subcommand(word).unwrap_or(command))
}

fn nearest_option(command: &Command, unknown: &str) -> Option<String> {
    let typed = unknown.trim_start_matches('-').split('=').next()?;
    let similarity = |long: &str| strsim::jaro_winkler(long, typed);
    let options = command.get_arguments().filter_map(Arg::get_long);
    let nearest = options.max_by(|one, other| similarity(one).total_cmp(&similarity(other)))?;
    (similarity(nearest) >= MIN_SIMILARITY).then(|| format!("--{nearest}"))
}
