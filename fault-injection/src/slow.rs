//! Clients that take their time over headers, bodies and answers: they are let go, and nobody else notices.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread::{self, sleep};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use rustix::net::sockopt::set_socket_recv_buffer_size;

use crate::http::{Request, ask};
use crate::program::{Plan, Program, Server};
use crate::report::{Report, Tick, megabytes, millis, p99};

/// How many steps the bar has.
pub const STEPS: usize = 60;

/// How long a healthy client waits at most, but once in a hundred times.
const HEALTHY: Duration = Duration::from_millis(100);

/// How much memory may grow between the first third and the end.
const GROWTH: u64 = 8_000_000;

/// How many are slow, and for how long.
#[derive(Debug, Clone, Copy)]
pub struct Size {
    /// How many.
    pub clients: usize,
    /// For how long, in seconds.
    pub seconds: usize,
}

impl Size {
    /// A thousand, for a minute.
    pub const FULL: Self = Self { clients: 1_000, seconds: STEPS };
}

/// Keeps so many slow clients at the server, and asks it meanwhile whether it is well.
///
/// # Errors
///
/// If something could not be tried at all.
pub fn run(program: &Program, place: &Path, size: Size, tick: Tick<'_>) -> Result<Report> {
    let server = program.serve(&Plan::of(place.join("data")))?;
    let (stop, let_go) = (AtomicBool::new(false), AtomicUsize::new(0));
    let (mut times, memory) = thread::scope(|scope| {
        for number in 0..size.clients {
            let (slow, at, stop, let_go) = (SLOW[number % SLOW.len()], server.at, &stop, &let_go);
            let be_slow = move || be_slow(at, slow, stop, let_go);
            thread::Builder::new().stack_size(128 * 1024).spawn_scoped(scope, be_slow)?;
        }
        let watched = watch(&server, size, tick);
        stop.store(true, Ordering::Relaxed);
        watched
    })?;

    let (slowest, let_go) = (p99(&mut times), let_go.into_inner());
    let warm = memory.get(size.seconds / 3).copied().unwrap_or_default();
    let grown = memory.last().copied().unwrap_or_default().saturating_sub(warm);
    let mut report = Report::of("slow");
    report.note("slow clients, seconds", format!("{}, {}", size.clients, size.seconds));
    report.note("healthy probes", times.len());
    report.row("p99 of a healthy probe", "< 100 ms", millis(slowest), slowest < HEALTHY);
    report.row("slow clients let go", "> 0", let_go, let_go > 0);
    report.note("memory after a third", megabytes(warm));
    report.row("growth from there to the end", "< 8 MB", megabytes(grown), grown < GROWTH);
    Ok(report)
}

/// How long healthy probes take, and how much memory there is after each second.
fn watch(server: &Server, size: Size, tick: Tick<'_>) -> Result<(Vec<Duration>, Vec<u64>)> {
    let (mut times, mut memory) = (Vec::new(), Vec::new());
    for _ in 0..size.seconds {
        let second = Instant::now();
        while second.elapsed() < Duration::from_secs(1) {
            let asked = Instant::now();
            let answer = ask(server.at, &Request::get("/healthz").header("connection", "close"));
            ensure!(answer.context("a healthy client is not served")?.status == 200, "it is not well");
            times.push(asked.elapsed());
            sleep(Duration::from_millis(20));
        }
        memory.push(server.resident()?);
        tick();
    }
    Ok((times, memory))
}

/// What a slow client begins with, and whether it goes on byte by byte; else it asks on, and reads nothing.
type Slow = (&'static str, bool);

const SLOW: [Slow; 3] = [
    ("GET /healthz HTTP/1.1\r\nhost: x\r\nx-slow: ", true),
    (
        "POST /v1/login HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: 60000\r\n\r\n",
        true,
    ),
    ("GET /openapi.json HTTP/1.1\r\nhost: x\r\n\r\n", false),
];

/// Is slow, and comes back as soon as it is let go.
fn be_slow(at: SocketAddr, (begin, drips): Slow, stop: &AtomicBool, let_go: &AtomicUsize) {
    while !stop.load(Ordering::Relaxed) {
        let Ok(mut stream) = TcpStream::connect(at) else {
            sleep(Duration::from_millis(200));
            continue;
        };
        // What is not read soon fills it, and then the server has to keep the rest.
        let _ = set_socket_recv_buffer_size(&stream, 4096);
        let _ = stream.set_write_timeout(Some(Duration::from_millis(200)));
        let _ = stream.set_read_timeout(Some(Duration::from_millis(400)));
        let _ = stream.write_all(begin.as_bytes());
        while !stop.load(Ordering::Relaxed) {
            let is_open = if drips { drip(&mut stream) } else { ask_on(&mut stream, begin) };
            if !is_open {
                let_go.fetch_add(1, Ordering::Relaxed);
                // It comes back, but it is slow and no flood.
                sleep(Duration::from_millis(500));
                break;
            }
        }
    }
}

/// One more byte; false if the server has had enough.
fn drip(stream: &mut TcpStream) -> bool {
    if stream.write_all(b"a").is_err() {
        return false;
    }
    match stream.read(&mut [0; 512]) {
        Ok(read) => read > 0,
        Err(error) => error.kind() == std::io::ErrorKind::WouldBlock,
    }
}

/// Asks once more without reading, and seldom: this is no flood either. False if the server has had enough.
fn ask_on(stream: &mut TcpStream, request: &str) -> bool {
    sleep(Duration::from_secs(1));
    match stream.write_all(request.as_bytes()) {
        Ok(()) => true,
        Err(error) => error.kind() == std::io::ErrorKind::WouldBlock,
    }
}
