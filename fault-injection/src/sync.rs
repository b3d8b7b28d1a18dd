//! A write or a sync of the disk fails: nothing is acknowledged that is not there, whatever happens next.

use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};

use crate::check::{Checked, Grace, check};
use crate::clients::Clients;
use crate::dice::Dice;
use crate::disk::record::{self, Change, What};
use crate::disk::replay::{Disk, Left};
use crate::disk::shim::{Call, Failure, Shim};
use crate::http::{Request, ask};
use crate::ledger::{Deed, Entry, Ledger, Outcome};
use crate::program::{Plan, Program, Server, Start, is_one_clear_error};
use crate::promise::Promise;
use crate::report::{Report, Tick};

/// How many clients are at work.
const CLIENTS: usize = 3;

/// The first calls are tried one by one; of those behind, up to this one, some.
const LAST: usize = 2_000;

/// How long to wait for the call to come.
const PATIENCE: Duration = Duration::from_secs(8);

/// How long clients go on after it has failed.
const AFTER: Duration = Duration::from_millis(60);

/// Which calls fail.
#[derive(Debug, Clone, Copy)]
pub struct Sweep {
    /// The first sync, from 1. A database is made with some twenty, and eight times as many writes.
    pub from: usize,
    /// How many calls.
    pub calls: usize,
}

impl Sweep {
    /// The call with this number: syncs and writes in turn, the first hundred of both one by one.
    fn failure(self, number: usize, dice: &mut Dice) -> Failure {
        let turn = self.from + number / 2;
        let at = if number / 2 < 100 { turn } else { turn.max(100) + dice.below(LAST) };
        match number % 2 {
            0 => Failure::io(Call::Sync, at),
            _ => Failure::io(Call::Write, at * if self.from > 1 { 8 } else { 1 }),
        }
    }
}

/// Lets calls fail, each in a life of its own that begins with an empty directory.
///
/// After the failure the server is killed and served again, under load; then the power goes, and what was never synced is
/// gone. Everything that was ever acknowledged must be there.
///
/// # Errors
///
/// If something could not be tried at all.
pub fn run(program: &Program, place: &Path, sweep: Sweep, seed: u64, tick: Tick<'_>) -> Result<Report> {
    let mut dice = Dice::seeded(seed);
    let mut failing = Failing { program, shim: Shim::compile(place)?, tally: Tally::default() };
    for number in 0..sweep.calls {
        let failure = sweep.failure(number, &mut dice);
        let life = Life { place: place.join(format!("{number}")), seed: dice.roll() };
        failing.fail(&life, failure).with_context(|| format!("{failure:?} of seed {seed}"))?;
        tick();
    }
    Ok(failing.tally.report(sweep.calls))
}

/// A directory, and chance.
struct Life {
    place: PathBuf,
    seed: u64,
}

impl Life {
    fn dir(&self) -> PathBuf {
        self.place.join("data")
    }

    fn record(&self, number: usize) -> PathBuf {
        self.place.join(format!("record-{number}"))
    }
}

#[derive(Default)]
struct Tally {
    /// The server ended at its start, and said why.
    refused: usize,
    /// It stayed up, and took no more writes.
    stopped: usize,
    /// It went on: what failed was not needed yet.
    went_on: usize,
    /// The call never came.
    never: usize,
    done: usize,
    checked: Checked,
}

impl Tally {
    fn report(self, calls: usize) -> Report {
        let Self { refused, stopped, went_on, never, done, checked } = self;
        let mut report = Report::of("sync");
        report.note("calls that failed, each in a life of its own", calls - never);
        report.note("at the start, refused", refused);
        report.note("stayed up, answered 503", stopped);
        report.note("went on", went_on);
        report.note("calls that never came", never);
        report.row("deeds acknowledged", "> 0", done, done > 0);
        report.note(
            "tried: logins, accounts",
            format!("{}, {}", checked.tried() - checked.people, checked.people),
        );
        report.faults("promises broken", checked.faults);
        report
    }
}

struct Failing<'a> {
    program: &'a Program,
    shim: Shim,
    tally: Tally,
}

