//! `counterfoil passwords`: lists of breached passwords.

use std::fs::{File, Permissions};
use std::io::{BufRead as _, BufReader, Read as _};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};
use counterfoil::operator::{self, BreachedFile, BreachedPasswordsBuilder};
use counterfoil_core::credentials::password::{PasswordFingerprint, PlaintextPassword};
use counterfoil_jose::Secret;
use serde_json::json;

use crate::fault::Fault;
use crate::progress::bytes_of;
use crate::show;

/// The longest line, in bytes.
const LONGEST_LINE: u64 = 4096;

/// What to do with lists of breached passwords.
#[derive(Subcommand)]
pub(crate) enum Command {
    /// Makes a list that the server can look passwords up in, for --breached-passwords.
    BuildFilter(Build),
    /// Reads a list from end to end and says if it is whole.
    CheckFilter(Check),
}

/// What the list is made of.
#[derive(Args)]
pub(crate) struct Build {
    /// Lines of `SHA-1` or `SHA-1:count`, as Have I Been Pwned has them, in any order.
    input: PathBuf,
    /// The new list; what exists is put out of its place when the new one is whole.
    output: PathBuf,
    /// The lines are passwords.
    #[arg(long)]
    plain: bool,
    /// Prints JSON.
    #[arg(long)]
    json: bool,
}

/// Which list.
#[derive(Args)]
pub(crate) struct Check {
    /// The list.
    file: PathBuf,
}

/// Runs the command.
pub(crate) fn run(command: Command) -> Result<(), Fault> {
    match command {
        Command::BuildFilter(options) => build(&options),
        Command::CheckFilter(options) => check(&options.file),
    }
}

/// Builds the list in a temporary file, which replaces the output when it is complete and on the disk.
fn build(options: &Build) -> Result<(), Fault> {
    let dir = options.output.parent().filter(|dir| !dir.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let cannot = |error| Fault::because(&format!("{} cannot be written", options.output.display()), &error);
    let scratch = tempfile::tempfile_in(dir).map_err(cannot)?;
    let builder = fill(BreachedPasswordsBuilder::new(scratch), options)?;
    let count = operator::replace_file(&options.output, |output| {
        // The list is no secret, and the server may run as another user.
        output.set_permissions(Permissions::from_mode(0o644))?;
        builder.finish(output)
    });
    let count = count.map_err(cannot)?;
    if options.json {
        return show::json(&json!({ "passwords": count }));
    }
    show::say(&format!("{count} passwords"))
}

/// Adds every line.
fn fill(mut builder: BreachedPasswordsBuilder, options: &Build) -> Result<BreachedPasswordsBuilder, Fault> {
    let path = &options.input;
    let cannot = |error| Fault::because(&format!("{} cannot be read", path.display()), &error);
    let file = File::open(path).map_err(cannot)?;
    let length = file.metadata().map_err(cannot)?.len();
    let mut reader = BufReader::with_capacity(256 * 1024, bytes_of(length, "reading").wrap_read(file));
    let mut line = Vec::new();
    for number in 1_u64.. {
        line.clear();
        if reader.by_ref().take(LONGEST_LINE).read_until(b'\n', &mut line).map_err(cannot)? == 0 {
            break;
        }
        let text = line.strip_suffix(b"\n").unwrap_or(&line);
        let text = text.strip_suffix(b"\r").unwrap_or(text);
        if text.is_empty() {
            continue;
        }
        let fingerprint = if options.plain { of_password(text) } else { of_hash(text) };
        let fingerprint = fingerprint.ok_or_else(|| not_a_line(path, number, options.plain))?;
        builder
            .add(fingerprint)
            .map_err(|error| Fault::because("the scratch file cannot be written", &error))?;
    }
    Ok(builder)
}

/// The fingerprint of a password in plain text; of the form that a user would be judged by.
fn of_password(text: &[u8]) -> Option<PasswordFingerprint> {
    // Only a whole line is a password.
    let text = std::str::from_utf8(text).ok().filter(|text| (text.len() as u64) < LONGEST_LINE)?;
    Some(PlaintextPassword::new(&Secret::new(text.to_owned())).fingerprint())
}

/// The fingerprint in `5BAA61E4C9B93F3F0682250B6CF8331B7EE68FD8` or `5BAA...:52256179`.
fn of_hash(text: &[u8]) -> Option<PasswordFingerprint> {
    let text = std::str::from_utf8(text).ok()?;
    let (hash, count) = text.split_once(':').unwrap_or((text, "0"));
    let is_hash = hash.len() == 40 && hash.bytes().all(|byte| byte.is_ascii_hexdigit());
    let is_count = !count.is_empty() && count.bytes().all(|byte| byte.is_ascii_digit());
    if !is_hash || !is_count {
        return None;
    }
    u64::from_str_radix(&hash[..16], 16).ok().map(PasswordFingerprint)
}

fn not_a_line(path: &Path, number: u64, plain: bool) -> Fault {
    let what = if plain { "a password in UTF-8" } else { "a SHA-1 with or without a count" };
    let fault =
        Fault::failure(format!("line {number} of {} is not {what}; nothing was written", path.display()));
    if plain { fault } else { fault.hint("a list of passwords is read with --plain") }
}

fn check(file: &Path) -> Result<(), Fault> {
    let list = BreachedFile::open(file).map_err(|error| Fault::of(&error).hint(error.hint()))?;
    list.verify().map_err(|error| Fault::because(&format!("{} is damaged", file.display()), &error))?;
    show::say(&format!("{} passwords", list.count()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hash_and_its_password_have_one_fingerprint() {
        let of_text = of_password(b"password");

        for line in
            ["5BAA61E4C9B93F3F0682250B6CF8331B7EE68FD8", "5baa61e4c9b93f3f0682250b6cf8331b7ee68fd8:52256179"]
        {
            assert_eq!(of_hash(line.as_bytes()), of_text);
        }
        assert_eq!(of_password("cafe\u{301}".as_bytes()), of_password("caf\u{e9}".as_bytes()));
    }

    #[test]
    fn a_line_is_read_strictly() {
        for line in [
            "password",
            "5BAA61E4C9B93F3F0682250B6CF8331B7EE68FD",
            "5BAA61E4C9B93F3F0682250B6CF8331B7EE68FD8:",
            "5BAA61E4C9B93F3F0682250B6CF8331B7EE68FD8:-1",
            "5BAA61E4C9B93F3F0682250B6CF8331B7EE68FD8 1",
            "+BAA61E4C9B93F3F0682250B6CF8331B7EE68FD8",
        ] {
            assert_eq!(of_hash(line.as_bytes()), None, "{line}");
        }
    }
}
