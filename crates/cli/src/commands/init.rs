//! `counterfoil init`: asks what somebody needs, recommends, and writes the commented configuration.

use std::fs::OpenOptions;
use std::io::{self, IsTerminal as _, Write as _};
use std::path::{Path, PathBuf};

use clap::Args;

use crate::commands::init::answers::Answers;
use crate::configuration::Common;
use crate::fault::Fault;
use crate::show;

mod answers;
mod questions;
mod recommend;
mod text;

/// Where the answers come from, and where the file goes.
#[derive(Args)]
pub(crate) struct Options {
    /// Reads the answers from this file, TOML or JSON (by its name), instead of asking.
    #[arg(long, value_name = "FILE")]
    answers: Option<PathBuf>,
    /// The file to write. It must not be there yet.
    #[arg(long, value_name = "FILE", default_value = "counterfoil.toml")]
    out: PathBuf,
}

/// Asks or reads, recommends, writes.
///
/// # Errors
///
/// If there is nobody to ask, an answer cannot be used, or the file is there already; nothing is written then.
pub(crate) fn run(options: &Options) -> Result<(), Fault> {
    if options.out.exists() {
        return Err(taken(&options.out));
    }
    let answers = match &options.answers {
        Some(file) => Answers::read(file)?,
        None if io::stdin().is_terminal() && io::stderr().is_terminal() => questions::ask()?,
        None => {
            return Err(Fault::usage("there is no terminal to ask on")
                .hint("give the answers in a file: --answers FILE"));
        }
    };
    let recommended = recommend::all(&answers);
    let text = text::write(&answers, &recommended);
    judge(&options.out, &text)?;
    put(&options.out, &text)?;
    let lines =
        recommended.iter().map(|one| format!("{}: mode {}: {}", one.kind.as_str(), one.mode, one.reason));
    show::say(&lines.collect::<Vec<_>>().join("\n"))?;
    let out = crate::printable::printable(&options.out.to_string_lossy());
    show::say(&format!("wrote {out}\nnext: counterfoil check --config {out}"))
}

/// Holds what is to be written to what `check` and `serve` will say of it.
fn judge(out: &Path, text: &str) -> Result<(), Fault> {
    let common = Common::of_text(out, text);
    common.settings(common.listen).map(drop)
}

/// Writes a new file; one that is there stays.
fn put(out: &Path, text: &str) -> Result<(), Fault> {
    let written = OpenOptions::new().write(true).create_new(true).open(out).and_then(|mut file| {
        file.write_all(text.as_bytes())?;
        file.sync_all()
    });
    written.map_err(|error| match error.kind() {
        io::ErrorKind::AlreadyExists => taken(out),
        _ => Fault::because(&format!("{} cannot be written", out.display()), &error),
    })
}

fn taken(out: &Path) -> Fault {
    Fault::failure(format!("{} is there already, and is left as it is", out.display()))
        .hint("name another with --out, or move it away")
}
