//! Journeys through the pages of the lab in a browser, with script and without it.

#![allow(clippy::unwrap_used, reason = "what a test cannot prepare fails it")]

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::TcpListener;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use counterfoil_lab::{CompareCommand, LabSite};
use counterfoil_test_support::{chromium, interop_folder};
use serde_json::{Value, json};
use tokio::sync::oneshot;

/// Makes a journey with script and without it at the same time, each at a lab site of its own.
fn travel(journey: &str, options: [Value; 2]) {
    let (Some(folder), Some(chromium)) = (interop_folder("browser"), chromium()) else { return };
    let sites = [(); 2].map(|()| Site::start());
    let travellers = [true, false].into_iter().zip(&sites).zip(options).map(|((script, site), options)| {
        let mut traveller = json!({ "origin": site.origin, "script": script });
        traveller.as_object_mut().unwrap().extend(options.as_object().unwrap().clone());
        traveller
    });
    let request = json!({ "journey": journey, "travellers": travellers.collect::<Vec<_>>() });

    let findings = drive(folder, chromium, &request);

    sites.into_iter().for_each(Site::stop);
    assert_eq!(findings, json!([]), "{journey}");
}

/// A site on a port of its own.
struct Site {
    origin: String,
    stop: oneshot::Sender<()>,
    thread: std::thread::JoinHandle<()>,
}

impl Site {
    fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        listener.set_nonblocking(true).unwrap();
        let origin = format!("http://{}", listener.local_addr().unwrap());
        let (stop, stopped) = oneshot::channel::<()>();
        let thread = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
            let site = LabSite::new(CompareCommand::quick("counterfoil"), |answers| {
                format!("# {} clients\n", answers.clients.len())
            });
            runtime.block_on(site.serve(vec![listener], async { drop(stopped.await) })).unwrap();
        });
        Self { origin, stop, thread }
    }

    fn stop(self) {
        drop(self.stop);
        self.thread.join().unwrap();
    }
}

/// Sends the request to a driver of a browser, and returns its answer.
fn drive(folder: PathBuf, chromium: PathBuf, request: &Value) -> Value {
    let mut node = Command::new("node");
    node.arg("driver.mjs").arg(chromium).current_dir(folder);
    let mut driver = node.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let mut requests = driver.stdin.take().unwrap();
    writeln!(requests, "{request}").unwrap();
    let mut answer = String::new();
    BufReader::new(driver.stdout.take().unwrap()).read_line(&mut answer).unwrap();
    drop(requests);
    driver.wait().unwrap();
    serde_json::from_str(&answer).unwrap()
}

#[test]
fn a_person_plays_a_logout_step_by_step() {
    travel("lab", [json!({}), json!({})]);
}

#[test]
fn a_person_moves_the_clock_until_the_credentials_expire() {
    travel("lab_clock", [json!({}), json!({})]);
}

#[test]
fn a_person_has_every_question_answered() {
    travel("lab_questions", [json!({ "questions": [1, 4] }), json!({ "questions": [2, 3, 5] })]);
}

#[test]
fn a_person_chooses_and_saves_the_files() {
    travel("lab_choose", [json!({}), json!({})]);
}

#[test]
fn a_person_takes_a_token_of_a_lab_apart() {
    travel("lab_token", [json!({}), json!({})]);
}
