//! `counterfoil doctor` against a server without a proxy, and behind an nginx that is configured rightly, and wrongly in each
//! way.

#![allow(clippy::unwrap_used, reason = "what a test cannot prepare fails it")]

mod common;

use std::fs;
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use counterfoil_test_support::{self_signed_certificate, skip};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

use crate::common::{CommandOutput, Server, counterfoil, in_dir, output_of, run, run_with_input};

const NGINX: &str = "/usr/sbin/nginx";

/// Far longer than nginx needs to start.
const START_TIMEOUT: Duration = Duration::from_secs(30);

/// What a right configuration has in its `location`.
const RIGHT: &str = "proxy_set_header Host $http_host;
    proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
    proxy_set_header X-Forwarded-Proto $scheme;
    proxy_set_header Forwarded \"\";
    proxy_buffering off;
    proxy_http_version 1.1;";

/// A server behind nginx, whose configuration changes.
struct Deployment {
    temp: tempfile::TempDir,
    _server: Server,
    backend: u16,
    port: u16,
}

/// A running nginx; it ends when it is dropped.
struct Nginx(Child);

impl Deployment {
    /// Starts the server; `None` without nginx: the test is skipped.
    fn start() -> Option<Self> {
        if !Path::new(NGINX).exists() {
            skip("nginx is not installed");
            return None;
        }
        let temp = tempfile::tempdir().unwrap();
        self_signed_certificate(temp.path(), "served", "localhost");
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let issuer = format!("https://localhost:{port}");
        let dir = temp.path().join("data");
        let mut serve =
            counterfoil(&in_dir(&dir, &["serve", "--listen", "127.0.0.1:0", "--issuer", &issuer]));
        // nginx connects from this address, so that the doctor's own address is that of a client.
        serve.env("COUNTERFOIL_TRUSTED_PROXIES", "127.0.0.2/32");
        let server = Server::start(&mut serve, &temp.path().join("log"));
        Some(Self { backend: server.port(), _server: server, temp, port })
    }

