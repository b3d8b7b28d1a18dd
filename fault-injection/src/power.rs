//! The power goes: of one run under load the disk is brought back as it may have been at many points, and served.

use std::path::Path;
use std::sync::Arc;
use std::thread::sleep;
use std::time::Duration;

use anyhow::{Context, Result};

use crate::check::{Checked, Grace, check};
use crate::clients::Clients;
use crate::dice::Dice;
use crate::disk::record::{self, Change};
use crate::disk::replay::{Disk, Left};
use crate::disk::shim::Shim;
use crate::ledger::Ledger;
use crate::program::{Plan, Program};
use crate::promise::Promise;
use crate::report::{Report, Tick};

/// How many clients are at work.
const CLIENTS: usize = 4;

/// Records a run of `load`, from the first start of an empty directory, and serves what a loss of power would have left
/// at each of `points`.
///
/// # Errors
///
/// If something could not be tried at all.
pub fn run(
    program: &Program,
    place: &Path,
    points: usize,
    load: Duration,
    seed: u64,
    tick: Tick<'_>,
) -> Result<Report> {
    let dir = place.join("data");
    let (ledger, changes) = recorded(program, place, &dir, load, seed)?;
    let mut dice = Dice::seeded(seed);
    let mut checked = Checked::default();
    let (mut disk, mut next) = (Disk::at(&dir), 0);
    for (number, point) in choose(points, &ledger, &changes, &mut dice).into_iter().enumerate() {
        while changes.get(next).is_some_and(|change| disk.take(change, point)) {
            next += 1;
        }
        let left = Left::ALL[number % Left::ALL.len()];
        let found = serve(program, &place.join(format!("{number}")), &disk, left, &mut dice, &ledger, point);
        checked.add(found.with_context(|| format!("at point {number} of seed {seed}, with {left:?} left"))?);
        tick();
    }

    let mut report = Report::of("power");
    report.note("points at which the power went", points);
    report.note("changes of the disk, deeds acknowledged", format!("{}, {}", changes.len(), ledger.done()));
    let Checked { live, ended, open, .. } = checked;
    report.note("tried: logins alive, over, in doubt", format!("{live}, {ended}, {open}"));
    report.row("tried: accounts", "> 0", checked.people, checked.people > 0);
    report.faults("promises broken", [checked.faults, ledger.oddities()].concat());
    Ok(report)
}

fn recorded(
    program: &Program,
    place: &Path,
    dir: &Path,
    load: Duration,
    seed: u64,
) -> Result<(Arc<Ledger>, Vec<Change>)> {
    std::fs::create_dir(dir)?;
    let (shim, file) = (Shim::compile(place)?, place.join("record"));
    let server = program.serve(&shim.recording(Plan::of(dir), &file))?;
    let admin = program.admin_key(&Plan::of(dir))?;
    let ledger = Arc::new(Ledger::default());
    let clients = Clients::send(CLIENTS, server.at, &admin, &ledger, seed);
    sleep(load);
    server.kill()?;
    clients.stop();
    Ok((ledger, record::read(&file)?))
}

/// Half of the points fall anywhere, half just after somebody was told something: then nothing may be missing.
fn choose(points: usize, ledger: &Ledger, changes: &[Change], dice: &mut Dice) -> Vec<Duration> {
    let told: Vec<Duration> =
        ledger.entries().iter().filter_map(|entry| entry.answered.as_ref().map(|(at, _)| *at)).collect();
    let first = changes.first().map_or(Duration::ZERO, |change| change.begun);
    let last = changes.last().map_or(Duration::ZERO, |change| change.ended);
    let mut chosen: Vec<Duration> = (0..points)
        .map(|number| match dice.pick(&told) {
            Some(at) if number % 2 == 0 => *at,
            Some(_) | None => dice.between(first, last),
        })
        .collect();
    chosen.sort_unstable();
    chosen
}

/// Serves what is left, and checks what was promised by then.
fn serve(
    program: &Program,
    dir: &Path,
    disk: &Disk,
    left: Left,
    dice: &mut Dice,
    ledger: &Ledger,
    point: Duration,
) -> Result<Checked> {
    disk.write(dir, left, dice)?;
    let server = program.serve(&Plan::of(dir))?;
    let checked = check(&mut Promise::at(ledger, point), server.at, Grace::Some, dice.roll())?;
    server.kill()?;
    std::fs::remove_dir_all(dir)?;
    Ok(checked)
}
