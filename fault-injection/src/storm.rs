//! A thousand logins at once: they get in or are told when to come back, and everybody else is served as before.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Barrier};
use std::thread::{self, sleep};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use serde_json::json;
use tokio::task::JoinSet;

use crate::crowd::{self, come_back, far_away};
use crate::http::{Line, Request, ask};
use crate::program::{Plan, Program, Server};
use crate::report::{Report, Tick, median, megabytes, millis, p99};

/// How many steps the bar has.
pub const STEPS: usize = 3;

/// How many people want to log in.
const STORM: u32 = 1_000;

/// The most memory that the server may have meanwhile.
const MEMORY: u64 = 150_000_000;

/// How long each phase is measured.
const PHASE: Duration = Duration::from_secs(10);

/// Connections that measure what a server can do at all.
const MANY: u32 = 16;

/// Connections that use a part of it.
const FEW: u32 = 4;

const PASSWORD: &str = "correct horse battery staple";

/// Measures the protected route at a fifth of its capacity, alone and beside a storm of logins with real hashes.
///
/// # Errors
///
/// If something could not be tried at all.
pub fn run(program: &Program, place: &Path, tick: Tick<'_>) -> Result<Report> {
    let plan = careful(Plan::of(place.join("data")));
    let server = program.serve(&plan)?;
    let me = signed_in(server.at)?;
    let capacity = drive(server.at, &me, MANY, None)?.rate();
    tick();
    let every = Duration::from_secs_f64(5.0 / capacity) * FEW;
    let alone = drive(server.at, &me, FEW, Some(every))?;
    tick();
    let (beside, storm, most) = storm(&server, &me, every)?;
    tick();
    Ok(report(capacity, alone, beside, &storm, most))
}

/// With hashes as they are in earnest.
pub(crate) fn careful(plan: Plan) -> Plan {
    plan.without("COUNTERFOIL_PASSWORD_MEMORY").without("COUNTERFOIL_PASSWORD_PASSES")
}

/// A request for the protected route, by somebody who is signed in.
pub(crate) fn signed_in(at: SocketAddr) -> Result<Request> {
    let body = json!({ "username": "ada", "password": PASSWORD });
    ask(at, &Request::post("/v1/register").json(&body))?;
    let answer = ask(at, &Request::post("/v1/login").json(&body))?.json();
    let token = answer["session_token"].as_str().context("nobody is let in")?;
    Ok(Request::get("/v1/me").bearer(token))
}

/// What came of driving a route.
struct Driven {
    times: Vec<Duration>,
}

impl Driven {
    fn rate(&self) -> f64 {
        self.times.len() as f64 / PHASE.as_secs_f64()
    }
}

/// Asks over so many connections, as fast as they can or one request in each span `every` on each.
fn drive(at: SocketAddr, request: &Request, connections: u32, every: Option<Duration>) -> Result<Driven> {
    let one = |number: u32| -> Result<Vec<Duration>> {
        let (mut line, mut times) = (Line::to(at), Vec::new());
        let begun = Instant::now();
        let mut free = begun;
        // They take turns.
        let mut due = every.map(|every| begun + every / connections * number);
        while begun.elapsed() < PHASE {
            let asked = asked(due, free);
            let answer = line.ask(request).ok().context("no answer")?;
            ensure!(answer.status == 200, "the protected route answers {}", answer.status);
            free = Instant::now();
            times.push(free - asked);
            due = due.zip(every).map(|(due, every)| due + every);
        }
        Ok(times)
    };
    let parts: Vec<Result<Vec<Duration>>> = thread::scope(|scope| {
        let threads: Vec<_> = (0..connections).map(|number| scope.spawn(move || one(number))).collect();
        threads.into_iter().map(|thread| thread.join().expect("a client does not panic")).collect()
    });
    let parts: Vec<Vec<Duration>> = parts.into_iter().collect::<Result<_>>()?;
    Ok(Driven { times: parts.concat() })
}

