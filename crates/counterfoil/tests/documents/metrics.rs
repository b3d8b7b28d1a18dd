//! The metrics are read by the parsers of `prometheus_client` and of Prometheus.

use std::fs::{self, File};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::Command;

use counterfoil_test_support::python_reader;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::client::Request;
use crate::programs::{output, promtool};
use crate::test_server::{PASSWORD, TestServer, text};

/// What Prometheus 2.42 sends.
const PROMETHEUS: &str = "application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75,\
                          text/plain;version=0.0.4;q=0.5,*/*;q=0.1";

/// A server that has answered requests with success, an error of the client and an error of its own.
async fn used_server() -> TestServer {
    let server = TestServer::open().await;
    server.register("ada").await;
    let hybrid = server.login("ada", "hybrid").await;
    let wrong = json!({ "username": "ada", "password": "wrong horse battery" });
    assert_eq!(Request::post("/v1/login").json(&wrong).send(&server).await.status, 401);
    assert_eq!(server.me(text(&hybrid, "access_token")).await, 200);
    let refresh = json!({ "refresh_token": hybrid["refresh_token"] });
    assert_eq!(Request::post("/v1/refresh").json(&refresh).send(&server).await.status, 200);
    server.app.close().await.unwrap();
    let form = json!({ "username": "ada", "password": PASSWORD });
    assert_eq!(Request::post("/v1/login").json(&form).send(&server).await.status, 503);
    server
}

/// The metrics of a used server, in files.
pub(crate) struct Exposition {
    folder: TempDir,
    pub(crate) open_metrics: PathBuf,
    text: PathBuf,
}

impl Exposition {
    /// Reads both formats from the listener.
    pub(crate) async fn read() -> Self {
        let server = used_server().await;
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        listener.set_nonblocking(true).unwrap();
        let url = format!("http://{}/metrics", listener.local_addr().unwrap());
        let serving = tokio::spawn(counterfoil::serve_metrics(server.app.clone(), listener));
        let folder = TempDir::new().unwrap();
        let (open_metrics, text) = (folder.path().join("open-metrics"), folder.path().join("text"));

        let types = [scrape(&url, PROMETHEUS, &open_metrics).await, scrape(&url, "text/plain", &text).await];

        assert_eq!(
            types,
            [
                "application/openmetrics-text; version=1.0.0; charset=utf-8",
                "text/plain; version=0.0.4; charset=utf-8"
            ]
        );
        serving.abort();
        Self { folder, open_metrics, text }
    }
}

/// Reads the metrics into `file`. Returns their content type.
async fn scrape(url: &str, accept: &str, file: &Path) -> String {
    let mut curl = Command::new("curl");
    curl.args(["--silent", "--fail", "--noproxy", "*", "--write-out", "%{content_type}", "--output"]);
    curl.arg(file).args(["--header", &format!("Accept: {accept}"), url]);
    output(curl).await
}

#[tokio::test]
async fn prometheus_client_reads_both_formats_of_the_metrics() {
    let Some(mut reader) = python_reader("read_metrics.py") else { return };
    let exposition = Exposition::read().await;

    let families = output({
        reader.args([&exposition.open_metrics, &exposition.text]);
        reader
    });

    let families: Value = serde_json::from_str(&families.await).unwrap();
    let at_least = |kind: &str, number: u64| families[kind].as_u64().unwrap() >= number;
    assert!(at_least("counter", 20) && at_least("gauge", 15) && at_least("histogram", 7), "{families}");
}

#[tokio::test]
async fn promtool_finds_no_fault_in_the_metrics() {
    let Some(mut check) = promtool(&["check", "metrics"]) else { return };
    let exposition = Exposition::read().await;

    check.stdin(File::open(&exposition.text).unwrap());

    assert_eq!(output(check).await, "");
}

/// promtool imports only samples with a time.
#[tokio::test]
async fn prometheus_stores_every_sample_of_the_metrics() {
    let Some(mut import) = promtool(&["tsdb", "create-blocks-from", "openmetrics"]) else { return };
    let exposition = Exposition::read().await;
    let samples = fs::read_to_string(&exposition.open_metrics).unwrap();
    let timed = samples.lines().map(|line| match line.starts_with('#') {
        true => format!("{line}\n"),
        false => format!("{line} 1795953600\n"),
    });
    let (file, blocks) = (exposition.folder.path().join("timed"), exposition.folder.path().join("blocks"));
    fs::write(&file, timed.collect::<String>()).unwrap();

    import.args([&file, &blocks]);
    let report = output(import).await;

    let written = samples.lines().filter(|line| !line.starts_with('#')).count();
    let columns: Vec<&str> = report.lines().last().unwrap().split_whitespace().collect();
    assert!(columns.contains(&&*written.to_string()), "{written} samples: {report}");
}
