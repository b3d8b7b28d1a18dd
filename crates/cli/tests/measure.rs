//! `/lab/measure` with the program itself: a measurement from the press of the button to its report, and its end with the server.

#![allow(clippy::unwrap_used, reason = "what a test cannot prepare fails it")]

mod common;

use std::fs;
use std::io::{BufRead, BufReader, Read, Write as _};
use std::net::TcpListener;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use counterfoil_lab::{CompareCommand, FigureId, LabSite, read};
use counterfoil_test_support::{chromium, interop_folder};
use rustix::process::{Pid, Signal, kill_process, kill_process_group};
use serde_json::{Value, json};
use tokio::sync::oneshot;

use crate::common::{Server, counterfoil, end_of, wait_until};

/// How long a step of a measurement may take on a slow machine.
const TIMEOUT: Duration = Duration::from_secs(60);

/// What takes no time: bytes are counted, nothing is timed.
const EXACT: [FigureId; 3] = [FigureId::Wire, FigureId::ClientBytes, FigureId::Crossing];

/// A site in this process that measures a part with the program.
struct Site {
    origin: String,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<thread::JoinHandle<()>>,
}

impl Site {
    fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        listener.set_nonblocking(true).unwrap();
        let origin = format!("http://{}", listener.local_addr().unwrap());
        let (stop, stopped) = oneshot::channel::<()>();
        let thread = thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
            let command = CompareCommand::quick(env!("CARGO_BIN_EXE_counterfoil")).only(&EXACT);
            let stopped = async { drop(stopped.await) };
            runtime
                .block_on(LabSite::new(command, |_| String::new()).serve(vec![listener], stopped))
                .unwrap();
        });
        Self { origin, stop: Some(stop), thread: Some(thread) }
    }
}

impl Drop for Site {
    fn drop(&mut self) {
        self.stop.take();
        let ended = self.thread.take().unwrap().join();
        assert!(ended.is_ok() || thread::panicking());
    }
}

/// `counterfoil lab` with its temporary files in `dir`, and its origin.
fn start_lab(dir: &Path) -> (Child, String) {
    let mut command = counterfoil(&["lab", "--listen", "127.0.0.1:0"]);
    let mut lab = command.env("TMPDIR", dir).stdout(Stdio::piped()).spawn().unwrap();
    let mut line = String::new();
    BufReader::new(lab.stdout.take().unwrap()).read_line(&mut line).unwrap();
    (lab, line.trim_end().strip_suffix("/lab").unwrap().to_owned())
}

/// The head and the body of a response.
fn curl(origin: &str, path: &str, arguments: &[&str]) -> (String, String) {
    let own = format!("Origin: {origin}");
    let mut command = Command::new("curl");
    command.args(["-si", "--noproxy", "*", "-H", &own, &format!("{origin}{path}")]).args(arguments);
    let text = String::from_utf8(command.output().unwrap().stdout).unwrap();
    let (head, body) = text.split_once("\r\n\r\n").unwrap_or((&text, ""));
    (head.to_ascii_lowercase(), body.to_owned())
}

/// Presses the button; the path of the measurement.
fn start(origin: &str) -> String {
    let (head, body) = curl(origin, "/lab/measure", &["-X", "POST"]);
    assert!(head.starts_with("http/1.1 303"), "{head}\n{body}");
    head.lines().find_map(|line| line.strip_prefix("location: ")).unwrap().to_owned()
}

/// The page of a measurement when it has ended.
fn wait_for_end(origin: &str, path: &str) -> String {
    let deadline = Instant::now() + TIMEOUT;
    loop {
        let (_, page) = curl(origin, path, &[]);
        if !page.contains("is running") {
            return page;
        }
        assert!(Instant::now() < deadline, "{page}");
        thread::sleep(Duration::from_millis(100));
    }
}

/// Follows the events of a measurement.
fn follow(origin: &str, path: &str) -> (Child, BufReader<impl Read + use<>>) {
    let mut command = Command::new("curl");
    command.args(["-sN", "--noproxy", "*", &format!("{origin}{path}/events")]);
    let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
    let events = BufReader::new(child.stdout.take().unwrap());
    (child, events)
}

