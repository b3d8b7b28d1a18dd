//! An HTTP server on loopback that responds as a test configures it, and a clock that a test sets.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::json;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

use counterfoil_jose::{Algorithm, JwkSet, Time};
use counterfoil_verify::{JwksOptions, RemoteVerifier, TokenVerifier, TokenVerifierBuilder};

use crate::test_signer::{NOON, SHOP, TestSigner, with};

pub(crate) const KEYS: &str = "/jwks.json";
pub(crate) const METADATA: &str = "/.well-known/oauth-authorization-server";
pub(crate) const OPENID: &str = "/.well-known/openid-configuration";

/// How the server responds.
#[derive(Clone, Debug)]
pub(crate) enum ServerResponse {
    /// Sends these bytes and closes the connection.
    Bytes(Vec<u8>),
    /// Sends these bytes and keeps the connection open.
    ThenStall(Vec<u8>),
    /// Sends a head, and then a body that never ends.
    EndlessBody(Vec<u8>),
    /// Sends these bytes one by one, with pauses.
    Drip(Vec<u8>),
}

impl ServerResponse {
    /// A complete response.
    pub(crate) fn with(status: &str, headers: &[&str], body: &str) -> Self {
        let lines: String = headers.iter().map(|line| format!("{line}\r\n")).collect();
        let length = body.len();
        Self::Bytes(format!("HTTP/1.1 {status}\r\n{lines}content-length: {length}\r\n\r\n{body}").into())
    }

    /// A complete JSON response with `max-age=300`.
    pub(crate) fn json(body: &str) -> Self {
        Self::with("200 OK", &["content-type: application/json", "cache-control: max-age=300"], body)
    }
}

#[derive(Default)]
struct ServerState {
    answers: Mutex<HashMap<String, ServerResponse>>,
    hits: Mutex<HashMap<String, usize>>,
}

/// The server. A path without a configured response is 404.
pub(crate) struct IssuerServer {
    pub(crate) base: String,
    state: Arc<ServerState>,
}

impl IssuerServer {
    /// A server without responses.
    pub(crate) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let base = format!("http://{}", listener.local_addr().unwrap());
        let state = Arc::new(ServerState::default());
        tokio::spawn(serve(listener, Arc::clone(&state)));
        Self { base, state }
    }

    /// A server with metadata, and with the keys of these signers.
    pub(crate) async fn with_keys(of: &[&TestSigner]) -> Self {
        let issuer = Self::start().await;
        issuer.respond(METADATA, ServerResponse::json(&issuer.metadata(&issuer.base)));
        issuer.publish(of);
        issuer
    }

    /// Metadata for this issuer.
    pub(crate) fn metadata(&self, issuer: &str) -> String {
        json!({ "issuer": issuer, "jwks_uri": format!("{}{KEYS}", self.base) }).to_string()
    }

    pub(crate) fn publish(&self, of: &[&TestSigner]) {
        self.respond(KEYS, ServerResponse::json(&key_set_json(of)));
    }

    pub(crate) fn respond(&self, path: &str, answer: ServerResponse) {
        self.state.answers.lock().unwrap().insert(path.to_owned(), answer);
    }

    /// The number of requests for `path`.
    pub(crate) fn request_count(&self, path: &str) -> usize {
        self.state.hits.lock().unwrap().get(path).copied().unwrap_or(0)
    }

    pub(crate) fn tokens(&self) -> TokenVerifierBuilder {
        TokenVerifier::builder(&self.base, SHOP, &[Algorithm::Es256, Algorithm::Ed25519])
    }

    /// A verifier for this server, with a test clock.
    pub(crate) fn verifier(&self, clock: &TestClock) -> RemoteVerifier {
        RemoteVerifier::start(self.tokens(), with_test_clock(clock, JwksOptions::from_discovery())).unwrap()
    }

    /// A token of this issuer, signed by `signer`.
    pub(crate) fn token(&self, signer: &TestSigner) -> String {
        signer.sign(&with("iss", json!(self.base)))
    }
}

/// The key set of these signers as JSON.
pub(crate) fn key_set_json(of: &[&TestSigner]) -> String {
    of.iter().filter_map(|signer| signer.key.verifying_key().jwk()).collect::<JwkSet>().to_json()
}

/// Sets a timeout of half a second and the test clock.
pub(crate) fn with_test_clock(clock: &TestClock, options: JwksOptions) -> JwksOptions {
    let clock = clock.clone();
    options.timeout(Duration::from_millis(500)).clock(move || clock.now())
}

/// A clock that a test sets; it starts at noon.
#[derive(Clone)]
pub(crate) struct TestClock(Arc<AtomicU64>);

impl TestClock {
    pub(crate) fn noon() -> Self {
        Self(Arc::new(AtomicU64::new(NOON.unix_ms())))
    }

    pub(crate) fn now(&self) -> Time {
        Time::from_unix_ms(self.0.load(Ordering::SeqCst))
    }

    pub(crate) fn advance(&self, by: Duration) {
        self.0.fetch_add(u64::try_from(by.as_millis()).unwrap(), Ordering::SeqCst);
    }
}

async fn serve(listener: TcpListener, state: Arc<ServerState>) {
    while let Ok((stream, _)) = listener.accept().await {
        tokio::spawn(handle(stream, Arc::clone(&state)));
    }
}

async fn handle(mut stream: TcpStream, state: Arc<ServerState>) {
    let mut request = Vec::new();
    while !request.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        match stream.read(&mut byte).await {
            Ok(1) => request.push(byte[0]),
            Ok(_) | Err(_) => return,
        }
    }
    let path = String::from_utf8(request).unwrap().split(' ').nth(1).unwrap().to_owned();
    *state.hits.lock().unwrap().entry(path.clone()).or_default() += 1;
    let response = state.answers.lock().unwrap().get(&path).cloned();
    // The client may have closed the connection.
    let _ =
        send(&mut stream, response.unwrap_or_else(|| ServerResponse::with("404 Not Found", &[], ""))).await;
}

async fn send(stream: &mut TcpStream, answer: ServerResponse) -> std::io::Result<()> {
    match answer {
        ServerResponse::Bytes(bytes) => stream.write_all(&bytes).await,
        ServerResponse::ThenStall(bytes) => {
            stream.write_all(&bytes).await?;
            stream.read_to_end(&mut Vec::new()).await.map(drop)
        }
        ServerResponse::EndlessBody(head) => {
            stream.write_all(&head).await?;
            loop {
                stream.write_all(&[b' '; 4096]).await?;
            }
        }
        ServerResponse::Drip(bytes) => {
            for byte in bytes {
                stream.write_all(&[byte]).await?;
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
            Ok(())
        }
    }
}
