//! Everybody refreshes at once: the tabs of one browser, ten thousand clients whose tokens run out, and the same after
//! an outage. They all get their successor, soon, and nobody's login is taken for stolen.

use std::collections::BTreeSet;
use std::io;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use serde_json::json;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep_until};

use crate::crowd::{Line, come_back, far_away};
use crate::http::{Answer, Request, ask};
use crate::program::{Plan, Program};
use crate::report::{Report, Tick, megabytes, millis, p99};

/// How many steps the bar has.
pub const STEPS: usize = 5;

/// How long a refresh may take, but once in a hundred times.
const SOON: Duration = Duration::from_secs(1);

/// After an outage, how long it may take until everybody is in again.
const DRAINED: Duration = Duration::from_secs(60);

/// Over how many connections they come.
const LINES: usize = 1_000;

/// How many log in at a time, at the beginning: fewer than may wait for a hash.
const AT_A_TIME: usize = 32;

const PASSWORD: &str = "correct horse battery staple";

/// How many come, and when.
#[derive(Debug, Clone, Copy)]
pub struct Size {
    /// Clients, each with a login of its own.
    pub clients: usize,
    /// Tabs that show the same refresh token.
    pub tabs: usize,
    /// Within which time the tokens of all clients run out.
    pub window: Duration,
}

impl Size {
    /// Ten thousand clients in ten seconds, and a thousand tabs.
    pub const FULL: Self = Self { clients: 10_000, tabs: 1_000, window: Duration::from_secs(10) };
    /// What fits into a test.
    pub const SHORT: Self = Self { clients: 300, tabs: 100, window: Duration::from_secs(1) };
}

/// Has them refresh, and judges how long it took and who is still in.
///
/// # Errors
///
/// If something could not be tried at all.
pub fn run(program: &Program, place: &Path, size: Size, tick: Tick<'_>) -> Result<Report> {
    let plan = Plan::of(place.join("data"));
    let server = program.serve(&plan)?;
    let account = json!({ "username": "ada", "password": PASSWORD });
    let registered = ask(server.at, &Request::post("/v1/register").json(&account))?;
    ensure!(registered.is_done(), "nobody can register: {}", registered.status);
    let mut clients = far_away(all_in(server.at, size.clients + 1))?.context("logging in")?;
    tick();
    let browser = clients.pop().context("nobody is in")?;
    let tabs = far_away(tabs(server.at, browser.refresh, size.tabs))?.context("the tabs")?;
    tick();
    let (clients, expiry) =
        far_away(refreshed(server.at, clients, size.window))?.context("the tokens run out")?;
    let most = server.resident()?;
    tick();
    drop(server);
    let server = program.serve(&plan)?;
    let (mut clients, outage) =
        far_away(refreshed(server.at, clients, Duration::ZERO))?.context("after the outage")?;
    tick();
    clients.push(tabs.client);
    let out = far_away(count_out(server.at, clients))?.context("counting who is out")?;
    tick();

    let mut report = Report::of("herd");
    report.note("clients, tabs", format!("{}, {}", size.clients, size.tabs));
    report.row("successors that the tabs were given", "1", tabs.successors, tabs.successors == 1);
    report.note("tabs that are to take it from the others", tabs.later);
    judge_expiry(&mut report, expiry);
    report.note("memory then", megabytes(most));
    let (all, later) = (millis(outage.all_in), outage.later);
    report.row("after an outage, until all are in again", "< 60 s", all, outage.all_in < DRAINED);
    report.note("of these, told to come back", later);
    report.row("refused a successor", "0", outage.refused, outage.refused == 0);
    report.row("logins lost", "0", out, out == 0);
    Ok(report)
}

fn judge_expiry(report: &mut Report, mut expiry: Came) {
    let slowest = p99(&mut expiry.times);
    report.note("within the window, told to come back", expiry.later);
    report.row("p99 of a refresh when the tokens run out", "< 1 s", millis(slowest), slowest < SOON);
    report.row("refused a successor then", "0", expiry.refused, expiry.refused == 0);
}

/// What a client keeps.
#[derive(Debug, Clone)]
struct Client {
    refresh: String,
    access: String,
}

impl Client {
    /// With the tokens of an answer.
    fn of(answer: &Answer) -> Option<Self> {
        let body = answer.json();
        let text = |name: &str| body[name].as_str().map(str::to_owned);
        Some(Self { refresh: text("refresh_token")?, access: text("access_token")? })
    }

    fn asks_for_its_successor(&self) -> Request {
        Request::post("/v1/refresh").json(&json!({ "refresh_token": self.refresh }))
    }
}

