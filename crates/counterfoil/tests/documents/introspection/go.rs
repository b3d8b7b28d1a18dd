//! A program in Go guards a route as `docs/resource-server.md` says: by introspection, and by the keys of the issuer.

use std::fs::{self, File};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use counterfoil::operator::{Command as Operation, TokenMintRequest};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::client::Request;
use crate::introspection::{AUDIENCE, Issuer};
use crate::programs::output;
use crate::test_server::{PASSWORD, text};

const PAGE: &str = include_str!("../../../../../docs/resource-server.md");

/// Where Debian installs libraries of Go, and the one that verifies tokens.
const LIBRARIES: &str = "/usr/share/gocode";
const JWT: &str = "github.com/golang-jwt/jwt";

/// Far longer than the build and the start take.
const DEADLINE: Duration = Duration::from_secs(120);

/// The program of the page, in a process of its own.
struct Guard {
    process: Child,
    address: SocketAddr,
    folder: TempDir,
}

impl Guard {
    /// Builds and starts `main.go` with one of the other two files. `None` if Go is not installed: the test is skipped.
    async fn start(issuer: &str, key: &str, file: &str) -> Option<Self> {
        if !Path::new("/usr/bin/go").exists() || !Path::new(LIBRARIES).join("src").join(JWT).exists() {
            counterfoil_test_support::skip(
                "golang-go and golang-github-golang-jwt-jwt-dev are not installed",
            );
            return None;
        }
        let folder = TempDir::new().unwrap();
        build(folder.path(), file).await;
        let address = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap();
        let mut guard = Command::new(folder.path().join("guard"));
        guard.env("ISSUER", issuer).env("VERIFIER_KEY", key).env("AUDIENCE", AUDIENCE);
        guard.env("LISTEN", address.to_string()).stdin(Stdio::null());
        guard.stdout(Stdio::null()).stderr(File::create(folder.path().join("log")).unwrap());
        let mut guard = Self { process: guard.spawn().unwrap(), address, folder };
        let started = Instant::now();
        while TcpStream::connect(address).is_err() {
            assert!(guard.process.try_wait().unwrap().is_none(), "the program has ended: {}", guard.log());
            assert!(started.elapsed() < DEADLINE, "the program does not listen: {}", guard.log());
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        Some(guard)
    }

    /// The status and the body of a request with this bearer token.
    async fn get(&self, token: Option<&str>) -> (u16, String) {
        let mut curl = Command::new("curl");
        curl.args(["-s", "--noproxy", "*", "-w", "\n%{http_code}"]);
        curl.args(token.iter().flat_map(|token| ["-H".to_owned(), format!("Authorization: Bearer {token}")]));
        let printed = output({
            curl.arg(format!("http://{}/orders", self.address));
            curl
        })
        .await;
        let (body, status) = printed.rsplit_once('\n').unwrap();
        (status.parse().unwrap(), body.trim().to_owned())
    }

    async fn status(&self, token: &str) -> u16 {
        self.get(Some(token)).await.0
    }

    fn log(&self) -> String {
        fs::read_to_string(self.folder.path().join("log")).unwrap()
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// Writes the two files of the page into `folder` and builds `guard` of them.
async fn build(folder: &Path, file: &str) {
    for name in ["main.go", file] {
        let (_, rest) = PAGE.split_once(&format!("```go\n// {name}\n")).unwrap();
        let code = rest.split_once("```").unwrap().0;
        // Debian has an earlier version, for which the code is the same.
        fs::write(folder.join(name), code.replace("golang-jwt/jwt/v5", "golang-jwt/jwt")).unwrap();
    }
    let mut go = Command::new("go");
    go.args(["build", "-o", "guard", "main.go", file]).current_dir(folder);
    // Nothing is fetched; what the compiler has built once is kept.
    let cache = Path::new(env!("CARGO_TARGET_TMPDIR")).join("go");
    go.env("GO111MODULE", "off").env("GOPATH", LIBRARIES).env("GOCACHE", cache).env("GOFLAGS", "-p=2");
    output(go).await;
}

/// An access token of ada for this audience.
async fn access_token(issuer: &Issuer, audience: &str) -> String {
    let form = json!({ "username": "ada", "password": PASSWORD, "mode": "jwt", "audience": audience });
    let login: Value = Request::post("/v1/login").json(&form).send(&issuer.server).await.json();
    text(&login, "access_token").to_owned()
}

/// An access token that expires within a second.
async fn short_token(issuer: &Issuer) -> String {
    let (user, audience) = (Some("ada".to_owned()), Some(AUDIENCE.to_owned()));
    let request = TokenMintRequest { user, audience, lifetime: Some(1), ..Default::default() };
    let minted = issuer.server.app.administer(Operation::TokenMint(request)).await.unwrap();
    text(&minted, "access_token").to_owned()
}

async fn log_out(issuer: &Issuer, token: &str) {
    let logout = Request::post("/v1/logout").bearer(token).send(&issuer.server).await;
    assert_eq!(logout.status, 204, "{logout:?}");
}

/// Waits until the token has expired.
async fn assert_refused_when_expired(guard: &Guard, token: &str) {
    let started = Instant::now();
    while guard.status(token).await != 401 {
        assert!(started.elapsed() < DEADLINE, "an expired token is accepted");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

#[tokio::test]
async fn a_program_in_go_that_introspects_accepts_active_tokens_for_it_only() {
    let issuer = Issuer::start().await;
    let Some(guard) = Guard::start(&issuer.server.origin, &issuer.key, "introspect.go").await else { return };
    let token = access_token(&issuer, AUDIENCE).await;
    let login = issuer.login().await;

    assert_eq!(guard.get(Some(&token)).await, (200, "the orders of ada".to_owned()), "{}", guard.log());
    assert_eq!(guard.get(None).await.0, 401);
    assert_eq!(guard.status("invalid").await, 401);
    assert_eq!(guard.status(text(&login, "refresh_token")).await, 401);
    assert_eq!(guard.status(&access_token(&issuer, "https://other.example").await).await, 401);
    assert_refused_when_expired(&guard, &short_token(&issuer).await).await;
    log_out(&issuer, &token).await;
    assert_eq!(guard.status(&token).await, 401);
}

#[tokio::test]
async fn a_program_in_go_that_verifies_tokens_notices_no_revocation_as_the_page_says() {
    let issuer = Issuer::start().await;
    let Some(guard) = Guard::start(&issuer.server.origin, &issuer.key, "verify.go").await else { return };
    let token = access_token(&issuer, AUDIENCE).await;
    let session = issuer.server.login("ada", "session").await;

    assert_eq!(guard.get(Some(&token)).await, (200, "the orders of ada".to_owned()), "{}", guard.log());
    assert_eq!(guard.get(None).await.0, 401);
    let (unsigned, _) = token.rsplit_once('.').unwrap();
    let (_, signature) = session["session_token"].as_str().unwrap().split_once('.').unwrap();
    for refused in ["invalid", text(&session, "session_token"), &format!("{unsigned}.{signature}")] {
        assert_eq!(guard.status(refused).await, 401, "{refused}");
    }
    assert_eq!(guard.status(&access_token(&issuer, "https://other.example").await).await, 401);
    assert_refused_when_expired(&guard, &short_token(&issuer).await).await;
    log_out(&issuer, &token).await;
    assert_eq!(guard.status(&token).await, 200);
}

#[tokio::test]
async fn programs_in_go_refuse_with_503_if_the_issuer_cannot_be_asked() {
    let issuer = Issuer::start().await;
    let token = access_token(&issuer, AUDIENCE).await;
    for file in ["introspect.go", "verify.go"] {
        // A port of this machine on which nothing listens.
        let Some(guard) = Guard::start("http://127.0.0.1:9", &issuer.key, file).await else { return };

        assert_eq!(guard.status(&token).await, 503, "{file}");
    }
}
