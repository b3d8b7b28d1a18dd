//! A site on a port of its own, and its responses.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::time::{Duration, Instant};

use counterfoil::operator::advice::Answers;
use counterfoil_lab::{CompareCommand, LabSite};
use tokio::sync::oneshot;

/// A site on a port of its own, which is stopped at the end.
pub(crate) struct Site {
    pub(crate) address: SocketAddr,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<std::thread::JoinHandle<()>>,
}

/// A response.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) head: String,
    pub(crate) body: String,
}

impl Site {
    pub(crate) fn start() -> Self {
        Self::measuring_with("/nowhere/counterfoil")
    }

    /// A site that measures with this program.
    pub(crate) fn measuring_with(program: &'static str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        listener.set_nonblocking(true).unwrap();
        let address = listener.local_addr().unwrap();
        let (stop, stopped) = oneshot::channel::<()>();
        let thread = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
            let stopped = async { drop(stopped.await) };
            let site = LabSite::new(CompareCommand::quick(program), configuration_text);
            runtime.block_on(site.serve(vec![listener], stopped)).unwrap();
        });
        Self { address, stop: Some(stop), thread: Some(thread) }
    }

    pub(crate) fn get(&self, path: &str) -> Answer {
        self.send("GET", path, &[], "")
    }

    pub(crate) fn post(&self, path: &str, body: &str) -> Answer {
        let own = format!("http://{}", self.address);
        self.send("POST", path, &[("origin", &own)], body)
    }

    pub(crate) fn send(&self, method: &str, path: &str, headers: &[(&str, &str)], body: &str) -> Answer {
        let mut head = format!("{method} {path} HTTP/1.1\r\nconnection: close\r\n");
        if !headers.iter().any(|(name, _)| *name == "host") {
            head += &format!("host: {}\r\n", self.address);
        }
        for (name, value) in headers {
            head += &format!("{name}: {value}\r\n");
        }
        head += &format!(
            "content-type: application/x-www-form-urlencoded\r\ncontent-length: {}\r\n\r\n{body}",
            body.len()
        );
        let mut stream = TcpStream::connect(self.address).unwrap();
        stream.write_all(head.as_bytes()).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        let status = head.get(9..12).unwrap().parse().unwrap();
        Answer { status, head: head.to_owned(), body: body.to_owned() }
    }

    /// Starts a measurement, and returns its page when it has ended.
    pub(crate) fn measure(&self) -> Answer {
        let started = self.post("/lab/measure", "");
        assert_eq!(started.status, 303, "{started:?}");
        let deadline = Instant::now() + Duration::from_secs(20);
        loop {
            let page = self.get(started.location());
            if !page.body.contains("is running") {
                return page;
            }
            assert!(Instant::now() < deadline, "{page:?}");
        }
    }

    /// Makes a lab, and returns its path.
    pub(crate) fn make(&self) -> String {
        let made = self.post("/lab", "");
        assert_eq!(made.status, 303, "{made:?}");
        made.location().to_owned()
    }
}

impl Drop for Site {
    fn drop(&mut self) {
        self.stop.take();
        let ended = self.thread.take().unwrap().join();
        assert!(ended.is_ok() || std::thread::panicking());
    }
}

impl Answer {
    pub(crate) fn location(&self) -> &str {
        self.head.lines().find_map(|line| line.strip_prefix("location: ")).unwrap()
    }
}

/// In place of the file of `counterfoil init`, which is tested with the binary.
fn configuration_text(answers: &Answers) -> String {
    let clients: Vec<&str> = answers.clients.iter().map(|kind| kind.as_str()).collect();
    format!("# {} {:?}\n", clients.join(" "), answers.trusted_origins)
}