/// So many logins.
async fn all_in(at: SocketAddr, clients: usize) -> Result<Vec<Client>> {
    let left = Arc::new(AtomicUsize::new(clients));
    let credentials = json!({ "username": "ada", "password": PASSWORD, "mode": "hybrid" });
    let mut lines = JoinSet::new();
    for _ in 0..AT_A_TIME {
        let (left, request) = (Arc::clone(&left), Request::post("/v1/login").json(&credentials));
        lines.spawn(async move {
            let mut line = Line::to(at);
            let mut clients = Vec::new();
            while left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(1)).is_ok()
            {
                let answer = line.ask(&request).await?;
                let client = Client::of(&answer);
                clients.push(client.with_context(|| format!("a login was refused: {}", answer.status))?);
            }
            anyhow::Ok(clients)
        });
    }
    let parts: Result<Vec<Vec<Client>>> = lines.join_all().await.into_iter().collect();
    Ok(parts?.concat())
}

/// What the tabs were given.
struct Tabs {
    /// How many different successors.
    successors: usize,
    /// How many were told that this token is asked about too often: they take what the others were given.
    later: usize,
    client: Client,
}

/// So many tabs of one browser find at the same time that they want a new token.
async fn tabs(at: SocketAddr, token: String, number: usize) -> Result<Tabs> {
    let request = Request::post("/v1/refresh").json(&json!({ "refresh_token": token }));
    let mut tabs = JoinSet::new();
    for _ in 0..number {
        let request = request.clone();
        tabs.spawn(async move { Line::to(at).ask(&request).await });
    }
    let answers: io::Result<Vec<Answer>> = tabs.join_all().await.into_iter().collect();
    let (given, later): (Vec<_>, Vec<_>) = answers?.into_iter().partition(|answer| answer.status != 429);
    let clients: Option<Vec<Client>> = given.iter().map(Client::of).collect();
    let clients = clients.context("a tab was refused a successor")?;
    let successors = clients.iter().map(|client| &client.refresh).collect::<BTreeSet<_>>().len();
    let client = clients.into_iter().next().context("no tab got a successor")?;
    Ok(Tabs { successors, later: later.len(), client })
}

/// What came of a crowd that refreshed.
#[derive(Default)]
struct Came {
    /// How long each waited, those who had to come back too.
    times: Vec<Duration>,
    /// How often somebody was told to come back.
    later: usize,
    /// Who was refused.
    refused: usize,
    /// Until the last was answered.
    all_in: Duration,
}

/// All of them refresh, evenly within `window`; or at once, if it is none.
async fn refreshed(at: SocketAddr, clients: Vec<Client>, window: Duration) -> Result<(Vec<Client>, Came)> {
    let (all, begun) = (clients.len(), Instant::now());
    let mut groups: Vec<Vec<(usize, Client)>> = vec![Vec::new(); LINES.min(all)];
    for (number, client) in clients.into_iter().enumerate() {
        groups[number % LINES].push((number, client));
    }
    let mut lines = JoinSet::new();
    for group in groups {
        lines.spawn(async move {
            let (mut line, mut came, mut clients) = (Line::to(at), Came::default(), Vec::new());
            for (number, client) in group {
                let due = begun + spread(window, number, all);
                // Whoever is late because the one before was answered late waits since it was due.
                sleep_until(due).await;
                let apart = spread(Duration::from_secs(1), number, all);
                let request = client.asks_for_its_successor();
                let (answer, later) = until_answered(&mut line, &request, apart).await?;
                came.times.push(due.elapsed());
                came.later += later;
                match Client::of(&answer) {
                    Some(next) => clients.push(next),
                    None => came.refused += 1,
                }
            }
            anyhow::Ok((clients, came))
        });
    }
    let (mut clients, mut whole) = (Vec::new(), Came::default());
    for part in lines.join_all().await {
        let (some, came) = part?;
        clients.extend(some);
        whole.times.extend(came.times);
        whole.later += came.later;
        whole.refused += came.refused;
    }
    whole.all_in = begun.elapsed();
    Ok((clients, whole))
}

/// The part of `span` that has passed when the turn comes to `number` of `all`.
fn spread(span: Duration, number: usize, all: usize) -> Duration {
    span.mul_f64(number as f64 / all as f64)
}

/// Asks, and comes back as often as it is told to; tells how often that was.
async fn until_answered(line: &mut Line, request: &Request, apart: Duration) -> Result<(Answer, usize)> {
    let mut later = 0;
    loop {
        let answer = line.ask(request).await?;
        if !matches!(answer.status, 429 | 503) {
            return Ok((answer, later));
        }
        ensure!(answer.header("retry-after").is_some(), "{} does not say when to come back", answer.status);
        later += 1;
        line.hang_up();
        come_back(&answer, apart).await;
    }
}

/// How many of them are not let in any more.
async fn count_out(at: SocketAddr, clients: Vec<Client>) -> Result<usize> {
    let (mut line, mut out) = (Line::to(at), 0);
    for client in clients {
        let answer = line.ask(&Request::get("/v1/me").bearer(&client.access)).await?;
        out += usize::from(answer.status != 200);
    }
    Ok(out)
}
