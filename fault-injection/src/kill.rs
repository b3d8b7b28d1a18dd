//! Killed at any moment, again and again: what was acknowledged stands, and the next start is a matter of moments.

use std::path::Path;
use std::sync::Arc;
use std::thread::sleep;
use std::time::Duration;

use anyhow::{Context, Result};
use rusqlite::{Connection, OpenFlags};

use crate::check::{Checked, Grace, check};
use crate::clients::Clients;
use crate::dice::Dice;
use crate::ledger::Ledger;
use crate::program::{Plan, Program, Server};
use crate::promise::Promise;
use crate::report::{Report, Tick, millis};

/// How many clients are at work.
const CLIENTS: usize = 4;

/// How long a start may take.
const START: Duration = Duration::from_secs(2);

/// Kills a server in `place` so many times under load, and checks after each start what that round's clients were
/// promised; at the end, what anybody was ever promised.
///
/// # Errors
///
/// If something could not be tried at all.
pub fn run(program: &Program, place: &Path, rounds: usize, seed: u64, tick: Tick<'_>) -> Result<Report> {
    let mut trial = Killing {
        program,
        dir: place.join("data"),
        dice: Dice::seeded(seed),
        promise: Promise::default(),
        checked: Checked::default(),
        slowest: Duration::ZERO,
        done: 0,
        admin: String::new(),
    };
    for round in 0..rounds {
        trial.round().with_context(|| format!("in round {round} of seed {seed}"))?;
        tick();
    }
    let server = trial.serve(Grace::Some)?;
    let last = check(&mut trial.promise, server.at, Grace::Some, seed)?;
    trial.checked.add(last);
    Ok(trial.report(rounds))
}

struct Killing<'a> {
    program: &'a Program,
    dir: std::path::PathBuf,
    dice: Dice,
    /// What was ever promised.
    promise: Promise,
    checked: Checked,
    slowest: Duration,
    /// How many deeds were acknowledged.
    done: usize,
    admin: String,
}

impl Killing<'_> {
    /// Load, kill, perhaps a kill in the middle of the recovery, start, check.
    fn round(&mut self) -> Result<()> {
        let grace = if self.dice.percent(50) { Grace::Some } else { Grace::None };
        let server = self.serve(grace)?;
        if self.admin.is_empty() {
            self.admin = self.program.admin_key(&Plan::of(&self.dir))?;
        }
        let ledger = Arc::new(Ledger::default());
        let clients = Clients::send(CLIENTS, server.at, &self.admin, &ledger, self.dice.roll());
        sleep(self.dice.between(Duration::from_millis(50), Duration::from_millis(500)));
        server.kill()?;
        clients.stop();
        self.judge_file()?;
        if self.dice.percent(25) {
            // A start that does not get far: the recovery of a crash is cut short by another.
            let wait = self.dice.between(Duration::from_millis(1), Duration::from_millis(60));
            self.program.kill_a_start(&Plan::of(&self.dir), wait)?;
        }

        let server = self.serve(grace)?;
        let mut promise = Promise::of(&ledger);
        let mut checked = check(&mut promise, server.at, grace, self.dice.roll())?;
        checked.faults.extend(ledger.oddities());
        self.checked.add(checked);
        self.done += ledger.done();
        self.promise.people.append(&mut promise.people);
        self.promise.families.append(&mut promise.families);
        Ok(())
    }

    fn serve(&mut self, grace: Grace) -> Result<Server> {
        let plan = Plan::of(&self.dir).with("COUNTERFOIL_REFRESH_GRACE", grace.seconds());
        let server = self.program.serve(&plan)?;
        self.slowest = self.slowest.max(server.took);
        Ok(server)
    }

    /// What SQLite itself says of the files as the kill has left them; of a copy, so that the next start finds
    /// them untouched.
    fn judge_file(&mut self) -> Result<()> {
        let copy = self.dir.with_extension("copy");
        std::fs::create_dir_all(&copy)?;
        for file in ["counterfoil.db", "counterfoil.db-wal"] {
            let from = self.dir.join(file);
            if from.exists() {
                std::fs::copy(from, copy.join(file))?;
            }
        }
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE;
        let said: String = Connection::open_with_flags(copy.join("counterfoil.db"), flags)?.query_row(
            "PRAGMA integrity_check",
            [],
            |row| row.get(0),
        )?;
        std::fs::remove_dir_all(&copy)?;
        if said != "ok" {
            self.checked.faults.push(format!("integrity_check: {said}"));
        }
        Ok(())
    }

    fn report(self, rounds: usize) -> Report {
        let Checked { live, ended, open, replayed, people, faults } = self.checked;
        let mut report = Report::of("kill");
        report.note("rounds of kill -9 under load", rounds);
        report.row("acknowledged", "> 0", self.done, self.done > 0);
        report.note("tried: logins alive, over, in doubt", format!("{live}, {ended}, {open}"));
        report.note("tried: replays, accounts", format!("{replayed}, {people}"));
        report.faults("promises broken", faults);
        report.row("slowest start", "< 2 s", millis(self.slowest), self.slowest < START);
        report
    }
}
