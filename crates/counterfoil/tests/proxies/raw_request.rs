//! Requests with a first line and hosts that no correct client sends.

use std::io::Write as _;
use std::net::SocketAddr;
use std::process::{Command, Stdio};

use crate::curl::{Answer, HOST};

/// A request, line by line.
#[derive(Debug, Clone)]
pub(crate) struct RawRequest {
    target: String,
    lines: Vec<String>,
}

impl RawRequest {
    /// `GET` of this target.
    pub(crate) fn get(target: &str) -> Self {
        Self { target: target.to_owned(), lines: Vec::new() }
    }

    pub(crate) fn line(mut self, name: &str, value: &str) -> Self {
        self.lines.push(format!("{name}: {value}\r\n"));
        self
    }

    /// Sends it to the proxy at this address, over TLS for the host of the application. `None` if there is no response.
    pub(crate) async fn send(&self, proxy: SocketAddr) -> Option<Answer> {
        let text =
            format!("GET {} HTTP/1.1\r\n{}Connection: close\r\n\r\n", self.target, self.lines.concat());
        let mut client = Command::new("timeout");
        client.args(["15", "openssl", "s_client", "-quiet", "-verify_quiet", "-servername", HOST]);
        client.arg("-connect").arg(proxy.to_string());
        client.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
        let exchange = move || {
            let mut process = client.spawn().unwrap();
            // It stays open: some proxies take its end for that of the client.
            let mut input = process.stdin.take().unwrap();
            input.write_all(text.as_bytes()).unwrap();
            let output = process.wait_with_output().unwrap();
            drop(input);
            String::from_utf8(output.stdout).unwrap()
        };
        let received = tokio::task::spawn_blocking(exchange).await.unwrap();
        (!received.is_empty()).then(|| Answer::parse(&received))
    }
}
