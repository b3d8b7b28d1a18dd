//! `counterfoil user import`: users of another system come over, with the hashes of their passwords.

use std::collections::HashMap;
use std::fs::File;
use std::io::{BufRead as _, BufReader, Read as _};
use std::path::{Path, PathBuf};

use clap::Args;
use counterfoil::operator::{self, MAX_IMPORTED_USERS};
use counterfoil_core::ClientError;
use counterfoil_core::services::user_import::ImportedUser;
use counterfoil_jose::{Time, json};
use serde_json::{Value, json};

use crate::configuration::Configuration;
use crate::datetime;
use crate::fault::Fault;
use crate::operate::Door;
use crate::printable::printable;
use crate::progress::bytes_of;
use crate::show;

/// The longest line, in bytes.
const LONGEST_LINE: usize = 16 * 1024;
/// How many bytes of lines go into one command; a server takes 64 KiB.
const AT_ONCE: usize = 40 * 1024;

/// Whom to bring in.
#[derive(Args)]
pub(crate) struct Options {
    /// One JSON object a line: {username, email?, email_verified?, password_hash?, roles?, created_at?, disabled?}.
    file: PathBuf,
    /// Only says what would become of them.
    #[arg(long)]
    dry_run: bool,
    /// How many wrong lines are told of one by one.
    #[arg(long, value_name = "N", default_value_t = 20)]
    max_errors: usize,
    /// Prints JSON.
    #[arg(long)]
    json: bool,
}

/// What has become of the lines so far.
#[derive(Default)]
struct Tally {
    added: u64,
    there: u64,
    wrong: u64,
    /// The first of the wrong lines, with their numbers.
    told: Vec<(u64, String)>,
}

impl Tally {
    fn note(&mut self, line: u64, fault: String, most: usize) {
        self.wrong += 1;
        if self.told.len() < most {
            self.told.push((line, fault));
        }
    }
}

/// Runs the command. Every line is judged before the first user is brought in.
pub(crate) async fn run(common: &Configuration, options: Options) -> Result<(), Fault> {
    let mut tally = judge(&options)?;
    if tally.wrong > 0 {
        return finish(&tally, &options, "nobody was brought in");
    }
    let door = Door::open(common, !options.dry_run).await?;
    let brought = bring_in(&door, &options, &mut tally).await;
    let closed = door.close().await;
    if brought.is_err() {
        eprintln!("added {} before that; run the command again to go on", tally.added);
    }
    brought.and(closed)?;
    finish(&tally, &options, "the others were brought in")
}

/// Judges every line by itself, and that no name comes twice.
fn judge(options: &Options) -> Result<Tally, Fault> {
    let mut tally = Tally::default();
    let mut lines_of = HashMap::new();
    let now = Time::from_unix_seconds(datetime::now().unsigned_abs());
    for line in Lines::of(&options.file, "judging")? {
        let (number, text) = line?;
        let name = text.and_then(|text| read(&text)).and_then(|newcomer| {
            let wanted = newcomer.validate(now).map_err(|refusal: ClientError| refusal.to_string())?;
            Ok(wanted.username.folded().to_owned())
        });
        match name.map(|name| lines_of.insert(name, number)) {
            Ok(None) => {}
            Ok(Some(first)) => {
                tally.note(
                    number,
                    format!("the username stands in line {first} already"),
                    options.max_errors,
                );
            }
            Err(fault) => tally.note(number, fault, options.max_errors),
        }
    }
    Ok(tally)
}

/// Brings in all of them, in commands of as many as fit.
async fn bring_in(door: &Door, options: &Options, tally: &mut Tally) -> Result<(), Fault> {
    let (mut batch, mut bytes) = (Vec::new(), 0);
    for line in Lines::of(&options.file, "bringing in")? {
        let (number, text) = line?;
        let text = text.map_err(|fault| changed(number, &fault))?;
        let newcomer = read(&text).map_err(|fault| changed(number, &fault))?;
        if batch.len() == MAX_IMPORTED_USERS || bytes + text.len() > AT_ONCE {
            send(door, options, std::mem::take(&mut batch), tally).await?;
            bytes = 0;
        }
        bytes += text.len();
        batch.push((number, newcomer));
    }
    send(door, options, batch, tally).await
}

