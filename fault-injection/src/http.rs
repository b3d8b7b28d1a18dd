//! HTTP/1.1 as a plain client speaks it: one connection, one request at a time, and a clear word on what is in doubt.

use std::io::{self, BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use serde_json::Value;
/// How long an answer may take; longer than the server lets a request take.
const PATIENCE: Duration = Duration::from_secs(40);

/// What is asked for.
///
/// ```
/// use counterfoil_fault_injection::http::Request;
/// use serde_json::json;
///
/// let login = Request::post("/v1/login").json(&json!({ "username": "ada", "password": "secret" }));
/// assert!(login.to_bytes().starts_with(b"POST /v1/login HTTP/1.1\r\n"));
/// ```
#[derive(Debug, Clone)]
pub struct Request {
    head: String,
    body: Option<String>,
}

impl Request {
    /// A request of `method` for `path`.
    pub fn new(method: &str, path: &str) -> Self {
        Self { head: format!("{method} {path} HTTP/1.1\r\nhost: localhost\r\n"), body: None }
    }

    /// A GET.
    pub fn get(path: &str) -> Self {
        Self::new("GET", path)
    }

    /// A POST.
    pub fn post(path: &str) -> Self {
        Self::new("POST", path)
    }

    /// With one more header.
    #[must_use]
    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.head += &format!("{name}: {value}\r\n");
        self
    }

    /// Showing `token` as a bearer.
    #[must_use]
    pub fn bearer(self, token: &str) -> Self {
        self.header("authorization", &format!("Bearer {token}"))
    }

    /// With a body of JSON.
    #[must_use]
    pub fn json(self, body: &Value) -> Self {
        let body = body.to_string();
        let head = self.header("content-type", "application/json");
        Self { body: Some(body), ..head }
    }

    /// As it travels.
    pub fn to_bytes(&self) -> Vec<u8> {
        let body = self.body.as_deref().unwrap_or_default();
        format!("{}content-length: {}\r\n\r\n{body}", self.head, body.len()).into_bytes()
    }
}

/// An answer that came whole.
#[derive(Debug, Clone)]
pub struct Answer {
    /// The status.
    pub status: u16,
    head: String,
    /// The body.
    pub body: Vec<u8>,
}

impl Answer {
    /// What follows from its head: the status, and a body of the right length to be filled.
    pub(crate) fn begun(head: String) -> io::Result<Self> {
        let status = head.get(9..12).and_then(|digits| digits.parse().ok());
        let status = status.ok_or(io::ErrorKind::InvalidData)?;
        let mut answer = Self { status, head, body: Vec::new() };
        let length = answer.header("content-length").and_then(|length| length.parse().ok()).unwrap_or(0);
        answer.body.resize(length, 0);
        Ok(answer)
    }

    /// The value of a header, if it is there.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.head
            .lines()
            .filter_map(|line| line.split_once(':'))
            .find_map(|(found, value)| found.eq_ignore_ascii_case(name).then_some(value.trim()))
    }

    /// The body as JSON; null if it is none.
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_default()
    }

    /// Whether what was asked for was done.
    pub fn is_done(&self) -> bool {
        (200..300).contains(&self.status)
    }

    /// Whether it says as a client wants it said that the server cannot now (RFC 9457; `Retry-After`).
    pub fn is_clear_503(&self) -> bool {
        self.status == 503
            && self.header("content-type").is_some_and(|kind| kind.starts_with("application/problem+json"))
            && self.header("retry-after").is_some()
    }
}

/// Why there is no answer.
#[derive(Debug)]
pub enum Broken {
    /// Nobody took the connection: nothing was asked.
    Unheard(io::Error),
    /// It was asked, as far as we know, and nobody knows what came of it.
    InDoubt(io::Error),
}

/// A connection that is opened when it is needed, and again after it broke.
#[derive(Debug)]
pub struct Line {
    at: SocketAddr,
    open: Option<BufReader<TcpStream>>,
}

impl Line {
    /// To the server at `at`.
    pub fn to(at: SocketAddr) -> Self {
        Self { at, open: None }
    }

    /// Asks, and waits for the whole answer.
    ///
    /// # Errors
    ///
    /// Says whether the request may have been carried out.
    pub fn ask(&mut self, request: &Request) -> Result<Answer, Broken> {
        let mut stream = match self.open.take() {
            Some(stream) => stream,
            None => connect(self.at).map_err(Broken::Unheard)?,
        };
        let answer = talk(&mut stream, request).map_err(Broken::InDoubt)?;
        if answer.header("connection").is_none_or(|said| !said.eq_ignore_ascii_case("close")) {
            self.open = Some(stream);
        }
        Ok(answer)
    }
}

/// Asks once, over a connection of its own.
///
/// # Errors
///
/// If there is no whole answer.
pub fn ask(at: SocketAddr, request: &Request) -> io::Result<Answer> {
    Line::to(at).ask(request).map_err(|broken| match broken {
        Broken::Unheard(error) | Broken::InDoubt(error) => error,
    })
}

fn connect(at: SocketAddr) -> io::Result<BufReader<TcpStream>> {
    let stream = TcpStream::connect(at)?;
    stream.set_nodelay(true)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    Ok(BufReader::new(stream))
}

fn talk(stream: &mut BufReader<TcpStream>, request: &Request) -> io::Result<Answer> {
    stream.get_mut().write_all(&request.to_bytes())?;
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        if stream.read_line(&mut head)? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
    }
    let mut answer = Answer::begun(head)?;
    stream.read_exact(&mut answer.body)?;
    Ok(answer)
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;

    use super::*;

    fn answered_by(bytes: &'static [u8]) -> Result<Answer, Broken> {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let at = listener.local_addr().unwrap();
        let server = std::thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            let _ = stream.read(&mut [0; 1024]).unwrap();
            stream.write_all(bytes).unwrap();
        });
        let answer = Line::to(at).ask(&Request::get("/"));
        server.join().unwrap();
        answer
    }

    #[test]
    fn an_answer_is_read_whole_with_its_headers() {
        let answer =
            answered_by(b"HTTP/1.1 503 Busy\r\nRetry-After: 1\r\ncontent-length: 2\r\n\r\n{}").unwrap();

        assert_eq!((answer.status, answer.header("retry-after")), (503, Some("1")));
        assert_eq!(answer.body, b"{}");
        assert!(!answer.is_clear_503(), "it is no problem+json");
    }

    #[test]
    fn an_answer_that_is_cut_off_leaves_the_request_in_doubt() {
        let cut = answered_by(b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\n{}");

        assert!(matches!(cut, Err(Broken::InDoubt(_))), "{cut:?}");
    }

    #[test]
    fn where_nobody_listens_nothing_was_asked() {
        let at = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();

        assert!(matches!(Line::to(at).ask(&Request::get("/")), Err(Broken::Unheard(_))));
    }
}