/// Reads events until one names a part.
fn first_part(events: &mut impl BufRead) -> Value {
    let mut line = String::new();
    while events.read_line(&mut line).unwrap() > 0 {
        if let Some(data) = line.strip_prefix("data: ") {
            let data: Value = serde_json::from_str(data).unwrap();
            if data["part"] != "" {
                return data;
            }
        }
        line.clear();
    }
    panic!("the events have ended before the first part");
}

#[test]
fn a_measurement_is_shown_from_the_press_of_the_button_to_its_report() {
    let site = Site::start();
    assert!(curl(&site.origin, "/lab", &[]).1.contains("href=\"/lab/measure\""));

    let path = start(&site.origin);
    let page = wait_for_end(&site.origin, &path);

    for text in ["Each request carries", "<code>wire.request</code>", "build profile", "one HTML file"] {
        assert!(page.contains(text), "{text}: {page}");
    }
    assert!(page.len() <= 60 * 1024 && !page.contains("<script"), "{}", page.len());
    let (head, json) = curl(&site.origin, &format!("{path}/report.json"), &[]);
    assert!(head.contains("content-type: application/json"), "{head}");
    let report = read(&json).unwrap();
    assert!(report.figure("wire.request").is_some() && report.figure("check.rate").is_none());
    let (head, html) = curl(&site.origin, &format!("{path}/report.html"), &[]);
    assert!(head.contains("content-disposition: attachment; filename=\"counterfoil-report.html\""), "{head}");
    assert!(html.starts_with("<!doctype html>") && html.contains("counterfoil/lab-report/1"));

    let again = start(&site.origin);
    wait_for_end(&site.origin, &again);
    let (_, list) = curl(&site.origin, "/lab/measure", &[]);
    assert_eq!((again.as_str(), list.matches(">report</span>").count()), ("/lab/measure/2", 2), "{list}");
}

#[test]
fn one_measurement_runs_at_a_time_and_ends_with_its_button_and_with_the_server() {
    let temp = tempfile::tempdir().unwrap();
    let (mut lab, origin) = start_lab(temp.path());
    let path = start(&origin);
    let (mut follower, mut events) = follow(&origin, &path);
    let part = first_part(&mut events);
    assert!(
        part["of"].as_u64().unwrap() >= part["done"].as_u64().unwrap() && part["seconds"].is_u64(),
        "{part}"
    );
    let (head, running) = curl(&origin, &path, &[]);
    assert!(head.contains("script-src 'self'; connect-src 'self'") && head.contains("trusted-types 'none'"));
    assert!(running.contains("data-events=\"") && running.contains(" defer></script>"));
    let (head, reloading) = curl(&origin, &format!("{path}?every=2"), &[]);
    assert!(head.contains("refresh: 2") && !reloading.contains("<script"), "{head}");

    let (head, second) = curl(&origin, "/lab/measure", &["-X", "POST"]);
    assert!(head.starts_with("http/1.1 409"), "{head}");
    assert!(second.contains("No other measurement was started") && second.contains("<progress"), "{second}");
    assert!(curl(&origin, "/lab/measure", &[]).1.contains("See its progress"));

    let (head, _) = curl(&origin, &format!("{path}/stop"), &["-X", "POST"]);
    assert!(head.starts_with("http/1.1 303"), "{head}");
    assert!(curl(&origin, &path, &[]).1.contains("Measurement 1 was stopped"));
    let mut rest = String::new();
    events.read_to_string(&mut rest).unwrap();
    assert!(rest.contains("event: ended"), "{rest}");
    end_of(&mut follower, TIMEOUT);
    assert_eq!(files(temp.path()), 0, "a measurement that was stopped leaves no file");

    let (mut follower, mut events) = follow(&origin, &start(&origin));
    first_part(&mut events);
    assert!(files(temp.path()) > 0);
    kill_process(Pid::from_child(&lab), Signal::TERM).unwrap();
    assert!(end_of(&mut lab, TIMEOUT).success());
    end_of(&mut follower, TIMEOUT);
    assert_eq!(files(temp.path()), 0, "a measurement ends with its server");
}