    /// Starts nginx with these lines at the level of `http`, of `server` and of `location`.
    fn nginx(&self, http: &str, server: &str, location: &str) -> Nginx {
        let (dir, port, backend) = (self.temp.path().display(), self.port, self.backend);
        let temporary = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"];
        let temporary = temporary.map(|kind| format!("{kind}_temp_path {dir}/{kind};\n")).concat();
        let text = format!(
            "user root;\nworker_processes 1;\npid {dir}/pid;\nerror_log {dir}/nginx.log;\nevents {{}}\nhttp {{
access_log off;\n{temporary}{http}\nserver {{
  listen 127.0.0.1:{port} ssl;\n  ssl_protocols TLSv1.2 TLSv1.3;\n  ssl_certificate {dir}/served.pem;\n  ssl_certificate_key {dir}/served.key;\n  {server}
  location / {{\n    proxy_pass http://127.0.0.1:{backend};\n    proxy_bind 127.0.0.2;\n    {location}\n  }}\n}}\n}}\n"
        );
        let file = self.temp.path().join("nginx.conf");
        fs::write(&file, text).unwrap();
        let mut command = Command::new(NGINX);
        command.arg("-e").arg(self.temp.path().join("start.log")).arg("-c").arg(file);
        command.args(["-g", "daemon off;"]).stdin(Stdio::null()).stderr(Stdio::null());
        let mut nginx = Nginx(command.spawn().unwrap());
        let started_at = Instant::now();
        while TcpStream::connect(("127.0.0.1", port)).is_err() {
            let log = || fs::read_to_string(self.temp.path().join("nginx.log")).unwrap_or_default();
            assert!(nginx.0.try_wait().unwrap().is_none(), "nginx has ended: {}", log());
            assert!(started_at.elapsed() < START_TIMEOUT, "nginx does not listen: {}", log());
            std::thread::sleep(Duration::from_millis(10));
        }
        nginx
    }

    fn url(&self) -> String {
        format!("https://localhost:{}", self.port)
    }

    /// Runs the doctor with these arguments after the URL.
    fn examine(&self, arguments: &[&str]) -> CommandOutput {
        self.examine_trusting("served.pem", arguments)
    }

    /// Runs the doctor, which trusts this certificate.
    fn examine_trusting(&self, certificate: &str, arguments: &[&str]) -> CommandOutput {
        let (dir, url) = (self.temp.path().join("data"), self.url());
        let mut command = counterfoil(&in_dir(&dir, &[&["doctor", &url], arguments].concat()));
        command.env("SSL_CERT_FILE", self.temp.path().join(certificate)).env_remove("SSL_CERT_DIR");
        output_of(command.output().unwrap())
    }

    /// The status, and each check with its verdict and its line.
    fn rows(&self) -> (i32, Vec<(String, String, String)>) {
        let output = self.examine(&["--json"]);
        let report: Value = serde_json::from_str(&output.stdout).unwrap_or_else(|_| panic!("{output:?}"));
        let text = |row: &Value, name: &str| row[name].as_str().unwrap_or_default().to_owned();
        let rows = report["rows"].as_array().unwrap().iter();
        let rows = rows.map(|row| (text(row, "check"), text(row, "verdict"), text(row, "mend"))).collect();
        (output.status, rows)
    }
}

impl Drop for Nginx {
    fn drop(&mut self) {
        // Its worker ends only when it is asked to.
        let _ = kill_process(Pid::from_child(&self.0), Signal::TERM);
        let _ = self.0.wait();
    }
}

/// The checks that are neither good nor not checked.
fn findings(rows: &[(String, String, String)]) -> Vec<(&str, &str)> {
    let bad = rows.iter().filter(|(_, verdict, _)| verdict == "wrong" || verdict == "warning");
    bad.map(|(check, verdict, _)| (check.as_str(), verdict.as_str())).collect()
}

#[test]
fn behind_a_right_proxy_everything_is_good() {
    let Some(deployment) = Deployment::start() else { return };
    let _nginx = deployment.nginx("", "", RIGHT);

    let (status, rows) = deployment.rows();

    assert_eq!((findings(&rows), status), (vec![], 0), "{rows:?}");
    assert!(rows.iter().all(|(_, verdict, _)| verdict == "good"), "{rows:?}");
    assert_eq!(rows.len(), 19, "{rows:?}");
    let text = deployment.examine(&[]);
    assert!(text.stdout.contains("good         events") && text.stdout.contains("TLS 1.3"), "{text:?}");
}

#[test]
fn each_wrong_line_of_a_proxy_is_found_with_what_mends_it() {
    let Some(deployment) = Deployment::start() else { return };
    let right = |from: &str, to: &str| {
        assert!(RIGHT.contains(from));
        RIGHT.replace(from, to)
    };
    let plus = |line: &str| format!("{RIGHT}\n    {line}");
    let cache = format!("proxy_cache_path {}/cache keys_zone=all:1m;", deployment.temp.path().display());
    let appended = "$proxy_add_x_forwarded_for";
    let cases: [(&str, &str, String, &[&str], &str); 13] = [
        ("", "", right("buffering off", "buffering on"), &["events"], "proxy_buffering off;"),
        ("", "", plus("proxy_hide_header Set-Cookie;"), &["cookie set"], "proxy_hide_header Set-Cookie;"),
        ("", "", plus("proxy_cookie_flags ~ nosecure;"), &["cookie set"], "proxy_cookie_flags"),
        ("", "", plus("proxy_cookie_path / /auth;"), &["cookie set"], "proxy_cookie_path"),
        ("", "", plus("proxy_set_header Cookie \"\";"), &["cookie returned"], "proxy_set_header Cookie"),
        (
            "",
            "",
            plus("proxy_set_header Origin \"\";"),
            &["Sec-Fetch-Site and Origin"],
            "proxy_set_header Origin",
        ),
        ("", "", right("Host $http_host", "Host $proxy_host"), &["Host"], "proxy_set_header Host $host;"),
        (
            "",
            "",
            right("proxy_set_header X-Forwarded-Proto $scheme;", ""),
            &["scheme"],
            "X-Forwarded-Proto $scheme;",
        ),
        (
            "",
            "",
            right(
                "proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;",
                "proxy_set_header X-Forwarded-For \"\";",
            ),
            &["client address"],
            appended,
        ),
        (
            "",
            "",
            right("$proxy_add_x_forwarded_for", "$http_x_forwarded_for"),
            &["client address", "forged X-Forwarded-For"],
            appended,
        ),
        (
            "",
            "",
            right("proxy_set_header Forwarded \"\";", ""),
            &["forged Forwarded"],
            "proxy_set_header Forwarded \"\";",
        ),
        (
            &cache,
            "",
            plus(
                "proxy_cache all; proxy_cache_valid any 1m; proxy_ignore_headers Cache-Control Set-Cookie; proxy_hide_header Cache-Control; proxy_hide_header Strict-Transport-Security; proxy_buffering on;",
            ),
            &[],
            "proxy_cache off;",
        ),
        (
            "",
            "large_client_header_buffers 4 4k;",
            RIGHT.to_owned(),
            &["long headers"],
            "large_client_header_buffers",
        ),
    ];
    for (http, server, location, expected, mend) in cases {
        // The buffering of a cache is the line before in a configuration that nginx accepts once only.
        let location = match http.is_empty() {
            true => location,
            false => location.replacen("proxy_buffering off;", "", 1),
        };
        let _nginx = deployment.nginx(http, server, &location);

        let (status, rows) = deployment.rows();

        let found: Vec<&str> = findings(&rows).into_iter().map(|(check, _)| check).collect();
        match expected {
            [] => {
                for check in
                    ["answers from a cache", "Cache-Control", "Strict-Transport-Security", "cookie returned"]
                {
                    assert!(found.contains(&check), "{check}: {rows:?}");
                }
            }
            expected => assert_eq!(found, expected, "{location}: {rows:?}"),
        }
        let mends = |(_, verdict, line): &&(String, String, String)| verdict != "good" && line.contains(mend);
        assert!(rows.iter().any(|row| mends(&row)), "{mend}: {rows:?}");
        let is_wrong = rows.iter().any(|(_, verdict, _)| verdict == "wrong");
        assert_eq!(status, i32::from(is_wrong), "{rows:?}");
    }
}

#[test]
fn compression_is_a_warning_and_an_untrusted_certificate_is_wrong() {
    let Some(deployment) = Deployment::start() else { return };
    let gzip =
        "gzip on; gzip_proxied any; gzip_min_length 1; gzip_types application/json application/problem+json;";
    let nginx = deployment.nginx("", gzip, RIGHT);
    let (status, rows) = deployment.rows();
    assert_eq!((findings(&rows), status), (vec![("compression", "warning")], 0), "{rows:?}");

    self_signed_certificate(deployment.temp.path(), "other", "localhost");
    let untrusted = deployment.examine_trusting("other.pem", &["--json"]);
    assert_eq!(untrusted.status, 1, "{untrusted:?}");
    assert!(untrusted.stdout.contains("ssl_certificate"), "{untrusted:?}");

    drop(nginx);
    let unreachable = deployment.examine(&["--json"]);
    assert_eq!((unreachable.status, unreachable.stdout.as_str()), (2, ""), "{unreachable:?}");
}

#[test]
fn without_a_proxy_everything_is_good_and_without_a_probe_less_is_checked() {
    let temp = tempfile::tempdir().unwrap();
    let dir = temp.path().join("data");
    let server = Server::serve(&dir);

    let with = run(&in_dir(&dir, &["doctor", &server.base]));
    assert_eq!(with.status, 0, "{with:?}");
    assert!(!with.stdout.contains("not checked") && with.stdout.contains("cookie returned"), "{with:?}");

    let elsewhere = temp.path().join("elsewhere");
    let without = run(&in_dir(&elsewhere, &["doctor", &server.base]));
    assert_eq!(without.status, 0, "{without:?}");
    assert!(without.stdout.contains("--probe-file") && !elsewhere.exists(), "{without:?}");

    let probe = run(&in_dir(&dir, &["doctor", "--new-probe"])).stdout;
    let given = run_with_input(&["doctor", &server.base, "--probe-file", "-"], &probe);
    assert!(given.status == 0 && given.stdout.contains("cookie returned"), "{given:?}");
}

#[test]
fn development_mode_leads_to_the_page() {
    let temp = tempfile::tempdir().unwrap();
    let (dev, _) = Server::dev(&temp.path().join("log"));

    let redirect = run_curl(&format!("{}/doctor", dev.base));
    assert!(redirect.contains(" 303 ") && redirect.contains("location: /admin/doctor"), "{redirect}");
}

/// The head of the response.
fn run_curl(url: &str) -> String {
    let output = Command::new("curl").args(["-s", "-i", "--noproxy", "*", url]).output().unwrap();
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn without_a_probe_the_server_shows_nothing() {
    let temp = tempfile::tempdir().unwrap();
    let dir = temp.path().join("data");
    let server = Server::serve(&dir);
    let probe = run(&in_dir(&dir, &["doctor", "--new-probe"])).stdout;
    let changed = format!("cfd_{}", "A".repeat(64));

    for path in ["/v1/doctor/request", "/v1/doctor/events"] {
        assert_eq!(server.curl(path, &[]).0, 401);
        assert_eq!(server.get(path, &changed).0, 401);
        assert_eq!(server.get(path, probe.trim()).0, 200);
    }
    // A probe is a credential for these routes only.
    assert_eq!(server.get("/v1/me", probe.trim()).0, 401);
    assert_eq!(server.get("/v1/feed", probe.trim()).0, 401);
    let refused = (0..130).find_map(|_| (server.curl("/v1/doctor/request", &[]).0 == 429).then_some(()));
    assert!(refused.is_some(), "requests of one source are limited");
}
