//! A small resource server: answers 200, 401 or 503 to a bearer token, verified in one of three ways.

use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;

use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{TcpListener, TcpStream};

use crate::feed::follower::{Follower, Verdict, View, fetch_token_verifier};
use crate::http::Request;
use crate::load::AsyncConnection;

/// The environment variable that makes a process a verifier: its [`VerifierConfig`] as JSON.
pub const CONFIG_VARIABLE: &str = "FEED_SCENARIO_VERIFIER";

/// What a verifier process writes before its address.
pub(crate) const LISTENS_ON: &str = "verifier listens on ";

/// How a verifier learns of revocations.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Method {
    /// It follows the feed.
    Feed,
    /// It asks the issuer at each request.
    AskIssuer,
    /// It verifies the signature and the claims only.
    SignatureOnly,
}

/// A verifier.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct VerifierConfig {
    /// The address of the issuer.
    pub issuer: SocketAddr,
    /// The audience of the tokens.
    pub audience: String,
    /// The verifier key.
    pub key: String,
    /// How it learns of revocations.
    pub method: Method,
}

/// Serves as a verifier if the environment says so, until standard input ends. Returns at once otherwise.
///
/// # Errors
///
/// If it cannot serve.
pub fn serve_if_configured() -> Result<bool> {
    let Ok(config) = std::env::var(CONFIG_VARIABLE) else { return Ok(false) };
    let config: VerifierConfig = serde_json::from_str(&config)?;
    // The process that started this one has ended.
    std::thread::spawn(|| {
        let _ = std::io::stdin().read_to_end(&mut Vec::new());
        std::process::exit(0);
    });
    tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(serve(config))?;
    Ok(true)
}

async fn serve(config: VerifierConfig) -> Result<()> {
    let (address, audience) = (config.issuer, config.audience.clone());
    let tokens = tokio::task::spawn_blocking(move || fetch_token_verifier(address, &audience)).await??;
    let view = Arc::new(View::new(tokens));
    if config.method == Method::Feed {
        let instance = format!("process-{}", std::process::id());
        tokio::spawn(Follower::new(config.issuer, &config.key, &instance, Arc::clone(&view)).run());
    }
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
    let mut stdout = std::io::stdout();
    writeln!(stdout, "{LISTENS_ON}{}", listener.local_addr()?)?;
    stdout.flush()?;
    let config = Arc::new(config);
    loop {
        let (stream, _) = listener.accept().await?;
        let (view, config) = (Arc::clone(&view), Arc::clone(&config));
        // An error ends the connection; its client notices.
        tokio::spawn(async move { serve_connection(stream, &view, &config).await });
    }
}

async fn serve_connection(stream: TcpStream, view: &View, config: &VerifierConfig) -> Result<()> {
    stream.set_nodelay(true)?;
    let mut stream = BufReader::new(stream);
    let mut issuer = AsyncConnection::new(config.issuer);
    loop {
        let mut head = String::new();
        while !head.ends_with("\r\n\r\n") {
            if stream.read_line(&mut head).await? == 0 {
                return Ok(());
            }
        }
        let token = head.lines().find_map(|line| line.strip_prefix("authorization: Bearer "));
        let token = token.context("a request without a token")?;
        let status = match config.method {
            Method::Feed => status(view.verify(token)),
            Method::SignatureOnly => {
                if view.verify(token) == Verdict::Refused {
                    401
                } else {
                    200
                }
            }
            Method::AskIssuer => ask(&mut issuer, view, token).await,
        };
        let response = format!("HTTP/1.1 {status} -\r\ncontent-length: 0\r\n\r\n");
        stream.get_mut().write_all(response.as_bytes()).await?;
    }
}

/// Asks the issuer whether the session of the token is active.
async fn ask(issuer: &mut AsyncConnection, view: &View, token: &str) -> u16 {
    if view.verify(token) == Verdict::Refused {
        return 401;
    }
    match issuer.send(&Request::get("/v1/me").bearer(token)).await {
        Ok(response) if response.status == 200 => 200,
        Ok(response) if response.status == 401 => 401,
        Ok(_) | Err(_) => 503,
    }
}

fn status(verdict: Verdict) -> u16 {
    match verdict {
        Verdict::Accepted => 200,
        Verdict::Refused => 401,
        Verdict::Stale => 503,
    }
}
