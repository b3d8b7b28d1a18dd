//! `counterfoil passwords`: builds and checks lists of breached passwords.

use std::fs::{File, Permissions};
use std::io::{BufRead as _, BufReader, Read};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};
use counterfoil::operator::{BreachedFile, BreachedPasswordsBuilder, replace_file};
use counterfoil_core::credentials::password::{PasswordFingerprint, PlaintextPassword};
use counterfoil_jose::Secret;
use serde_json::json;

use crate::error::CliError;
use crate::input_file::InputFile;
use crate::output::{print_json, print_line};
use crate::progress::progress_bar;
use crate::standard_input::{display_name, is_standard_input};

/// The most bytes of a line.
const MAX_LINE_LENGTH: u64 = 4096;

/// The commands for lists of breached passwords.
#[derive(Subcommand)]
pub(crate) enum Command {
    /// Builds a list for --breached-passwords.
    BuildFilter(BuildOptions),
    /// Reads a whole list and reports whether it is intact.
    CheckFilter(CheckOptions),
}

/// The options of `passwords build-filter`.
#[derive(Args)]
pub(crate) struct BuildOptions {
    /// The input: lines of `SHA-1` or `SHA-1:count` in any order, as Have I Been Pwned publishes them; `-` for standard
    /// input.
    input: PathBuf,
    /// The list to write. An existing file is replaced once the new one is complete.
    output: PathBuf,
    /// The lines are passwords in plain text.
    #[arg(long)]
    plain: bool,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

/// The options of `passwords check-filter`.
#[derive(Args)]
pub(crate) struct CheckOptions {
    /// The list, or `-` for standard input.
    file: PathBuf,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

/// Runs the command.
pub(crate) fn run(command: Command) -> Result<(), CliError> {
    match command {
        Command::BuildFilter(options) => build(&options),
        Command::CheckFilter(options) => check(&options),
    }
}

/// Builds the list in a temporary file, which replaces the output when it is complete and on the disk.
fn build(options: &BuildOptions) -> Result<(), CliError> {
    let dir = options.output.parent().filter(|dir| !dir.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let cannot_write = |error| CliError::from_path("write", &options.output, &error);
    let scratch = tempfile::tempfile_in(dir).map_err(cannot_write)?;
    let builder = add_lines(BreachedPasswordsBuilder::new(scratch), options)?;
    let count = replace_file(&options.output, |output| {
        // The list is not secret, and the server may run as another user.
        output.set_permissions(Permissions::from_mode(0o644))?;
        builder.finish(output)
    });
    let count = count.map_err(cannot_write)?;
    if options.json {
        return print_json(&json!({ "passwords": count }));
    }
    print_line(&format!("{count} passwords"))
}

/// Adds every line of the input.
fn add_lines(
    mut builder: BreachedPasswordsBuilder,
    options: &BuildOptions,
) -> Result<BreachedPasswordsBuilder, CliError> {
    let path = &options.input;
    let cannot_read = |error| CliError::from_path("read", path, &error);
    let (file, length): (Box<dyn Read>, u64) = match is_standard_input(path) {
        true => (Box::new(std::io::stdin()), 0),
        false => {
            let file = File::open(path).map_err(cannot_read)?;
            let length = file.metadata().map_err(cannot_read)?.len();
            (Box::new(file), length)
        }
    };
    let mut reader = BufReader::with_capacity(256 * 1024, progress_bar(length, "reading").wrap_read(file));
    let mut line = Vec::new();
    for number in 1_u64.. {
        line.clear();
        if reader.by_ref().take(MAX_LINE_LENGTH).read_until(b'\n', &mut line).map_err(cannot_read)? == 0 {
            break;
        }
        let text = line.strip_suffix(b"\n").unwrap_or(&line);
        let text = text.strip_suffix(b"\r").unwrap_or(text);
        if text.is_empty() {
            continue;
        }
        let fingerprint = if options.plain { password_fingerprint(text) } else { hash_fingerprint(text) };
        let fingerprint = fingerprint.ok_or_else(|| invalid_line(path, number, options.plain))?;
        builder
            .add(fingerprint)
            .map_err(|error| CliError::with_cause("cannot write the temporary file", &error))?;
    }
    Ok(builder)
}

/// The fingerprint of a password in plain text, normalized like the password of a user.
fn password_fingerprint(text: &[u8]) -> Option<PasswordFingerprint> {
    // A longer line was cut off.
    let text = std::str::from_utf8(text).ok().filter(|text| (text.len() as u64) < MAX_LINE_LENGTH)?;
    Some(PlaintextPassword::new(&Secret::new(text.to_owned())).fingerprint())
}

/// The fingerprint in `5BAA61E4C9B93F3F0682250B6CF8331B7EE68FD8` or `5BAA...:52256179`.
fn hash_fingerprint(text: &[u8]) -> Option<PasswordFingerprint> {
    let text = std::str::from_utf8(text).ok()?;
    let (hash, count) = text.split_once(':').unwrap_or((text, "0"));
    let is_hash = hash.len() == 40 && hash.bytes().all(|byte| byte.is_ascii_hexdigit());
    let is_count = !count.is_empty() && count.bytes().all(|byte| byte.is_ascii_digit());
    if !is_hash || !is_count {
        return None;
    }
    u64::from_str_radix(&hash[..16], 16).ok().map(PasswordFingerprint)
}

fn invalid_line(path: &Path, number: u64, is_plain: bool) -> CliError {
    let expected = if is_plain { "a password in UTF-8" } else { "a SHA-1 hash with an optional count" };
    let error = CliError::failure(format!(
        "line {number} of {} must be {expected}; no list was written",
        display_name(path)
    ));
    if is_plain { error } else { error.with_hint("use --plain if the lines are passwords") }
}

fn check(options: &CheckOptions) -> Result<(), CliError> {
    let file = &options.file;
    let input = InputFile::open(file, None)?;
    let list = BreachedFile::open(input.path())
        .map_err(|error| CliError::from_error(&error).with_hint(error.hint()))?;
    list.verify()
        .map_err(|error| CliError::with_cause(&format!("{} is damaged", display_name(file)), &error))?;
    if options.json {
        return print_json(&json!({ "passwords": list.count() }));
    }
    print_line(&format!("{} passwords", list.count()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_and_its_hash_have_the_same_fingerprint() {
        let expected = password_fingerprint(b"password");

        for line in
            ["5BAA61E4C9B93F3F0682250B6CF8331B7EE68FD8", "5baa61e4c9b93f3f0682250b6cf8331b7ee68fd8:52256179"]
        {
            assert_eq!(hash_fingerprint(line.as_bytes()), expected);
        }
        assert_eq!(
            password_fingerprint("cafe\u{301}".as_bytes()),
            password_fingerprint("caf\u{e9}".as_bytes())
        );
    }

    #[test]
    fn an_invalid_line_has_no_fingerprint() {
        for line in [
            "password",
            "5BAA61E4C9B93F3F0682250B6CF8331B7EE68FD",
            "5BAA61E4C9B93F3F0682250B6CF8331B7EE68FD8:",
            "5BAA61E4C9B93F3F0682250B6CF8331B7EE68FD8:-1",
            "5BAA61E4C9B93F3F0682250B6CF8331B7EE68FD8 1",
            "+BAA61E4C9B93F3F0682250B6CF8331B7EE68FD8",
        ] {
            assert_eq!(hash_fingerprint(line.as_bytes()), None, "{line}");
        }
    }
}