/// Waits until a request is due, and tells from when on its answer is waited for. If the one before was answered
/// later than that it is since then: whoever is slow is not asked less. How late we woke is not the server's affair.
fn asked(due: Option<Instant>, free: Instant) -> Instant {
    match due {
        Some(due) if due > free => {
            sleep(due.saturating_duration_since(Instant::now()));
            Instant::now()
        }
        Some(due) => due,
        None => Instant::now(),
    }
}

/// What the storm was told.
#[derive(Default)]
struct Told {
    served: AtomicUsize,
    later: AtomicUsize,
    odd: AtomicUsize,
}

/// Drives the route while everybody logs in, again and again, as often as they may; tells the most memory, too.
fn storm(server: &Server, me: &Request, every: Duration) -> Result<(Driven, Arc<Told>, u64)> {
    let (told, stop, most) = (Arc::<Told>::default(), Arc::new(AtomicBool::new(false)), AtomicU64::new(0));
    let start = Barrier::new(2);
    let driven = thread::scope(|scope| {
        let crowd = scope.spawn(|| {
            start.wait();
            far_away(everybody(server.at, &told, &stop))
        });
        scope.spawn(|| {
            while !stop.load(Ordering::Relaxed) {
                most.fetch_max(server.resident().unwrap_or(0), Ordering::Relaxed);
                sleep(Duration::from_millis(50));
            }
        });
        start.wait();
        let driven = drive(server.at, me, FEW, Some(every));
        stop.store(true, Ordering::Relaxed);
        crowd.join().expect("the crowd does not panic")?;
        driven
    })?;
    Ok((driven, told, most.into_inner()))
}

/// All of them at once.
async fn everybody(at: SocketAddr, told: &Arc<Told>, stop: &Arc<AtomicBool>) {
    let mut people = JoinSet::new();
    for number in 0..STORM {
        let apart = Duration::from_secs(1) * number / STORM;
        people.spawn(log_in_until(Arc::clone(stop), at, apart, Arc::clone(told)));
    }
    people.join_all().await;
}

/// Logs in again and again: whoever was turned away when they were told to, whoever was let in after a second, and all
/// of them up to a second later. People who were answered at one moment do not keep step from then on.
async fn log_in_until(stop: Arc<AtomicBool>, at: SocketAddr, apart: Duration, told: Arc<Told>) {
    let body = json!({ "username": "ada", "password": PASSWORD });
    let (request, mut line) = (Request::post("/v1/login").json(&body), crowd::Line::to(at));
    while !stop.load(Ordering::Relaxed) {
        let Ok(answer) = line.ask(&request).await else {
            told.odd.fetch_add(1, Ordering::Relaxed);
            continue;
        };
        let counter = match answer.status {
            200 => &told.served,
            _ if answer.is_clear_503() => &told.later,
            _ => &told.odd,
        };
        counter.fetch_add(1, Ordering::Relaxed);
        come_back(&answer, apart).await;
    }
}

fn report(capacity: f64, mut alone: Driven, mut beside: Driven, told: &Told, most: u64) -> Report {
    let count = |counter: &AtomicUsize| counter.load(Ordering::Relaxed);
    let (calm, busy) = (median(&mut alone.times), median(&mut beside.times));
    let (peace, trouble) = (p99(&mut alone.times), p99(&mut beside.times));
    let mut report = Report::of("storm");
    report.note("capacity of the protected route, requests a second", format!("{capacity:.0}"));
    report.note("driven at, requests a second", format!("{:.0}", beside.rate()));
    report.note("median alone, beside 1,000 logins", format!("{}, {}", millis(calm), millis(busy)));
    report.note("p99 alone", millis(peace));
    report.row("p99 beside 1,000 logins", "within twice", millis(trouble), trouble <= peace * 2);
    report.row("most memory", "< 150 MB", megabytes(most), most < MEMORY);
    report.row("logins served", "> 0", count(&told.served), count(&told.served) > 0);
    report.row("told to come back (503, Retry-After)", "> 0", count(&told.later), count(&told.later) > 0);
    report.row("answered otherwise", "0", count(&told.odd), count(&told.odd) == 0);
    report
}