/// A process that measures and is killed, as by a system without memory, leaves no server, which would have no rate limits.
#[test]
fn the_servers_of_a_measurement_end_with_its_process() {
    let temp = tempfile::tempdir().unwrap();
    let (mut lab, origin) = start_lab(temp.path());
    let path = start(&origin);
    let (mut follower, mut events) = follow(&origin, &path);
    first_part(&mut events);
    let parent = lab.id().to_string();
    let measuring = processes().into_iter().find(|process| process.parent == parent).unwrap();
    let id = Pid::from_raw(measuring.id.parse().unwrap()).unwrap();
    let _group = ProcessGroup(id);
    let in_group = || processes().iter().filter(|process| process.group == measuring.id).count();
    wait_until("it has started a server", || in_group() > 1);

    kill_process(id, Signal::KILL).unwrap();

    assert!(wait_for_end(&origin, &path).contains("the process has ended with"));
    wait_until("its servers end", || in_group() == 0);
    end_of(&mut follower, TIMEOUT);
    kill_process(Pid::from_child(&lab), Signal::TERM).unwrap();
    end_of(&mut lab, TIMEOUT);
    assert_eq!(files(temp.path()), 0);
}

/// Kills what is left of a group of processes when it is dropped, so that a test that fails leaves no server.
struct ProcessGroup(Pid);

impl Drop for ProcessGroup {
    fn drop(&mut self) {
        // There is nothing left if the test has passed.
        let _ = kill_process_group(self.0, Signal::KILL);
    }
}

struct Process {
    id: String,
    parent: String,
    group: String,
}

/// The processes of this machine that have not ended.
fn processes() -> Vec<Process> {
    let read = |entry: fs::DirEntry| {
        // The state, the parent and the group follow the name in parentheses.
        let stat = fs::read_to_string(entry.path().join("stat")).ok()?;
        let (id, rest) = (stat.split(' ').next()?, stat.rsplit(')').next()?);
        let mut fields = rest.split_whitespace().map(str::to_owned);
        let state = fields.next()?;
        let (parent, group) = (fields.next()?, fields.next()?);
        (state != "Z").then(|| Process { id: id.to_owned(), parent, group })
    };
    fs::read_dir("/proc").unwrap().filter_map(|entry| read(entry.ok()?)).collect()
}

fn files(dir: &Path) -> usize {
    fs::read_dir(dir).unwrap().count()
}

#[test]
fn dev_measures_without_a_line_in_its_log_and_stops_under_a_page_that_follows() {
    let dir = tempfile::tempdir().unwrap();
    let log = dir.path().join("log");
    let (dev, _) = Server::dev(&log);
    assert!(curl(&dev.base, "/", &["-H", "Accept: text/html"]).1.contains("/lab/measure"));
    let other = ["-X", "POST", "-H", "Origin: https://attacker.example"];
    assert_eq!(dev.curl("/lab/measure", &other).0, 403);

    let (mut follower, mut events) = follow(&dev.base, &start(&dev.base));
    first_part(&mut events);

    // It waits for responses in progress, and fails after a few seconds.
    dev.stop(Signal::TERM);
    end_of(&mut follower, TIMEOUT);
    let log = fs::read_to_string(log).unwrap();
    assert!(!log.contains("/v1/login"), "{log}");
}

#[test]
fn a_person_measures_with_script_and_without_it() {
    let (Some(folder), Some(chromium)) = (interop_folder("browser"), chromium()) else { return };
    let site = Site::start();
    let travellers = [true, false].map(|script| json!({ "origin": site.origin, "script": script }));

    let mut node = Command::new("node");
    node.arg("driver.mjs").arg(chromium).current_dir(folder);
    let mut driver = node.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let mut requests = driver.stdin.take().unwrap();
    // One after the other, because one measurement runs at a time.
    let mut answers = BufReader::new(driver.stdout.take().unwrap());
    for traveller in travellers {
        writeln!(requests, "{}", json!({ "journey": "measure", "travellers": [traveller] })).unwrap();
        let mut findings = String::new();
        answers.read_line(&mut findings).unwrap();
        assert_eq!(serde_json::from_str::<Value>(&findings).unwrap(), json!([]));
    }
    drop(requests);
    driver.wait().unwrap();
}
