//! Scenario `slow-clients`: the server disconnects clients that send byte by byte or never read responses.

use std::io::{ErrorKind, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread::{self, sleep};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use rustix::net::sockopt::set_socket_recv_buffer_size;

use crate::http::{Request, send};
use crate::program::{LaunchConfig, Program};
use crate::report::{Progress, Report, format_megabytes, format_millis, percentile_99};
use crate::server::Server;

/// The number of steps of the full scenario, one per second.
pub const STEPS: usize = 60;

/// The limit for the 99th percentile of a probe.
const MAX_PROBE_LATENCY: Duration = Duration::from_millis(100);

/// The limit for the growth of memory after the first third, in bytes.
const MAX_MEMORY_GROWTH: u64 = 8_000_000;

/// The size of the scenario.
#[derive(Debug, Clone, Copy)]
pub struct Size {
    /// The number of slow clients.
    pub clients: usize,
    /// The duration in seconds.
    pub seconds: usize,
}

impl Size {
    /// 1,000 clients for one minute.
    pub const FULL: Self = Self { clients: 1_000, seconds: STEPS };
}

/// Keeps slow clients connected, and probes `/healthz` with normal clients meanwhile. Works in `dir`.
///
/// # Errors
///
/// If the scenario cannot be carried out. Violations are part of the report.
pub fn run(program: &Program, dir: &Path, size: Size, progress: Progress<'_>) -> Result<Report> {
    let server = program.start(&LaunchConfig::new(dir.join("data")))?;
    let (stop, disconnects) = (AtomicBool::new(false), AtomicUsize::new(0));
    let measurements = thread::scope(|scope| {
        for number in 0..size.clients {
            let (behaviour, address) = (BEHAVIOURS[number % BEHAVIOURS.len()], server.address);
            let (stop, disconnects) = (&stop, &disconnects);
            let client = move || run_slow_client(address, behaviour, stop, disconnects);
            thread::Builder::new().stack_size(128 * 1024).spawn_scoped(scope, client)?;
        }
        let measurements = probe(&server, size, progress);
        stop.store(true, Ordering::Relaxed);
        measurements
    })?;
    Ok(report(size, measurements, disconnects.into_inner()))
}

fn report(size: Size, measurements: Measurements, disconnects: usize) -> Report {
    let Measurements { mut probe_latencies, memory } = measurements;
    let latency = percentile_99(&mut probe_latencies);
    let early = memory.get(size.seconds / 3).copied().unwrap_or_default();
    let growth = memory.last().copied().unwrap_or_default().saturating_sub(early);
    let mut report = Report::new("slow-clients");
    report.add_measurement("slow clients, seconds", format!("{}, {}", size.clients, size.seconds));
    report.add_measurement("probes", probe_latencies.len());
    report.add_criterion("p99 of a probe", "< 100 ms", format_millis(latency), latency < MAX_PROBE_LATENCY);
    report.add_criterion("disconnected slow clients", "> 0", disconnects, disconnects > 0);
    report.add_measurement("memory after a third of the time", format_megabytes(early));
    report.add_criterion(
        "memory growth from then on",
        "< 8 MB",
        format_megabytes(growth),
        growth < MAX_MEMORY_GROWTH,
    );
    report
}

struct Measurements {
    probe_latencies: Vec<Duration>,
    /// The resident set size after each second, in bytes.
    memory: Vec<u64>,
}

/// Sends `GET /healthz` every 20 ms over a new connection.
fn probe(server: &Server, size: Size, progress: Progress<'_>) -> Result<Measurements> {
    let mut measurements = Measurements { probe_latencies: Vec::new(), memory: Vec::new() };
    let request = Request::get("/healthz").header("connection", "close");
    for _ in 0..size.seconds {
        let second = Instant::now();
        while second.elapsed() < Duration::from_secs(1) {
            let started_at = Instant::now();
            let response = send(server.address, &request).context("a probe gets no response")?;
            ensure!(response.status == 200, "GET /healthz gets {}", response.status);
            measurements.probe_latencies.push(started_at.elapsed());
            sleep(Duration::from_millis(20));
        }
        measurements.memory.push(server.resident_memory()?);
        progress();
    }
    Ok(measurements)
}

/// How a slow client misuses its connection.
#[derive(Clone, Copy)]
enum Behaviour {
    /// Sends this start of a request, and then one byte at a time without ever completing it.
    SendSlowly(&'static str),
    /// Sends this request repeatedly and never reads a response.
    NeverRead(&'static str),
}

const BEHAVIOURS: [Behaviour; 3] = [
    Behaviour::SendSlowly("GET /healthz HTTP/1.1\r\nhost: localhost\r\nx-slow: "),
    Behaviour::SendSlowly(
        "POST /v1/login HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\n\
         content-length: 60000\r\n\r\n",
    ),
    Behaviour::NeverRead("GET /openapi.json HTTP/1.1\r\nhost: localhost\r\n\r\n"),
];

/// Misuses one connection after another until stopped, and counts how often the server disconnects it.
fn run_slow_client(address: SocketAddr, behaviour: Behaviour, stop: &AtomicBool, disconnects: &AtomicUsize) {
    while !stop.load(Ordering::Relaxed) {
        let Ok(mut stream) = TcpStream::connect(address) else {
            sleep(Duration::from_millis(200));
            continue;
        };
        // A small receive buffer fills soon; from then on the server has to keep unread data.
        let _ = set_socket_recv_buffer_size(&stream, 4096);
        let _ = stream.set_write_timeout(Some(Duration::from_millis(200)));
        let _ = stream.set_read_timeout(Some(Duration::from_millis(400)));
        let (Behaviour::SendSlowly(start) | Behaviour::NeverRead(start)) = behaviour;
        let _ = stream.write_all(start.as_bytes());
        while !stop.load(Ordering::Relaxed) {
            let is_open = match behaviour {
                Behaviour::SendSlowly(_) => send_one_byte(&mut stream),
                Behaviour::NeverRead(request) => send_without_reading(&mut stream, request),
            };
            if !is_open {
                disconnects.fetch_add(1, Ordering::Relaxed);
                // The scenario tests slow clients, not a flood of connections.
                sleep(Duration::from_millis(500));
                break;
            }
        }
    }
}

/// Sends one byte; false if the server has closed the connection.
fn send_one_byte(stream: &mut TcpStream) -> bool {
    if stream.write_all(b"a").is_err() {
        return false;
    }
    match stream.read(&mut [0; 512]) {
        Ok(read) => read > 0,
        Err(error) => error.kind() == ErrorKind::WouldBlock,
    }
}

/// Waits a second and sends a request; false if the server has closed the connection.
fn send_without_reading(stream: &mut TcpStream, request: &str) -> bool {
    sleep(Duration::from_secs(1));
    match stream.write_all(request.as_bytes()) {
        Ok(()) => true,
        Err(error) => error.kind() == ErrorKind::WouldBlock,
    }
}
