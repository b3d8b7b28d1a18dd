//! A journey through the pages of the lab in a browser, with script and without it.

#![allow(clippy::unwrap_used, reason = "what a test cannot prepare fails it")]

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::TcpListener;
use std::process::{Command, Stdio};

use counterfoil_lab::{CompareCommand, LabSite};
use counterfoil_test_support::{chromium, interop_folder};
use serde_json::{Value, json};
use tokio::sync::oneshot;

#[test]
fn a_person_plays_a_logout_step_by_step() {
    let (Some(folder), Some(chromium)) = (interop_folder("browser"), chromium()) else { return };
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.set_nonblocking(true).unwrap();
    let origin = format!("http://{}", listener.local_addr().unwrap());
    let (stop, stopped) = oneshot::channel::<()>();
    let site = std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
        let lab = LabSite::new(CompareCommand::quick("counterfoil"));
        runtime.block_on(lab.serve(vec![listener], async { drop(stopped.await) })).unwrap();
    });
    let travellers = [true, false].map(|script| json!({ "origin": origin, "script": script }));

    let mut node = Command::new("node");
    node.arg("driver.mjs").arg(chromium).current_dir(folder);
    let mut driver = node.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let mut requests = driver.stdin.take().unwrap();
    writeln!(requests, "{}", json!({ "journey": "lab", "travellers": travellers })).unwrap();
    let mut findings = String::new();
    BufReader::new(driver.stdout.take().unwrap()).read_line(&mut findings).unwrap();
    drop(requests);
    driver.wait().unwrap();
    drop(stop);
    site.join().unwrap();

    assert_eq!(serde_json::from_str::<Value>(&findings).unwrap(), json!([]));
}
