//! Logins that come, end and expire for as long as one likes, in a time that runs faster: nothing grows without bound.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread::{self, sleep};
use std::time::Duration;

use anyhow::{Result, ensure};
use rusqlite::{Connection, OpenFlags};
use serde_json::json;

use crate::clients::bearer;
use crate::http::{Answer, Line, Request, ask};
use crate::ledger::Ticket;
use crate::program::{Plan, Program, Server};
use crate::report::{Report, Tick, megabytes};

/// How much faster the time of day runs: minutes become days, so that what is kept for a day is seen to go. Much
/// faster, and a moment in which nobody asks is a leap of the clock.
const FASTER: u32 = 400;

/// How many clients come and go.
const CLIENTS: usize = 3;

/// How often memory is measured.
const LOOK: Duration = Duration::from_secs(2);

/// Debian's library, for programs with threads.
pub const FAKETIME: &str = "/usr/lib/x86_64-linux-gnu/faketime/libfaketimeMT.so.1";

const PASSWORD: &str = "correct horse battery staple";

/// What is kept about logins, and has to be forgotten. The journal is kept for 90 days, and grows meanwhile.
const TABLES: [&str; 3] = ["sessions", "log", "counters"];

/// How many steps the bar has.
pub fn steps(minutes: u64) -> usize {
    usize::try_from(minutes * 60 / LOOK.as_secs()).unwrap_or(usize::MAX)
}

/// Logs in and out for so many minutes; half of the logins are left to expire.
///
/// # Errors
///
/// If something could not be tried at all; without `faketime` nothing can.
pub fn run(program: &Program, place: &Path, minutes: u64, tick: Tick<'_>) -> Result<Report> {
    ensure!(Path::new(FAKETIME).exists(), "missing: faketime; as root run: apt-get install faketime");
    let dir = place.join("data");
    let plan = Plan::of(&dir)
        .with("LD_PRELOAD", FAKETIME)
        .with("FAKETIME", format!("+0 x{FASTER}"))
        .with("FAKETIME_DONT_FAKE_MONOTONIC", "1");
    let server = program.serve(&plan)?;
    let short = [
        "client",
        "set",
        "default",
        "--lifetime",
        "session_idle=3600",
        "--lifetime",
        "session_absolute=7200",
    ];
    let set = program.run(&Plan::of(&dir), &short)?;
    ensure!(set.status.success(), "{}", String::from_utf8_lossy(&set.stderr));
    let body = json!({ "username": "ada", "password": PASSWORD });
    ensure!(ask(server.at, &Request::post("/v1/register").json(&body))?.status == 201, "no account");

    let tally = Tally::default();
    let looks = thread::scope(|scope| {
        for _ in 0..CLIENTS {
            scope.spawn(|| tally.come_and_go(server.at));
        }
        let looks = watch(&server, &dir, steps(minutes), tick);
        tally.stop.store(true, Ordering::Relaxed);
        looks
    })?;
    Ok(report(minutes, &looks, &tally))
}

/// What clients have done.
#[derive(Default)]
struct Tally {
    stop: AtomicBool,
    made: AtomicUsize,
    failed: AtomicUsize,
}

impl Tally {
    /// Logs in, looks around, and goes: half of the times without a word.
    fn come_and_go(&self, at: SocketAddr) {
        let mut line = Line::to(at);
        while !self.stop.load(Ordering::Relaxed) {
            let number = self.made.fetch_add(1, Ordering::Relaxed);
            if self.visit(&mut line, number).is_none() {
                self.failed.fetch_add(1, Ordering::Relaxed);
                // Whatever it is, it is not made better by asking at once.
                sleep(Duration::from_millis(5));
            }
        }
    }

    fn visit(&self, line: &mut Line, number: usize) -> Option<()> {
        let mode = ["session", "hybrid"][number % 2];
        let body = json!({ "username": "ada", "password": PASSWORD, "mode": mode });
        let answer = line.ask(&Request::post("/v1/login").json(&body)).ok().filter(Answer::is_done)?;
        let login = Ticket::of(&answer.json());
        let token = bearer(&login)?;
        line.ask(&Request::get("/v1/me").bearer(token)).ok().filter(Answer::is_done)?;
        if number % 4 < 2 {
            line.ask(&Request::post("/v1/logout").bearer(token)).ok().filter(Answer::is_done)?;
        }
        Some(())
    }
}

/// What is seen of a server from outside.
#[derive(Clone, Copy)]
struct Look {
    memory: u64,
    /// Rows of [`TABLES`] together.
    rows: u64,
    /// Lines of the journal.
    journal: u64,
    /// Bytes of the database.
    size: u64,
}

fn watch(server: &Server, dir: &Path, steps: usize, tick: Tick<'_>) -> Result<Vec<Look>> {
    let file = dir.join("counterfoil.db");
    let database = Connection::open_with_flags(&file, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
    database.pragma_update(None, "query_only", true)?;
    let count = |table: &str| -> Result<u64> {
        let sql = format!("SELECT count(*) FROM {table}");
        Ok(database.query_row(&sql, [], |row| row.get::<_, i64>(0))?.try_into()?)
    };
    let mut looks = Vec::with_capacity(steps);
    for _ in 0..steps {
        sleep(LOOK);
        let rows = TABLES.iter().map(|table| count(table)).sum::<Result<u64>>()?;
        let (memory, size) = (server.resident()?, file.metadata()?.len());
        looks.push(Look { memory, rows, journal: count("events")?, size });
        tick();
    }
    Ok(looks)
}

/// Warm is what more than half of the time has been spent with: by then rows go as fast as they come.
fn report(minutes: u64, looks: &[Look], tally: &Tally) -> Report {
    let (made, failed) = (tally.made.load(Ordering::Relaxed), tally.failed.load(Ordering::Relaxed));
    let warm = looks.get(looks.len() * 6 / 10).copied().unwrap_or(NOTHING);
    let last = looks.last().copied().unwrap_or(NOTHING);
    let most = looks.iter().map(|look| look.memory).max().unwrap_or_default();
    let grown = last.memory.saturating_sub(warm.memory);
    let hours = minutes as f64 * 0.4 / 60.0;
    let days = minutes as f64 * f64::from(FASTER) / 1440.0;
    let mut report = Report::of("endurance");
    report.note("minutes, and the days that they were", format!("{minutes}, {days:.1}"));
    report.row("logins made", "> 0", made, made > failed);
    report.row("that failed", "0", failed, failed == 0);
    report.note("most memory", megabytes(most));
    // Before anything has been forgotten everything grows.
    let is_long = days > 2.5;
    let stays = !is_long || grown < 4_000_000;
    report.row("memory grown in the last two fifths", "< 4 MB", megabytes(grown), stays);
    report.note("that is, an hour", megabytes((grown as f64 / hours) as u64));
    let bound = warm.rows + warm.rows / 4;
    report.row("rows about logins", &format!("< {bound}"), last.rows, !is_long || last.rows < bound);
    report.note(
        "lines of the journal, bytes of the database",
        format!("{}, {}", last.journal, megabytes(last.size)),
    );
    report
}

const NOTHING: Look = Look { memory: 0, rows: 0, journal: 0, size: 0 };
