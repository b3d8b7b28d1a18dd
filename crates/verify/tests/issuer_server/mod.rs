//! An issuer on loopback that answers as it is told: well, badly, or not at all; and a clock that is told.
#![allow(dead_code, reason = "each test file is a crate of its own and uses its part")]

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::json;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

use counterfoil_jose::{Algorithm, JwkSet, Time};
use counterfoil_verify::{JwksOptions, RemoteVerifier, TokenVerifier, TokenVerifierBuilder};

use crate::test_issuer::{Mint, NOON, SHOP, with};

pub(crate) const KEYS: &str = "/jwks.json";
pub(crate) const METADATA: &str = "/.well-known/oauth-authorization-server";
pub(crate) const OPENID: &str = "/.well-known/openid-configuration";

/// How it answers.
#[derive(Clone, Debug)]
pub(crate) enum Answer {
    /// With just these bytes, and an end.
    Bytes(Vec<u8>),
    /// With these bytes, and then nothing: the connection stays.
    AndStall(Vec<u8>),
    /// With a head, and then a body without end.
    Endless(Vec<u8>),
    /// With these bytes, one after the other, a while between them.
    Drip(Vec<u8>),
}

impl Answer {
    /// A whole answer.
    pub(crate) fn with(status: &str, headers: &[&str], body: &str) -> Self {
        let lines: String = headers.iter().map(|line| format!("{line}\r\n")).collect();
        let length = body.len();
        Self::Bytes(format!("HTTP/1.1 {status}\r\n{lines}content-length: {length}\r\n\r\n{body}").into())
    }

    /// What a good issuer answers.
    pub(crate) fn json(body: &str) -> Self {
        Self::with("200 OK", &["content-type: application/json", "cache-control: max-age=300"], body)
    }
}

#[derive(Default)]
struct Desk {
    answers: Mutex<HashMap<String, Answer>>,
    hits: Mutex<HashMap<String, usize>>,
}

/// The issuer. Whatever it was told no answer for is 404.
pub(crate) struct Issuer {
    pub(crate) base: String,
    desk: Arc<Desk>,
}

impl Issuer {
    /// One that says nothing yet.
    pub(crate) async fn open() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let base = format!("http://{}", listener.local_addr().unwrap());
        let desk = Arc::new(Desk::default());
        tokio::spawn(serve(listener, Arc::clone(&desk)));
        Self { base, desk }
    }

    /// One with metadata, and with the keys of these.
    pub(crate) async fn with_keys(of: &[&Mint]) -> Self {
        let issuer = Self::open().await;
        issuer.answer(METADATA, Answer::json(&issuer.metadata(&issuer.base)));
        issuer.publish(of);
        issuer
    }

    /// Metadata that names this issuer.
    pub(crate) fn metadata(&self, issuer: &str) -> String {
        json!({ "issuer": issuer, "jwks_uri": format!("{}{KEYS}", self.base) }).to_string()
    }

    pub(crate) fn publish(&self, of: &[&Mint]) {
        self.answer(KEYS, Answer::json(&published(of)));
    }

    pub(crate) fn answer(&self, path: &str, answer: Answer) {
        self.desk.answers.lock().unwrap().insert(path.to_owned(), answer);
    }

    /// How often somebody asked for `path`.
    pub(crate) fn hits(&self, path: &str) -> usize {
        self.desk.hits.lock().unwrap().get(path).copied().unwrap_or(0)
    }

    pub(crate) fn tokens(&self) -> TokenVerifierBuilder {
        TokenVerifier::builder(&self.base, SHOP, &[Algorithm::Es256, Algorithm::Ed25519])
    }

    /// Follows it by a clock that is told.
    pub(crate) fn follow(&self, clock: &Told) -> RemoteVerifier {
        RemoteVerifier::start(self.tokens(), by(clock, JwksOptions::from_discovery())).unwrap()
    }

    /// A token of this issuer, signed by `mint`.
    pub(crate) fn token(&self, mint: &Mint) -> String {
        mint.sign(&with("iss", json!(self.base)))
    }
}

/// The keys of these, as they are published.
pub(crate) fn published(of: &[&Mint]) -> String {
    of.iter().filter_map(|mint| mint.key.verifying_key().jwk()).collect::<JwkSet>().to_json()
}

/// A fetch of `follow` takes at most half a second, by a clock that is told.
pub(crate) fn by(clock: &Told, follow: JwksOptions) -> JwksOptions {
    let clock = clock.clone();
    follow.timeout(Duration::from_millis(500)).clock(move || clock.now())
}

/// A clock that is told; noon at first.
#[derive(Clone)]
pub(crate) struct Told(Arc<AtomicU64>);

impl Told {
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

async fn serve(listener: TcpListener, desk: Arc<Desk>) {
    while let Ok((stream, _)) = listener.accept().await {
        tokio::spawn(answer(stream, Arc::clone(&desk)));
    }
}

async fn answer(mut stream: TcpStream, desk: Arc<Desk>) {
    let mut asked = Vec::new();
    while !asked.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        match stream.read(&mut byte).await {
            Ok(1) => asked.push(byte[0]),
            Ok(_) | Err(_) => return,
        }
    }
    let path = String::from_utf8(asked).unwrap().split(' ').nth(1).unwrap().to_owned();
    *desk.hits.lock().unwrap().entry(path.clone()).or_default() += 1;
    let told = desk.answers.lock().unwrap().get(&path).cloned();
    // Whoever asked may be gone.
    let _ = say(&mut stream, told.unwrap_or_else(|| Answer::with("404 Not Found", &[], "")), &desk).await;
}

async fn say(stream: &mut TcpStream, answer: Answer, _desk: &Desk) -> std::io::Result<()> {
    match answer {
        Answer::Bytes(bytes) => stream.write_all(&bytes).await,
        Answer::AndStall(bytes) => {
            stream.write_all(&bytes).await?;
            stream.read_to_end(&mut Vec::new()).await.map(drop)
        }
        Answer::Endless(head) => {
            stream.write_all(&head).await?;
            loop {
                stream.write_all(&[b' '; 4096]).await?;
            }
        }
        Answer::Drip(bytes) => {
            for byte in bytes {
                stream.write_all(&[byte]).await?;
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
            Ok(())
        }
    }
}
