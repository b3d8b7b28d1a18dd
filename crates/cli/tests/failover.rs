//! PostgreSQL fails over to a synchronous standby under load: no login is lost, and no session that was ended returns.

#![cfg(feature = "postgres")]
#![allow(clippy::unwrap_used, reason = "what a test cannot prepare fails it")]

mod common;

use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use counterfoil_test_support::{PostgresPair, skip};
use rustix::process::Signal;
use serde_json::json;

use crate::common::{Server, counterfoil, in_dir};

const PASSWORD: &str = "correct horse battery staple";

/// How many failovers there are. The long form, `cargo xtask soak failover`, has more.
const FAILOVERS: &str = "COUNTERFOIL_FAILOVERS";

/// What was acknowledged to the clients.
#[derive(Default)]
struct Acknowledged {
    /// Tokens that were issued and not ended.
    active: Mutex<Vec<String>>,
    /// Tokens whose end was acknowledged.
    ended: Mutex<Vec<String>>,
    /// When logins were acknowledged.
    logins: Mutex<Vec<Instant>>,
    count: AtomicUsize,
}

impl Acknowledged {
    /// Logs in, and logs every other session out.
    fn run(&self, server: &Server, stop: &AtomicBool) {
        let login = json!({ "username": "ada", "password": PASSWORD, "mode": "session" });
        while !stop.load(Ordering::SeqCst) {
            let (status, answer) = server.post("/v1/login", &login);
            if status != 200 {
                assert!([0, 503].contains(&status), "{status}: {answer}");
                std::thread::sleep(Duration::from_millis(20));
                continue;
            }
            let token = answer["session_token"].as_str().unwrap().to_owned();
            self.logins.lock().unwrap().push(Instant::now());
            if self.count.fetch_add(1, Ordering::SeqCst).is_multiple_of(2) {
                let bearer = format!("Authorization: Bearer {token}");
                match server.curl("/v1/logout", &["-X", "POST", "-H", &bearer]).0 {
                    204 => self.ended.lock().unwrap().push(token),
                    // It is not known whether the session has ended.
                    status => assert!([0, 503].contains(&status), "{status}"),
                }
            } else {
                self.active.lock().unwrap().push(token);
            }
        }
    }

    /// The longest time without a login.
    fn longest_gap(&self) -> Duration {
        let mut logins = self.logins.lock().unwrap().clone();
        logins.sort();
        logins.windows(2).map(|pair| pair[1] - pair[0]).max().unwrap()
    }
}

/// The status of a check, once the server knows the answer: while it follows the new primary, it says 503 and not a guess.
fn known_status(server: &Server, token: &str) -> u16 {
    let started = Instant::now();
    loop {
        let (status, _) = server.get("/v1/me", token);
        if status != 503 || started.elapsed() > Duration::from_secs(15) {
            return status;
        }
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// What one failover has cost.
struct Failover {
    /// Sessions that were issued and are no longer accepted.
    lost: usize,
    /// Sessions whose end was acknowledged and that are accepted.
    revived: usize,
    /// How many answers were looked at.
    acknowledged: usize,
    /// The longest time without a login.
    gap: Duration,
}

#[test]
fn no_login_is_lost_and_no_session_returns_when_the_primary_is_killed() {
    let count = std::env::var(FAILOVERS).map_or(1, |count| count.parse().unwrap());
    let mut rounds = Vec::new();
    for number in 1..=count {
        let Some(pair) = PostgresPair::start() else { return skip("PostgreSQL is not installed") };
        let round = fail_over(pair);
        println!(
            "failover {number}: {} answers, {} lost, {} revived, no login for {} ms",
            round.acknowledged,
            round.lost,
            round.revived,
            round.gap.as_millis()
        );
        rounds.push(round);
    }
    let mut gaps: Vec<u128> = rounds.iter().map(|round| round.gap.as_millis()).collect();
    gaps.sort_unstable();
    let of_all = |count: fn(&Failover) -> usize| rounds.iter().map(count).sum::<usize>();
    let (lost, revived) = (of_all(|round| round.lost), of_all(|round| round.revived));
    println!(
        "{count} failovers: {} acknowledged answers, {lost} lost, {revived} revived; time without logins: \
         min {} ms, median {} ms, max {} ms",
        of_all(|round| round.acknowledged),
        gaps[0],
        gaps[gaps.len() / 2],
        gaps[gaps.len() - 1]
    );
    assert_eq!((lost, revived), (0, 0));
}

/// Kills the primary under load, promotes the standby, and looks for what was acknowledged.
fn fail_over(mut pair: PostgresPair) -> Failover {
    pair.sql("one", "postgres", "CREATE DATABASE auth");
    let (temp, url) = (tempfile::tempdir().unwrap(), pair.url("auth"));
    let dir = temp.path().join("data");
    let mut command = counterfoil(&in_dir(&dir, &["serve", "--listen", "127.0.0.1:0", "--store", &url]));
    let server = Server::start(&mut command, &temp.path().join("log"));
    assert_eq!(server.post("/v1/register", &json!({ "username": "ada", "password": PASSWORD })).0, 201);
    let (acknowledged, stop) = (Acknowledged::default(), AtomicBool::new(false));

    std::thread::scope(|scope| {
        for _ in 0..3 {
            scope.spawn(|| acknowledged.run(&server, &stop));
        }
        let wait_for = |count: usize| {
            let started = Instant::now();
            while acknowledged.count.load(Ordering::SeqCst) < count
                && started.elapsed() < Duration::from_secs(60)
            {
                std::thread::sleep(Duration::from_millis(10));
            }
        };
        wait_for(20);
        pair.kill_primary();
        pair.promote_standby();
        wait_for(acknowledged.count.load(Ordering::SeqCst) + 20);
        stop.store(true, Ordering::SeqCst);
    });

    let (active, ended) = (acknowledged.active.lock().unwrap(), acknowledged.ended.lock().unwrap());
    assert!(active.len() >= 8 && ended.len() >= 8, "{} and {}", active.len(), ended.len());
    let without = |tokens: &[String], expected: u16| {
        tokens.iter().filter(|token| known_status(&server, token) != expected).count()
    };
    let (lost, revived) = (without(&active, 200), without(&ended, 401));
    let (acknowledged, gap) = (active.len() + ended.len(), acknowledged.longest_gap());
    assert!(server.stop(Signal::TERM).success());
    Failover { lost, revived, acknowledged, gap }
}