async fn send(
    door: &Door,
    options: &Options,
    batch: Vec<(u64, ImportedUser)>,
    tally: &mut Tally,
) -> Result<(), Fault> {
    let (numbers, users): (Vec<u64>, Vec<ImportedUser>) = batch.into_iter().unzip();
    if users.is_empty() {
        return Ok(());
    }
    let command = operator::Command::UserImport { users, dry_run: options.dry_run };
    let answer = door.administer(command).await?;
    let outcomes = answer["users"].as_array().filter(|outcomes| outcomes.len() == numbers.len());
    let outcomes = outcomes.ok_or_else(|| Fault::failure("the server's answer is not about these users"))?;
    for (number, outcome) in numbers.into_iter().zip(outcomes) {
        match outcome["outcome"].as_str() {
            Some("added") => tally.added += 1,
            Some("already_exists") => tally.there += 1,
            _ => {
                let fault = outcome["error"].as_str().unwrap_or("was not brought in").to_owned();
                tally.note(number, fault, options.max_errors);
            }
        }
    }
    Ok(())
}

/// Says what has become of them; wrong lines make the command fail.
fn finish(tally: &Tally, options: &Options, otherwise: &str) -> Result<(), Fault> {
    for (number, fault) in &tally.told {
        eprintln!("line {number}: {}", printable(fault));
    }
    let untold = tally.wrong - tally.told.len() as u64;
    if untold > 0 {
        eprintln!("and {untold} more; --max-errors {} tells all of them", tally.wrong);
    }
    if options.json {
        show::json(&summary(tally, options))?;
    } else {
        let added = if options.dry_run { "would add" } else { "added" };
        show::say(&format!("{added} {}, already there {}, wrong {}", tally.added, tally.there, tally.wrong))?;
    }
    match tally.wrong {
        0 => Ok(()),
        1 => Err(Fault::failure(format!("1 line is wrong; {otherwise}"))),
        wrong => Err(Fault::failure(format!("{wrong} lines are wrong; {otherwise}"))),
    }
}

fn summary(tally: &Tally, options: &Options) -> Value {
    let errors = tally.told.iter().map(|(line, error)| json!({ "line": line, "error": error }));
    json!({
        "added": tally.added,
        "already_there": tally.there,
        "wrong": tally.wrong,
        "dry_run": options.dry_run,
        "errors": errors.collect::<Vec<_>>(),
    })
}

/// Reads a line strictly. What is wrong is told without what stands there: it may be a secret.
fn read(text: &str) -> Result<ImportedUser, String> {
    json::parse_object(text.as_bytes()).map_err(|error| error.to_string())
}

fn changed(number: u64, fault: &str) -> Fault {
    Fault::failure(format!("line {number} has changed since it was judged: {fault}"))
}

/// The lines of a file with their numbers, without empty ones, under a progress bar.
struct Lines {
    reader: BufReader<indicatif::ProgressBarIter<File>>,
    path: PathBuf,
    number: u64,
}

impl Lines {
    fn of(path: &Path, what: &'static str) -> Result<Self, Fault> {
        let cannot = |error| Fault::because(&format!("{} cannot be read", path.display()), &error);
        let file = File::open(path).map_err(cannot)?;
        let metadata = file.metadata().map_err(cannot)?;
        if !metadata.is_file() {
            return Err(Fault::usage(format!("{} is no file; it is read twice", path.display())));
        }
        let reader = BufReader::new(bytes_of(metadata.len(), what).wrap_read(file));
        Ok(Self { reader, path: path.to_owned(), number: 0 })
    }

    /// The next line, or `None` at the end.
    fn line(&mut self) -> std::io::Result<Option<Result<String, String>>> {
        let mut bytes = Vec::new();
        let most = LONGEST_LINE as u64 + 1;
        self.reader.by_ref().take(most).read_until(b'\n', &mut bytes)?;
        if bytes.is_empty() {
            return Ok(None);
        }
        if bytes.len() > LONGEST_LINE {
            if !bytes.ends_with(b"\n") {
                self.reader.skip_until(b'\n')?;
            }
            return Ok(Some(Err(format!("is longer than {LONGEST_LINE} bytes"))));
        }
        let text = String::from_utf8(bytes).map_err(|_| "is not UTF-8".to_owned());
        Ok(Some(text.map(|text| text.trim_end_matches(['\n', '\r']).to_owned())))
    }
}

impl Iterator for Lines {
    type Item = Result<(u64, Result<String, String>), Fault>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            self.number += 1;
            match self.line() {
                Ok(None) => return None,
                Ok(Some(Ok(text))) if text.is_empty() => {}
                Ok(Some(line)) => return Some(Ok((self.number, line))),
                Err(error) => {
                    return Some(Err(Fault::because(
                        &format!("{} cannot be read", self.path.display()),
                        &error,
                    )));
                }
            }
        }
    }
}