impl Failing<'_> {
    fn fail(&mut self, life: &Life, failure: Failure) -> Result<()> {
        std::fs::create_dir_all(life.dir())?;
        let recording = self.shim.recording(Plan::of(life.dir()), &life.record(0));
        let ledger = Arc::new(Ledger::default());
        match self.program.start(&self.shim.failing(recording, failure))? {
            Start::Refused { said, .. } => {
                self.tally.refused += 1;
                if !is_one_clear_error(&said) {
                    self.fault(failure, &format!("refused without one clear error: {said}"));
                }
            }
            Start::Serves(server) => self.fail_under_load(life, failure, server, &ledger)?,
        }
        self.serve_again(life, &ledger)?;
        std::fs::remove_dir_all(&life.place)?;
        Ok(())
    }

    /// Clients work until the call has failed, and a little longer.
    fn fail_under_load(
        &mut self,
        life: &Life,
        failure: Failure,
        mut server: Server,
        ledger: &Arc<Ledger>,
    ) -> Result<()> {
        let admin = self.program.admin_key(&Plan::of(life.dir())).unwrap_or_default();
        let clients = Clients::send(CLIENTS, server.at, &admin, ledger, life.seed);
        let failed = wait_for_failure(life, failure.of)?;
        sleep(AFTER);
        let is_up = server.ended()?.is_none();
        let takes_writes = is_up && takes_writes(&server)?;
        clients.stop();
        let said = server.said()?;
        server.kill()?;

        let Some(failed) = failed else {
            self.tally.never += 1;
            return Ok(());
        };
        match (is_up, takes_writes) {
            (false, _) => self.fault(failure, &format!("it has ended: {said}")),
            (true, true) => self.tally.went_on += 1,
            (true, false) => self.tally.stopped += 1,
        }
        if said.contains("panicked") {
            self.fault(failure, &said);
        }
        if failure.of == Call::Sync && !failed.is_of_directory {
            let late = ledger.entries().into_iter().filter(|entry| is_done_after(entry, failed.at)).count();
            if late > 0 {
                self.fault(failure, &format!("{late} deeds were acknowledged that were asked for later"));
            }
        }
        for odd in ledger.oddities().into_iter().filter(|_| !admin.is_empty()) {
            self.fault(failure, &odd);
        }
        Ok(())
    }

    /// The next life of the directory, with clients of its own; then the power goes.
    fn serve_again(&mut self, life: &Life, ledger: &Arc<Ledger>) -> Result<()> {
        let server = self.program.serve(&self.shim.recording(Plan::of(life.dir()), &life.record(1)))?;
        let mut promise = Promise::of(ledger);
        self.tally.checked.add(check(&mut promise, server.at, Grace::Some, life.seed)?);
        let later = Arc::new(Ledger::default());
        let clients = Clients::send(1, server.at, "", &later, life.seed ^ 1);
        sleep(AFTER);
        server.kill()?;
        clients.stop();
        promise.absorb(&later.entries(), Duration::MAX);
        self.tally.done += ledger.done() + later.done();

        let mut disk = Disk::at(&life.dir());
        for number in [0, 1] {
            disk.forget_descriptors();
            for change in record::read(&life.record(number))? {
                disk.take(&change, Duration::MAX);
            }
        }
        let dark = life.place.join("dark");
        disk.write(&dark, Left::Nothing, &mut Dice::seeded(life.seed))?;
        let server = self.program.serve(&Plan::of(&dark))?;
        self.tally.checked.add(check(&mut promise, server.at, Grace::Some, life.seed)?);
        Ok(())
    }

    fn fault(&mut self, failure: Failure, what: &str) {
        self.tally.checked.faults.push(format!("{} {}: {what}", failure.of.as_str(), failure.at));
    }
}

/// A call that failed.
struct Failed {
    at: Duration,
    /// SQLite passes over a directory that cannot be synced; its names must not depend on that.
    is_of_directory: bool,
}

/// The failed call, as soon as the record has it.
fn wait_for_failure(life: &Life, of: Call) -> Result<Option<Failed>> {
    let begun = Instant::now();
    while begun.elapsed() < PATIENCE {
        let failed = find_failure(&record::read(&life.record(0))?, of, &life.dir());
        if failed.is_some() {
            return Ok(failed);
        }
        sleep(Duration::from_millis(20));
    }
    Ok(None)
}

fn find_failure(changes: &[Change], of: Call, dir: &Path) -> Option<Failed> {
    let mut directories = HashSet::new();
    for change in changes {
        match &change.what {
            What::Open { fd, path, .. } if Path::new(path) == dir => drop(directories.insert(*fd)),
            What::Close { fd } => drop(directories.remove(fd)),
            What::Sync { fd, failed: true } if of == Call::Sync => {
                return Some(Failed { at: change.ended, is_of_directory: directories.contains(fd) });
            }
            What::Write { bytes, .. } if bytes.is_empty() && of == Call::Write => {
                return Some(Failed { at: change.ended, is_of_directory: false });
            }
            What::Open { .. }
            | What::Write { .. }
            | What::Cut { .. }
            | What::Sync { .. }
            | What::Rename { .. }
            | What::Link { .. }
            | What::Unlink { .. } => {}
        }
    }
    None
}

/// Whether a deed was asked for after that, and acknowledged all the same. A newest token that is shown again within
/// the grace is given back, and nothing is written: between the failure and its being known that is no lie.
fn is_done_after(entry: &Entry, at: Duration) -> bool {
    let Some((_, Outcome::Done(given))) = &entry.answered else { return false };
    let is_given_back =
        matches!(&entry.deed, Deed::Refresh { shown, .. } if given.refresh_token.as_ref() == Some(shown));
    entry.asked > at && !is_given_back
}

fn takes_writes(server: &Server) -> Result<bool> {
    let body = serde_json::json!({ "username": "latecomer", "password": "correct horse battery staple" });
    let answer = ask(server.at, &Request::post("/v1/register").json(&body))?;
    Ok(matches!(answer.status, 201 | 409))
}
