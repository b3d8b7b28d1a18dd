//! Requests to the proxy, as a client sends them.

use std::net::SocketAddr;
use std::process::Command;

use serde_json::Value;

/// The host of the guarded application.
pub(crate) const HOST: &str = counterfoil_test_support::GUARDED_HOST;

/// Another guarded host, which another proxy serves.
pub(crate) const OTHER_HOST: &str = "other.example";

/// A request.
#[derive(Debug, Clone)]
pub(crate) struct Curl {
    method: &'static str,
    path: String,
    headers: Vec<String>,
    protocol: &'static str,
}

impl Curl {
    pub(crate) fn new(method: &'static str, path: &str) -> Self {
        Self { method, path: path.to_owned(), headers: Vec::new(), protocol: "--http1.1" }
    }

    pub(crate) fn get(path: &str) -> Self {
        Self::new("GET", path)
    }

    /// With HTTP/2, if the proxy speaks it.
    pub(crate) fn http2(self) -> Self {
        Self { protocol: "--http2", ..self }
    }

    pub(crate) fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push(format!("{name}: {value}"));
        self
    }

    /// With a session token, as a browser sends it, and a cookie of the application.
    pub(crate) fn cookie(self, token: &str) -> Self {
        self.header("Cookie", &format!("theme=dark; __Host-session={token}; lang=en"))
    }

    pub(crate) fn bearer(self, token: &str) -> Self {
        self.header("Authorization", &format!("Bearer {token}"))
    }

    /// Sends it to the proxy at this address.
    pub(crate) async fn send(&self, proxy: SocketAddr) -> Answer {
        self.try_send(proxy).await.unwrap_or_else(|| panic!("no response to {self:?}"))
    }

    /// As [`send`](Self::send). `None` if there is no response.
    pub(crate) async fn try_send(&self, proxy: SocketAddr) -> Option<Answer> {
        let mut curl = Command::new("curl");
        // The certificate is one of the test. A path is sent as it is.
        curl.args(["--silent", "--insecure", "--noproxy", "*", self.protocol, "--path-as-is", "--include"]);
        curl.args(["--max-time", "15", "--request", self.method]);
        curl.args(["--resolve", &format!("{HOST}:{}:127.0.0.1", proxy.port())]);
        curl.args(self.headers.iter().flat_map(|line| ["--header", line.as_str()]));
        curl.arg(format!("https://{HOST}:{}{}", proxy.port(), self.path));
        let output = tokio::task::spawn_blocking(move || curl.output()).await.unwrap().unwrap();
        output.status.success().then(|| Answer::parse(&String::from_utf8(output.stdout).unwrap()))
    }
}

/// A response of the proxy.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(String, String)>,
    body: String,
}

impl Answer {
    pub(crate) fn parse(text: &str) -> Self {
        let (head, body) = text.split_once("\r\n\r\n").unwrap_or_else(|| panic!("no response: {text:?}"));
        let status = head.split(' ').nth(1).unwrap().trim().get(..3).unwrap().parse().unwrap();
        let headers = head.lines().skip(1).filter_map(|line| line.split_once(':'));
        let headers =
            headers.map(|(name, value)| (name.to_ascii_lowercase(), value.trim().to_owned())).collect();
        Self { status, headers, body: body.to_owned() }
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(found, _)| found == name).map(|(_, value)| value.as_str())
    }

    /// The values of the headers that the application reads as `name`: CGI, WSGI and PHP read `Remote_User`, `Remote.User` and
    /// `Remote-User` as one. An empty one and none are the same to it.
    pub(crate) fn application_reads(&self, name: &str) -> Vec<String> {
        assert_eq!(self.status, 200, "{self:?}");
        let seen: Value =
            serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {self:?}"));
        let same = |found: &str| {
            let plain = |text: &str| {
                text.to_ascii_lowercase().replace(|letter: char| !letter.is_ascii_alphanumeric(), "_")
            };
            plain(found) == plain(name)
        };
        let headers = seen["headers"].as_array().unwrap().iter();
        let values =
            headers.filter(|line| same(line[0].as_str().unwrap())).map(|line| line[1].as_str().unwrap());
        values.filter(|value| !value.is_empty()).map(str::to_owned).collect()
    }
}
